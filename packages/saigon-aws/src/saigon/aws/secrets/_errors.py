"""The edge where boto3's errors become those of ``saigon.aws.secrets``."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from saigon.aws.secrets.exceptions import (
    SecretAccessDeniedError,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
)

__all__ = ["BATCH", "GET", "answer_of", "error_of_code", "listed", "unreadable_answer"]

GET: Final = "secretsmanager:GetSecretValue"
BATCH: Final = "secretsmanager:BatchGetSecretValue"

_ANSWERS: Final = {
    GET: {"ARN", "SecretString", "SecretBinary"},
    BATCH: {"SecretValues", "Errors"},
}
"""Fields of which an answer has one at least."""
_OPERATIONS: Final = {"GetSecretValue", "BatchGetSecretValue"}
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
# What botocore stumbles over in an answer that is not one, and providers of credentials in their
# files: the errors may hold what was read.
_UNREADABLE: Final = (
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_WORD: Final = re.compile(r"[\w.]{1,100}", re.ASCII)


# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
# InvalidRequestException is the answer for a secret that is scheduled for deletion.
_NOT_FOUND = {"ResourceNotFoundException", "InvalidRequestException"}
_DENIED = {"AccessDeniedException", "AccessDenied", "DecryptionFailure"}
_LATER = {
    "InternalServiceError",
    "InternalServiceErrorException",
    "InternalFailure",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
# "Access to KMS is not allowed", or an action or an ARN; not the name of a secret or of a role,
# which has no colon.
_KEY_SERVICE = re.compile(r"\bkms:|\bKMS is\b", re.IGNORECASE)


def answer_of(
    secret_names: Sequence[str], action: str, find: Callable[[], Callable[..., Any]], **given: Any
) -> dict[str, Any]:
    """Return the answer to a request; raise ours for errors of boto3, and of what is below it.

    Args:
        secret_names: What is asked for.
        action: The permission that the request needs, by IAM's name.
        find: Gives the client's method, for which the client may have to be made.
        **given: Its arguments.

    Raises:
        ValueError: boto3 refuses to send them.
        SecretError: Of the kind that fits what came.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    failure: Exception
    try:
        answer: Any = find()(**given)
    except ClientError as error:
        failure = _of_client_error(error, secret_names, action)
    except ParamValidationError:
        text = (
            f"expected a name, a stage and a version that are possible, for {listed(secret_names)}"
        )
        failure = ValueError(text)
    except (BotoCoreError, HTTPError, ResponseParserError, *_UNREADABLE) as error:
        failure = _of_no_answer(error, secret_names)
    else:
        if isinstance(answer, Mapping) and not _ANSWERS[action].isdisjoint(answer):
            return dict(answer)
        # botocore makes an empty one of a body that is cut off.
        failure = unreadable_answer(secret_names)
    # Outside of the handlers: a caught error may hold a part of the answer, and does not go along.
    raise failure


def unreadable_answer(secret_names: Sequence[str]) -> SecretUnavailableError:
    """Return the error for what is not an answer of Secrets Manager."""
    text = "Secrets Manager's answer cannot be read"
    return SecretUnavailableError(text, secret_names=secret_names)


def error_of_code(
    code: str, message: str, secret_names: Sequence[str], *, action: str = GET
) -> SecretError:
    """Return the error for a code of Secrets Manager.

    Args:
        code: Its code.
        message: Its text, looked at for the name of the key service alone.
        secret_names: What was asked for.
        action: The permission that was needed.
    """
    names = listed(secret_names)
    code = code if _WORD.fullmatch(code) else ""
    if code in _NOT_FOUND:
        text = f"{names}: no such secret, version or stage, or marked for deletion"
        return SecretNotFoundError(text, secret_names=secret_names, code=code)
    if code in _DENIED:
        by_key = code == "DecryptionFailure" or _KEY_SERVICE.search(message)
        needed = "kms:Decrypt on the secret's key" if by_key else action
        text = f"{names}: access denied; expected the permission for {needed}"
        return SecretAccessDeniedError(text, secret_names=secret_names, code=code)
    if code in _LATER:
        text = f"{names}: Secrets Manager is not available now: {code}"
        return SecretUnavailableError(text, secret_names=secret_names, code=code)
    text = f"{names}: Secrets Manager refused: {code or 'no code'}"
    return SecretError(text, secret_names=secret_names, code=code)


def _of_client_error(error: Any, secret_names: Sequence[str], action: str) -> SecretError:
    found = error.response.get("Error", {})
    code, message = str(found.get("Code", "")), str(found.get("Message", ""))
    if error.operation_name not in _OPERATIONS:
        # Of another service, which was asked for the credentials to ask with.
        told = code if _WORD.fullmatch(code) else "no code"
        text = f"no credentials to ask for {listed(secret_names)}: {error.operation_name}: {told}"
        return SecretError(text, secret_names=secret_names)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code not in _DENIED | _NOT_FOUND and (status >= _SERVER_ERROR or status == _TOO_MANY):
        text = f"{listed(secret_names)}: Secrets Manager is not available now: {status}"
        word = code if _WORD.fullmatch(code) else None
        return SecretUnavailableError(text, secret_names=secret_names, code=word)
    return error_of_code(code, message, secret_names, action=action)


def _of_no_answer(error: Exception, secret_names: Sequence[str]) -> SecretError:
    from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004  # botocore's
    from urllib3.exceptions import HTTPError

    kind = type(error).__name__
    if isinstance(error, (ConnectionError, HTTPClientError, HTTPError)):
        text = f"Secrets Manager did not answer: {kind}"
        return SecretUnavailableError(text, secret_names=secret_names)
    text = f"no request for {listed(secret_names)} could be made or understood: {kind}"
    return SecretError(
        f"{text}; check AWS's region, profile and credentials", secret_names=secret_names
    )


def listed(secret_names: Sequence[str]) -> str:
    """Return the names as errors show them."""
    return ", ".join(map(repr, secret_names))
