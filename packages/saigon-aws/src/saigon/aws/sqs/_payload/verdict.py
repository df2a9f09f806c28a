"""Whose fault it is that S3 does not give a payload: the message's, the moment's or ours."""

import re
from typing import Any, Final

from saigon.aws.sqs.exceptions import (
    ForwarderError,
    MessageRejectedError,
    PayloadRefusedError,
    PayloadUnavailableError,
)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# MethodNotAllowed is the answer for a delete marker.
_GONE: Final = frozenset({"404", "MethodNotAllowed", "NoSuchKey", "NoSuchVersion", "NotFound"})
_ARCHIVED: Final = "InvalidObjectState"
_LATER: Final = re.compile(r"throttl|slowdown|requestlimit|requesttimeout$", re.IGNORECASE)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_WORD: Final = re.compile(r"[\w.]{1,100}", re.ASCII)


def verdict_on_s3(error: Exception, bucket: str) -> ForwarderError:
    """Return what follows from an error of S3, of boto3 or of what is below it.

    Args:
        error: The error.
        bucket: One of those that the owner named.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _on_refusal(error, bucket)
    kind = type(error).__name__
    if isinstance(error, _no_answer()):
        return PayloadUnavailableError(f"S3 did not give a payload of bucket {bucket}: {kind}")
    return PayloadRefusedError(
        f"S3 can not be asked for a payload of bucket {bucket}: {kind}; "
        "check AWS's region, profile and credentials"
    )


def _on_refusal(error: Any, bucket: str) -> ForwarderError:
    found = str(error.response.get("Error", {}).get("Code", ""))
    code = found if _WORD.fullmatch(found) else "no code"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _GONE:
        return MessageRejectedError("the large payload is not in S3")
    if code == _ARCHIVED:
        return MessageRejectedError("the large payload is archived in S3")
    if status >= _SERVER_ERROR or status == _TOO_MANY or _LATER.search(code):
        return PayloadUnavailableError(f"S3 can not give a payload of bucket {bucket} now: {code}")
    return PayloadRefusedError(
        f"S3 refused to give a payload of bucket {bucket}: {code}; expected the permissions for "
        "s3:GetObject and s3:ListBucket (without which an absent object is denied), and for "
        "kms:Decrypt on the bucket's key"
    )


def _no_answer() -> tuple[type[Exception], ...]:
    from botocore import exceptions
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    return (
        exceptions.ConnectionError,
        exceptions.FlexibleChecksumError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        ConnectionError,
        HTTPError,
        ResponseParserError,
        TimeoutError,
    )
