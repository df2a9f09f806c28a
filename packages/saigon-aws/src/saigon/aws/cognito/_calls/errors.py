"""Turn what botocore raises into this package's errors, at this one edge.

A service message may quote the token or password that it refuses, and a cause is printed with the
error that it caused: both are kept only where they hold nothing of the request.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from saigon.aws.cognito._calls.echoes import is_echoed, texts_of
from saigon.aws.cognito._calls.error_codes import (
    BY_CODE,
    BY_MESSAGE,
    TEMPORARY,
    TOLD_BY_MESSAGE,
    ErrorType,
)
from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoConnectionError,
    CognitoError,
    InvalidCredentialsError,
    InvalidInputError,
    TooManyRequestsError,
)

# A message may hold these: they are names of the set-up, and words of the API.
_PUBLIC_PARAMETERS: Final = frozenset(
    {
        "AttributeName",
        "AuthFlow",
        "ChallengeName",
        "ClientId",
        "CustomRoleArn",
        "DesiredDeliveryMediums",
        "DeviceRememberedStatus",
        "Filter",
        "GroupName",
        "IdentityPoolId",
        "MessageAction",
        "RoleArn",
        "UserAttributeNames",
        "UserPoolId",
    }
)
_CODE: Final = re.compile(r"\w{1,100}", re.ASCII)
_REQUEST_ID: Final = re.compile(r"[\w=+/-]{1,64}", re.ASCII)
_PARAMETER: Final = re.compile(r"(?:for parameter |parameter in input: \")(\w{1,64})", re.ASCII)
_POOLS: Final = ("user pool", "userpool", "identity pool", "identitypool")
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_MAX_MESSAGE: Final = 300
_JWT_START: Final = "eyJ"


def from_client_error(
    error: Any,
    *,
    operation: str,
    refused: ErrorType,
    not_found: ErrorType = CognitoConfigurationError,
    secrets: Iterable[str] = (),
) -> CognitoError:
    """Translate an answer of the service.

    Args:
        error: botocore's ClientError.
        operation: The API operation.
        refused: What NotAuthorizedException means for this operation.
        not_found: What ResourceNotFoundException means for it, where the pool is there.
        secrets: Texts that may not appear in the new error, nor parts of them.
    """
    if error.operation_name != operation:
        return _of_credentials(error, operation)
    answer = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    code, message = str(answer.get("Code") or ""), str(answer.get("Message") or "")
    error_type = _error_type(code, message, refused=refused, not_found=not_found)
    if error_type is CognitoError and status == _TOO_MANY_REQUESTS:
        error_type = TooManyRequestsError
    if error_type is InvalidCredentialsError:
        # Alike in all, so that nobody learns from them which users there are.
        named: str | None = "NotAuthorizedException"
        detail = "Incorrect username or password."
        operation = operation.replace("RespondToAuthChallenge", "InitiateAuth")
    else:
        quoted = tuple(secrets)
        named = code if _is_safe_code(code, quoted) else None
        detail = _safe_message(message, quoted)
    told = named or "an error without a name"
    return error_type(
        f"{operation} failed: {detail} ({told})" if detail else f"{operation} failed: {told}",
        code=named,
        operation=operation,
        request_id=_safe_request_id(metadata.get("RequestId")),
        retryable=(
            error_type is TooManyRequestsError or code in TEMPORARY or status >= _SERVER_ERROR
        ),
    )


def secrets_of(parameters: Mapping[str, Any]) -> list[str]:
    """Return the texts of a request that may be in no error."""
    private = {k: v for k, v in parameters.items() if k not in _PUBLIC_PARAMETERS}
    return list(texts_of(private))


def from_other_error(error: Exception, *, operation: str, is_sent: bool) -> CognitoError:
    """Translate what went wrong on this side of the service, without its values.

    Args:
        error: Of botocore, of its parser, or of a provider of credentials.
        operation: The API operation.
        is_sent: Whether the request was on its way already.
    """
    from botocore import exceptions

    name = type(error).__name__
    if isinstance(error, exceptions.ParamValidationError):
        found = _PARAMETER.search(str(error))
        refusal = InvalidInputError(
            found[1] if found else operation, "a type and length that the API accepts"
        )
        refusal.operation = operation
        return refusal
    unanswered = isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)
    if is_sent or unanswered:
        return CognitoConnectionError(
            f"{operation} got no answer that can be read ({name})",
            operation=operation,
            retryable=True,
        )
    return CognitoConfigurationError(
        f"{operation} was not sent ({name}): check the endpoint, and the profile, region and "
        "credentials of AWS",
        operation=operation,
    )


def _of_credentials(error: Any, operation: str) -> CognitoError:
    """Translate the failure of another call, by which botocore gets credentials for this one."""
    code = str(error.response.get("Error", {}).get("Code") or "")
    return CognitoConfigurationError(
        f"{operation} was not sent: no credentials of AWS, because {error.operation_name} failed",
        code=code if _CODE.fullmatch(code) else None,
        operation=operation,
    )


def _error_type(code: str, message: str, *, refused: ErrorType, not_found: ErrorType) -> ErrorType:
    if code == "UserNotFoundException" and refused is InvalidCredentialsError:
        return InvalidCredentialsError
    lowered = message.lower()
    if code in TOLD_BY_MESSAGE:
        for text, error_type in BY_MESSAGE:
            if text in lowered:
                return error_type
    if code == "ResourceNotFoundException" and not any(each in lowered for each in _POOLS):
        return not_found
    return refused if code == "NotAuthorizedException" else BY_CODE.get(code, CognitoError)


def _is_safe_code(code: str, secrets: Iterable[str]) -> bool:
    if code in BY_CODE or code in TOLD_BY_MESSAGE:
        return True
    return bool(_CODE.fullmatch(code)) and not is_echoed(code, secrets)


def _safe_message(message: str, secrets: Iterable[str]) -> str:
    """Return the service's message, or nothing where it is a page or quotes the request."""
    if len(message) > _MAX_MESSAGE or "<" in message or _JWT_START in message:
        return ""
    return "" if is_echoed(message, secrets) else message


def _safe_request_id(value: Any) -> str | None:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None
