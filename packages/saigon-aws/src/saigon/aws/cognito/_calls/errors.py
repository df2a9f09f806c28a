"""Turn what botocore raises into this package's errors, at this one edge.

A service message may quote the token or password that it refuses, and a cause is printed with the
error that it caused: both are kept only where they hold nothing of the request.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    CodeDeliveryError,
    CodeExpiredError,
    CodeMismatchError,
    CognitoConfigurationError,
    CognitoConnectionError,
    CognitoError,
    DeviceNotFoundError,
    GroupExistsError,
    IdentityRefusedError,
    InvalidCredentialsError,
    MfaError,
    PasswordPolicyError,
    PasswordResetRequiredError,
    RefreshTokenError,
    RefreshTokenExpiredError,
    RefreshTokenReusedError,
    RefreshTokenRevokedError,
    RoleChoiceRequiredError,
    TokenExpiredError,
    TokenVerificationError,
    TooManyRequestsError,
    UserDisabledError,
    UserExistsError,
    UserNotConfirmedError,
    UserNotFoundError,
)

_ErrorType = type[CognitoError]

_BY_CODE: Final[Mapping[str, _ErrorType]] = {
    "AccessDeniedException": CognitoConfigurationError,
    "AliasExistsException": UserExistsError,
    "CodeDeliveryFailureException": CodeDeliveryError,
    "CodeMismatchException": CodeMismatchError,
    "ConcurrentModificationException": CognitoError,
    "DeviceKeyExistsException": CognitoError,
    "EnableSoftwareTokenMFAException": CodeMismatchError,
    "ExpiredCodeException": CodeExpiredError,
    "ExpiredTokenException": CognitoConfigurationError,
    "ExternalServiceException": CognitoError,
    "FeatureUnavailableInTierException": CognitoConfigurationError,
    # A web ACL of AWS WAF blocks the request.
    "ForbiddenException": CognitoError,
    "GroupExistsException": GroupExistsError,
    "IncompleteSignature": CognitoConfigurationError,
    "InternalErrorException": CognitoError,
    "InvalidClientTokenId": CognitoConfigurationError,
    "InvalidEmailRoleAccessPolicyException": CognitoConfigurationError,
    "InvalidIdentityPoolConfigurationException": CognitoConfigurationError,
    "InvalidLambdaResponseException": CognitoConfigurationError,
    "InvalidPasswordException": PasswordPolicyError,
    "InvalidSignatureException": CognitoConfigurationError,
    "InvalidSmsRoleAccessPolicyException": CognitoConfigurationError,
    "InvalidSmsRoleTrustRelationshipException": CognitoConfigurationError,
    "InvalidUserPoolConfigurationException": CognitoConfigurationError,
    "LimitExceededException": TooManyRequestsError,
    "MFAMethodNotFoundException": MfaError,
    "MissingAuthenticationTokenException": CognitoConfigurationError,
    "OperationNotEnabledException": CognitoConfigurationError,
    "PasswordHistoryPolicyViolationException": PasswordPolicyError,
    "PasswordResetRequiredException": PasswordResetRequiredError,
    # Of AdminCreateUser's RESEND alone, which is not sent.
    "PreconditionNotMetException": CognitoError,
    "RefreshTokenReuseException": RefreshTokenReusedError,
    "RequestLimitExceeded": TooManyRequestsError,
    # The login is linked to another identity.
    "ResourceConflictException": IdentityRefusedError,
    "ResourceNotFoundException": CognitoConfigurationError,
    "SoftwareTokenMFANotFoundException": MfaError,
    "Throttling": TooManyRequestsError,
    "ThrottlingException": TooManyRequestsError,
    "TooManyFailedAttemptsException": TooManyRequestsError,
    "TooManyRequestsException": TooManyRequestsError,
    "UnauthorizedException": CognitoConfigurationError,
    # Of a trigger of the pool: it failed, or it refuses, and the message says so.
    "UnexpectedLambdaException": CognitoError,
    "UnrecognizedClientException": CognitoConfigurationError,
    "UnsupportedOperationException": CognitoConfigurationError,
    "UnsupportedTokenTypeException": CognitoConfigurationError,
    "UnsupportedUserStateException": CognitoError,
    "UserLambdaValidationException": CognitoError,
    "UserNotConfirmedException": UserNotConfirmedError,
    "UserNotFoundException": UserNotFoundError,
    "UsernameExistsException": UserExistsError,
}

_TEMPORARY: Final = frozenset(
    {"ConcurrentModificationException", "ExternalServiceException", "InternalErrorException"}
)

# These are told apart by their text alone.
_TOLD_BY_MESSAGE: Final = frozenset(
    {"InvalidParameterException", "NotAuthorizedException", "ResourceNotFoundException"}
)
_BY_MESSAGE: Final[tuple[tuple[str, _ErrorType], ...]] = (
    ("device does not exist", DeviceNotFoundError),
    ("user is disabled", UserDisabledError),
    ("attempts exceeded", TooManyRequestsError),
    ("invalid session", ChallengeExpiredError),
    ("session is expired", ChallengeExpiredError),
    ("refresh token has expired", RefreshTokenExpiredError),
    ("refresh token has been revoked", RefreshTokenRevokedError),
    ("invalid refresh token", RefreshTokenError),
    ("access token has expired", TokenExpiredError),
    ("access token", TokenVerificationError),
    ("token expired", TokenExpiredError),
    ("ambiguous role", RoleChoiceRequiredError),
    ("must be reset by an administrator", PasswordResetRequiredError),
    ("temporary password has expired", PasswordResetRequiredError),
    ("secret was not received", CognitoConfigurationError),
    ("secret hash", CognitoConfigurationError),
    ("secrethash", CognitoConfigurationError),
    ("secret_hash", CognitoConfigurationError),
    ("not enabled for this client", CognitoConfigurationError),
    ("flow not enabled", CognitoConfigurationError),
)

_PUBLIC_PARAMETERS: Final = frozenset(
    {"AuthFlow", "ChallengeName", "Filter", "IdentityPoolId", "MessageAction", "UserPoolId"}
)
_CODE: Final = re.compile(r"\w{1,100}", re.ASCII)
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_MAX_MESSAGE: Final = 300
_MIN_QUOTE: Final = 3
_JWT_START: Final = "eyJ"


def from_client_error(
    error: Any, *, operation: str, refused: _ErrorType, parameters: Mapping[str, Any]
) -> CognitoError:
    """Translate an answer of the service.

    Args:
        error: botocore's ClientError.
        operation: The API operation.
        refused: What NotAuthorizedException means for this operation.
        parameters: Those of the request, none of which may appear in the new error.
    """
    answer = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    code = str(answer.get("Code") or "")
    message = str(answer.get("Message") or "")
    error_type = _error_type(code, message, refused)
    if error_type is CognitoError and status == _TOO_MANY_REQUESTS:
        error_type = TooManyRequestsError
    if not _CODE.fullmatch(code):
        code = "an error that it does not name"
    if error_type is InvalidCredentialsError:
        # One code and one text, so that nobody learns from them which users there are.
        code, message = "NotAuthorizedException", "Incorrect username or password."
    detail = _safe_message(message, parameters)
    return error_type(
        f"{operation} failed: {detail} ({code})" if detail else f"{operation} failed: {code}",
        code=code,
        operation=operation,
        request_id=metadata.get("RequestId"),
        retryable=(
            error_type is TooManyRequestsError or code in _TEMPORARY or status >= _SERVER_ERROR
        ),
    )


def from_botocore_error(error: Exception, *, operation: str) -> CognitoError:
    """Translate what went wrong on this side of the service, without its values."""
    from botocore import exceptions, parsers

    name = type(error).__name__
    if isinstance(error, exceptions.ParamValidationError):
        return CognitoError(
            f"{operation} was not sent: an argument has a type or length that the API refuses",
            operation=operation,
        )
    unanswered = (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        parsers.ResponseParserError,
        UnicodeDecodeError,
    )
    if isinstance(error, unanswered):
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


def _error_type(code: str, message: str, refused: _ErrorType) -> _ErrorType:
    if code == "UserNotFoundException" and refused is InvalidCredentialsError:
        return InvalidCredentialsError
    if code in _TOLD_BY_MESSAGE:
        lowered = message.lower()
        for text, error_type in _BY_MESSAGE:
            if text in lowered:
                return error_type
    return refused if code == "NotAuthorizedException" else _BY_CODE.get(code, CognitoError)


def _safe_message(message: str, parameters: Mapping[str, Any]) -> str:
    """Return the service's message, or nothing where it is a page or quotes the request."""
    if len(message) > _MAX_MESSAGE or "<" in message or _JWT_START in message:
        return ""
    values = _texts({k: v for k, v in parameters.items() if k not in _PUBLIC_PARAMETERS})
    quotes = any(len(value) >= _MIN_QUOTE and value in message for value in values)
    return "" if quotes else message


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
