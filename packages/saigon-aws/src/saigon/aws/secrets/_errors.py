"""The edge where boto3's errors become those of ``saigon.aws.secrets``."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from saigon.aws.secrets.exceptions import (
    SecretAccessDeniedError,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
)

__all__ = ["error_of_code", "secret_errors"]

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


@contextmanager
def secret_errors(secret_names: Sequence[str]) -> Iterator[None]:
    """Raise ours for boto3's errors, a ValueError for what boto3 refuses to send.

    Args:
        secret_names: What is asked for.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,  # noqa: A004  # botocore's
        HTTPClientError,
        ParamValidationError,
    )

    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        raise error_of_code(
            found.get("Code", ""), found.get("Message", ""), secret_names
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        text = f"Secrets Manager did not answer: {type(error).__name__}"
        raise SecretUnavailableError(text, secret_names=secret_names) from error
    except ParamValidationError as error:
        text = (
            f"expected a name, a stage and a version that are possible, for {_listed(secret_names)}"
        )
        raise ValueError(text) from error
    except BotoCoreError as error:
        text = f"the request for {_listed(secret_names)} failed: {type(error).__name__}"
        raise SecretError(text, secret_names=secret_names) from error


def error_of_code(code: str, message: str, secret_names: Sequence[str]) -> SecretError:
    """Return the error for a code of Secrets Manager.

    Args:
        code: Its code.
        message: Its text, looked at for the name of the key service alone.
        secret_names: What was asked for.
    """
    names = _listed(secret_names)
    if code in _NOT_FOUND:
        text = f"{names}: no such secret, version or stage, or marked for deletion"
        return SecretNotFoundError(text, secret_names=secret_names, code=code)
    if code in _DENIED:
        by_key = code == "DecryptionFailure" or _KEY_SERVICE.search(message)
        action = "kms:Decrypt on the secret's key" if by_key else "secretsmanager:GetSecretValue"
        text = f"{names}: access denied; expected the permission for {action}"
        return SecretAccessDeniedError(text, secret_names=secret_names, code=code)
    if code in _LATER:
        text = f"{names}: Secrets Manager is not available now: {code}"
        return SecretUnavailableError(text, secret_names=secret_names, code=code)
    text = f"{names}: Secrets Manager refused: {code or 'no code'}"
    return SecretError(text, secret_names=secret_names, code=code)


def _listed(secret_names: Sequence[str]) -> str:
    return ", ".join(map(repr, secret_names))
