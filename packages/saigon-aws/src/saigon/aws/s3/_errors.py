"""The edge where boto3's errors become those of ``saigon.aws.s3``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from saigon.aws.s3.exceptions import (
    S3AccessDeniedError,
    S3Error,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    S3ObjectTooLargeError,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

__all__ = ["s3_errors"]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# MethodNotAllowed is the answer to a GET of the version that is a delete marker.
_NOT_FOUND = {"404", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound"}
_DENIED = {"403", "AccessDenied", "AllAccessDisabled", "Forbidden"}
_CHANGED = {"412", "ConditionalRequestConflict", "PreconditionFailed"}


@contextmanager
def s3_errors(where: str) -> Iterator[None]:
    """Raise ours for boto3's errors, a ValueError for what boto3 refuses to send.

    Args:
        where: The object, as errors show it.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise _from_client_error(error, where) from error
    except ParamValidationError as error:
        raise ValueError(f"expected arguments that S3 takes for {where}") from error
    except BotoCoreError as error:
        raise S3Error(f"the request for {where} failed: {type(error).__name__}") from error


def _from_client_error(error: "ClientError", where: str) -> S3Error:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _NOT_FOUND:
        return S3ObjectNotFoundError(f"{where} does not exist", code=code)
    if code in _DENIED:
        text = f"{where} is denied, or absent without s3:ListBucket on its bucket"
        return S3AccessDeniedError(text, code=code)
    if code in _CHANGED:
        return S3ObjectChangedError(f"{where} is not the one that was expected", code=code)
    if code == "EntityTooLarge":
        return S3ObjectTooLargeError(f"{where} is larger than S3 allows", code=code)
    return S3Error(f"S3 refused the request for {where}: {code or 'no code'}", code=code)
