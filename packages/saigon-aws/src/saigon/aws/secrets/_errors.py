"""The edge where boto3's errors become those of ``saigon.aws.secrets``."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from saigon.aws.secrets.exceptions import (
    SecretAccessDeniedError,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
)

__all__ = ["BATCH", "GET", "answer_of", "error_of_code"]

GET: Final = "secretsmanager:GetSecretValue"
BATCH: Final = "secretsmanager:BatchGetSecretValue"

_ANSWERS: Final = {
    GET: {"ARN", "SecretString", "SecretBinary"},
    BATCH: {"SecretValues", "Errors"},
}
"""Fields of which an answer has one at least."""


# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
# InvalidRequestException is the answer for a secret that is scheduled for deletion.
_NOT_FOUND = {"ResourceNotFoundException", "InvalidRequestException"}
_DENIED = {"AccessDeniedException", "AccessDenied", "DecryptionFailure"}
_LATER = {
    "InternalServiceError",
    "InternalServiceErrorException",
    "InternalFailure",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
# "Access to KMS is not allowed", or an action or an ARN; not the name of a secret or of a role,
# which has no colon.
_KEY_SERVICE = re.compile(r"\bkms:|\bKMS is\b", re.IGNORECASE)


def answer_of(
    secret_names: Sequence[str], action: str, ask: Callable[..., Any], **given: Any
) -> dict[str, Any]:
    """Return the answer to a request; raise ours for errors of boto3, and of what is below it.

    Args:
        secret_names: What is asked for.
        action: The permission that the request needs, by IAM's name.
        ask: The client's method.
        **given: Its arguments.

    Raises:
        ValueError: boto3 refuses to send them.
        SecretError: Of the kind that fits what came.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    failure: Exception
    try:
        answer: dict[str, Any] = ask(**given)
    except ClientError as error:
        found = error.response.get("Error", {})
        failure = error_of_code(
            found.get("Code", ""), found.get("Message", ""), secret_names, action=action
        )
    except ParamValidationError:
        failure = ValueError(
            f"expected a name, a stage and a version that are possible, for {_listed(secret_names)}"
        )
    except Exception as error:  # noqa: BLE001  # also of a parser, or a provider of credentials
        failure = _of_no_answer(error, secret_names)
    else:
        if not _ANSWERS[action].isdisjoint(answer):
            return answer
        # botocore makes an empty one of a body that is cut off.
        text = "Secrets Manager's answer cannot be read"
        failure = SecretUnavailableError(text, secret_names=secret_names)
    # Outside of the handlers: a caught error may hold a part of the answer, and does not go along.
    raise failure


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
    names = _listed(secret_names)
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


def _of_no_answer(error: Exception, secret_names: Sequence[str]) -> SecretError:
    from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004  # botocore's
    from urllib3.exceptions import HTTPError

    kind = type(error).__name__
    if isinstance(error, (ConnectionError, HTTPClientError, HTTPError)):
        text = f"Secrets Manager did not answer: {kind}"
        return SecretUnavailableError(text, secret_names=secret_names)
    text = f"the request for {_listed(secret_names)} failed: {kind}"
    return SecretError(text, secret_names=secret_names)


def _listed(secret_names: Sequence[str]) -> str:
    return ", ".join(map(repr, secret_names))
