"""The edge where boto3's errors become those of ``saigon.aws.s3``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

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

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# MethodNotAllowed is the answer to a GET of the version that is a delete marker.
_NOT_FOUND = {"404", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound"}
_DENIED = {"403", "AccessDenied", "AllAccessDisabled", "Forbidden"}
_CHANGED = {"412", "ConditionalRequestConflict", "PreconditionFailed"}
# What a second attempt may get where the first has done the work.
_DONE_BEFORE = {*_CHANGED, "NoSuchUpload"}


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
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    failure: Exception
    try:
        return ask(*args, **given)
    except ClientError as error:
        failure = _from_client_error(error, where)
    except (ParamValidationError, UnicodeEncodeError):
        failure = ValueError(f"expected arguments that S3 takes for {where}")
    except (BotoCoreError, HTTPError, ResponseParserError, ValueError) as error:
        failure = S3Error(f"the request for {where} failed: {type(error).__name__}")
    # Outside of the handlers: S3 repeats a token that it refuses, and the string that was signed,
    # in its answer, which a caught error holds.
    raise failure


def _from_client_error(error: "ClientError", where: str) -> S3Error:
    response: Any = error.response
    code = response.get("Error", {}).get("Code", "")
    request_id = response.get("ResponseMetadata", {}).get("RequestId")
    kind, text = _told(code, where)
    if code in _DONE_BEFORE and _is_repeated(response):
        text += ", or an earlier attempt of this call, whose answer was lost, has written it"
    return kind(text, code=code, request_id=request_id)


def _told(code: str, where: str) -> tuple[type[S3Error], str]:
    if code in _NOT_FOUND:
        return S3ObjectNotFoundError, f"{where} does not exist"
    if code in _DENIED:
        return (
            S3AccessDeniedError,
            f"{where} is denied, or absent without s3:ListBucket on its bucket",
        )
    if code in _CHANGED:
        return S3ObjectChangedError, f"{where} is not the one that was expected"
    if code == "EntityTooLarge":
        return S3ObjectTooLargeError, f"{where} is larger than S3 allows"
    return S3Error, f"S3 refused the request for {where}: {code or 'no code'}"


def _is_repeated(response: Any) -> bool:
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))
