"""The edge where boto3's errors become those of ``saigon.aws.s3``."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from saigon.aws.s3.exceptions import (
    S3AccessDeniedError,
    S3Error,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    S3ObjectTooLargeError,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

__all__ = ["answer_of"]

AnswerT = TypeVar("AnswerT")

# Of ParamValidationError's text, whose rest may quote what was given.
_PARAMETER = re.compile(r"parameter:? \"?(\w+)|Invalid (bucket) name", re.ASCII)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# MethodNotAllowed is the answer to a GET of the version that is a delete marker.
_NOT_FOUND = {"404", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound"}
_DENIED = {"403", "AccessDenied", "AllAccessDisabled", "Forbidden"}
_CHANGED = {"412", "PreconditionFailed"}
_KINDS: tuple[tuple[set[str], type[S3Error], str], ...] = (
    (_NOT_FOUND, S3ObjectNotFoundError, "{} does not exist"),
    (_DENIED, S3AccessDeniedError, "{} is denied, or absent without s3:ListBucket on its bucket"),
    (_CHANGED, S3ObjectChangedError, "{} is not the one that was expected"),
    ({"ConditionalRequestConflict"}, S3Error, "{} is being written or deleted now; try again"),
    ({"InvalidRange"}, S3Error, "{} has no bytes in that range"),
    ({"EntityTooLarge"}, S3ObjectTooLargeError, "{} is larger than S3 allows"),
)
# What a second attempt may get where the first has done the work.
_DONE_BEFORE = {*_CHANGED, "NoSuchUpload"}
_WRITING = {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}
# What botocore and its providers of credentials raise besides their own.
_OTHERS = (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


def answer_of(where: str, ask: Callable[..., AnswerT], *args: Any, **given: Any) -> AnswerT:
    """Return the answer to a request; raise ours for errors of boto3, and of what is below it.

    Args:
        where: The object, as errors show it.
        ask: The client's method.
        *args: Its arguments.
        **given: More of them.

    Raises:
        ValueError: boto3 refuses to send them.
        S3Error: Of the kind that fits what came.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        MissingDependencyException,
        ParamValidationError,
    )
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    failure: Exception
    try:
        return ask(*args, **given)
    except ClientError as error:
        failure = _from_client_error(error, where)
    except (ParamValidationError, UnicodeEncodeError) as error:
        found = {name or bucket for name, bucket in _PARAMETER.findall(str(error))}
        names = ", ".join(sorted(found)) or "arguments"
        failure = ValueError(f"expected {names} that S3 takes, for {where}")
    except MissingDependencyException:
        failure = S3Error(f"{where} needs the AWS CRT: pip install 'botocore[crt]'")
    except (BotoCoreError, HTTPError, ResponseParserError, *_OTHERS) as error:
        failure = S3Error(f"the request for {where} failed: {_reason(error)}")
    # Outside of the handlers: S3 repeats a token that it refuses, and the string that was signed,
    # in its answer, which a caught error holds.
    raise failure


def _reason(error: Exception) -> str:
    """Say what kind of error it is, and which host it is about; its text may hold a header."""
    address = getattr(error, "kwargs", {}).get("endpoint_url")
    host = urlsplit(address).netloc.rpartition("@")[2] if isinstance(address, str) else ""
    return f"{type(error).__name__} ({host})" if host else type(error).__name__


def _from_client_error(error: "ClientError", where: str) -> S3Error:
    response: Any = error.response
    code = response.get("Error", {}).get("Code", "")
    request_id = response.get("ResponseMetadata", {}).get("RequestId")
    is_writing = error.operation_name in _WRITING
    kind, text = _told(code, where)
    if kind is S3AccessDeniedError and is_writing:
        text = f"{where} may not be written; expected the permission for s3:PutObject"
    if is_writing and code in _DONE_BEFORE and _is_repeated(response):
        text += ", or an earlier attempt of this call, whose answer was lost, has written it"
    return kind(text, code=code, request_id=request_id)


def _told(code: str, where: str) -> tuple[type[S3Error], str]:
    for codes, kind, text in _KINDS:
        if code in codes:
            return kind, text.format(where)
    return S3Error, f"S3 refused the request for {where}: {code or 'no code'}"


def _is_repeated(response: Any) -> bool:
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))
