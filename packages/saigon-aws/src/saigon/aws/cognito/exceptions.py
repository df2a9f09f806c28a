"""The errors of ``saigon.aws.cognito``; none of them carries a credential.

::

    CognitoError
     +-- ChallengeExpiredError        sign in again from the start
     +-- ChallengeRequiredError       answer .challenge
     +-- CodeDeliveryError            the code did not go out: another address, or later
     +-- CodeExpiredError             ask for a new code
     +-- CodeMismatchError            ask the user again
     +-- CognitoConfigurationError    a mistake of the set-up: pools, clients, roles, AWS access
     +-- CognitoConnectionError       Cognito was not reached; what was asked may have happened
     +-- DeviceRefusedError           sign in without the device
     +-- GroupExistsError
     +-- GroupNotFoundError
     +-- IdentityRefusedError         the identity pool does not accept the login
     +-- InvalidCredentialsError      wrong password or unknown user, which look the same
     +-- InvalidInputError            refused before any request: .field, .rule
     +-- JwksUnavailableError         the pool's public keys are out of reach: not the token's fault
     +-- MfaError                     the second factor is not set up for this
     +-- PasswordPolicyError          choose another password
     +-- PasswordResetRequiredError   start a password reset
     +-- RefreshTokenError            sign in again
     |    +-- RefreshTokenExpiredError
     |    +-- RefreshTokenReusedError
     |    +-- RefreshTokenRevokedError
     +-- RoleChoiceRequiredError      the user has several roles: say which
     +-- TemporaryPasswordExpiredError  an administrator has to give a new one
     +-- TokenVerificationError       do not trust the token
     |    +-- TokenAudienceError
     |    +-- TokenExpiredError
     |    +-- TokenIssuerError
     |    +-- TokenMalformedError
     |    +-- TokenScopeError
     |    +-- TokenSignatureError
     |    +-- TokenUseError
     |    +-- UnknownKeyError
     +-- TooManyRequestsError         wait, then try again
     +-- UserDisabledError
     +-- UserExistsError
     +-- UserNotConfirmedError
     +-- UserNotFoundError
"""

from typing import TYPE_CHECKING, Any

from saigon.aws.exceptions import SaigonAwsError

if TYPE_CHECKING:
    from saigon.aws.cognito.models import AuthChallenge

__all__ = [
    "ChallengeExpiredError",
    "ChallengeRequiredError",
    "CodeDeliveryError",
    "CodeExpiredError",
    "CodeMismatchError",
    "CognitoConfigurationError",
    "CognitoConnectionError",
    "CognitoError",
    "DeviceRefusedError",
    "GroupExistsError",
    "GroupNotFoundError",
    "IdentityRefusedError",
    "InvalidCredentialsError",
    "InvalidInputError",
    "JwksUnavailableError",
    "MfaError",
    "PasswordPolicyError",
    "PasswordResetRequiredError",
    "RefreshTokenError",
    "RefreshTokenExpiredError",
    "RefreshTokenReusedError",
    "RefreshTokenRevokedError",
    "RoleChoiceRequiredError",
    "TemporaryPasswordExpiredError",
    "TokenAudienceError",
    "TokenExpiredError",
    "TokenIssuerError",
    "TokenMalformedError",
    "TokenScopeError",
    "TokenSignatureError",
    "TokenUseError",
    "TokenVerificationError",
    "TooManyRequestsError",
    "UnknownKeyError",
    "UserDisabledError",
    "UserExistsError",
    "UserNotConfirmedError",
    "UserNotFoundError",
]


class CognitoError(SaigonAwsError):
    """The root of what ``saigon.aws.cognito`` raises, and what has no child of its own.

    Attributes:
        code: Cognito's own name of the error, such as ``"UserNotFoundException"``.
        operation: The API operation, such as ``"AdminGetUser"``.
        request_id: What AWS support asks for.
        retryable: The same call may succeed later.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.code: str | None = code
        self.operation: str | None = operation
        self.request_id: str | None = request_id
        self.retryable: bool = retryable


class InvalidInputError(CognitoError):
    """An argument was refused before any request was sent; the message never quotes its value.

    Attributes:
        field: The name of the argument.
        rule: What it has to be.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: expected {rule}")
        self.field: str = field
        self.rule: str = rule

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.rule), self.__dict__


class ChallengeRequiredError(CognitoError):
    """Cognito asks for more before it signs the user in.

    Attributes:
        challenge: What to give to ``respond_to_challenge`` with the answer.
    """

    def __init__(self, challenge: "AuthChallenge") -> None:
        super().__init__(
            f"Cognito asks for {challenge.name}; answer error.challenge with respond_to_challenge()"
        )
        self.challenge: AuthChallenge = challenge

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.challenge,), self.__dict__


class ChallengeExpiredError(CognitoError):
    """The session of a challenge is used up or too old: sign in again from the start."""


class CodeDeliveryError(CognitoError):
    """Cognito could not send a code or message to the user's address."""


class CodeExpiredError(CognitoError):
    """A confirmation code is too old: ask for a new one."""


class CodeMismatchError(CognitoError):
    """A confirmation or second-factor code is wrong."""


class CognitoConfigurationError(CognitoError):
    """The configuration of the client, of the pools or of the access to AWS is wrong."""


class CognitoConnectionError(CognitoError):
    """Cognito was not reached or did not answer; what was asked may nevertheless have happened."""


class DeviceRefusedError(CognitoError):
    """The pool does not know the device, has forgotten it, or its password is another."""


class GroupExistsError(CognitoError):
    """The pool has a group of this name."""


class GroupNotFoundError(CognitoError):
    """The pool has no such group."""


class IdentityRefusedError(CognitoError):
    """The identity pool does not accept the login: wrong pool, app client or provider."""


class InvalidCredentialsError(CognitoError):
    """The password is wrong or the user unknown; which of them is not told."""


class JwksUnavailableError(CognitoError):
    """The pool's public keys cannot be fetched and none are cached; the token may be good."""


class MfaError(CognitoError):
    """A second factor is asked for that the user or the pool has not set up."""


class PasswordPolicyError(CognitoError):
    """The new password does not satisfy the pool's policy."""


class PasswordResetRequiredError(CognitoError):
    """The user has to reset the password first."""


class RefreshTokenError(CognitoError):
    """The refresh token gives no more tokens: the user has to sign in again."""


class RefreshTokenExpiredError(RefreshTokenError):
    """The refresh token is too old."""


class RefreshTokenReusedError(RefreshTokenError):
    """A refresh token that was rotated away was used again: it may have been stolen."""


class RefreshTokenRevokedError(RefreshTokenError):
    """The refresh token was revoked, as by a global sign-out."""


class RoleChoiceRequiredError(CognitoError):
    """The user has several roles and no preferred one: give ``custom_role_arn``.

    Attributes:
        roles: The ARNs to choose from, as far as the ID token tells them.
    """

    roles: tuple[str, ...] = ()


class TemporaryPasswordExpiredError(CognitoError):
    """The user came too late: an administrator gives a new one with ``set_user_password``."""


class TokenVerificationError(CognitoError):
    """A token does not prove what it claims."""


class TokenAudienceError(TokenVerificationError):
    """The token is for another app client."""


class TokenExpiredError(TokenVerificationError):
    """The token is too old."""


class TokenIssuerError(TokenVerificationError):
    """The token is of another issuer."""


class TokenMalformedError(TokenVerificationError):
    """The text is no token of a user pool, or lacks a claim."""


class TokenScopeError(TokenVerificationError):
    """The token lacks a scope or group."""


class TokenSignatureError(TokenVerificationError):
    """The signature is not the pool's, or not RS256."""


class TokenUseError(TokenVerificationError):
    """An access token where an ID token was expected, or the reverse."""


class TooManyRequestsError(CognitoError):
    """Cognito's limit, or its limit of failed attempts, is reached: wait, then try again."""


class UnknownKeyError(TokenVerificationError):
    """The pool has no such signing key."""


class UserDisabledError(CognitoError):
    """The user is disabled."""


class UserExistsError(CognitoError):
    """The name, or an attribute that is an alias, is taken."""


class UserNotConfirmedError(CognitoError):
    """The user has not confirmed the sign-up."""


class UserNotFoundError(CognitoError):
    """There is no such user."""
