"""Which of this package's errors an error of the service is."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    CodeDeliveryError,
    CodeExpiredError,
    CodeMismatchError,
    CognitoConfigurationError,
    CognitoError,
    DeviceRefusedError,
    GroupExistsError,
    IdentityRefusedError,
    MfaError,
    PasswordPolicyError,
    PasswordResetRequiredError,
    RefreshTokenError,
    RefreshTokenExpiredError,
    RefreshTokenReusedError,
    RefreshTokenRevokedError,
    RoleChoiceRequiredError,
    TemporaryPasswordExpiredError,
    TokenExpiredError,
    TokenVerificationError,
    TooManyRequestsError,
    UserDisabledError,
    UserExistsError,
    UserNotConfirmedError,
    UserNotFoundError,
)

ErrorType: TypeAlias = type[CognitoError]

BY_CODE: Final[Mapping[str, ErrorType]] = {
    "AccessDenied": CognitoConfigurationError,
    "AccessDeniedException": CognitoConfigurationError,
    "AliasExistsException": UserExistsError,
    "CodeDeliveryFailureException": CodeDeliveryError,
    "CodeMismatchException": CodeMismatchError,
    "ConcurrentModificationException": CognitoError,
    "DeviceKeyExistsException": CognitoError,
    "EnableSoftwareTokenMFAException": CodeMismatchError,
    "ExpiredCodeException": CodeExpiredError,
    "ExpiredToken": CognitoConfigurationError,
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

TEMPORARY: Final = frozenset(
    {"ConcurrentModificationException", "ExternalServiceException", "InternalErrorException"}
)

# These are told apart by their text alone.
TOLD_BY_MESSAGE: Final = frozenset(
    {"InvalidParameterException", "NotAuthorizedException", "ResourceNotFoundException"}
)
BY_MESSAGE: Final[tuple[tuple[str, ErrorType], ...]] = (
    ("device does not exist", DeviceRefusedError),
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
    ("must be reset by an administrator", TemporaryPasswordExpiredError),
    ("temporary password has expired", TemporaryPasswordExpiredError),
    ("secret was not received", CognitoConfigurationError),
    ("secret hash", CognitoConfigurationError),
    ("secrethash", CognitoConfigurationError),
    ("secret_hash", CognitoConfigurationError),
    ("not enabled for this client", CognitoConfigurationError),
    ("flow not enabled", CognitoConfigurationError),
)
