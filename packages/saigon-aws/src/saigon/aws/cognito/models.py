"""What the clients hand out: tokens, users, claims, credentials; secrets are masked everywhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, SecretStr

from saigon.aws.cognito._record import Record

__all__ = [
    "AccessTokenClaims",
    "AuthChallenge",
    "AuthTokens",
    "CodeDelivery",
    "CognitoUser",
    "IamCredentials",
    "IdTokenClaims",
    "SignUpResult",
]


class AuthTokens(Record):
    """The tokens of a signed-in user."""

    id_token: SecretStr
    access_token: SecretStr
    refresh_token: SecretStr
    expires_at: datetime
    """When the first of the ID and access tokens expires; aware, in UTC."""
    username: str
    """The user's real name in the pool, also after a sign-in by e-mail address or alias."""
    sub: str
    """The user's id, which never changes."""
    device_key: str | None = None
    """The device that the pool remembers; a refresh has to name it."""


class AuthChallenge(Record):
    """What Cognito asks for before it signs a user in; give it to ``respond_to_challenge``.

    See Also:
        https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
    """

    name: str
    """Such as ``NEW_PASSWORD_REQUIRED``; names that Cognito adds later are carried too."""
    username: str
    """The name to answer with, which is the real one where Cognito gave it."""
    session: SecretStr | None = None
    """Can be used once, and for three minutes where the app client does not say otherwise."""
    parameters: Mapping[str, str] = Field(default_factory=dict, repr=False)
    """What Cognito tells of the challenge, such as where a code was sent."""
    by_admin: bool = False
    """Whether it came from, and is answered through, the admin operations."""


class CodeDelivery(Record):
    """Where a confirmation code was sent."""

    destination: str
    """Masked by Cognito, such as ``a***@e***``."""
    medium: str
    """``EMAIL`` or ``SMS``."""
    attribute: str
    """The attribute that the code confirms, such as ``email``."""


class SignUpResult(Record):
    """A user who has signed up."""

    sub: str
    confirmed: bool
    """Whether the user may sign in already."""
    code_delivery: CodeDelivery | None = None


class CognitoUser(Record):
    """A user as the pool has it."""

    username: str
    sub: str
    attributes: Mapping[str, str]
    status: str | None = None
    """Such as ``CONFIRMED``; not told where users ask for themselves."""
    enabled: bool | None = None
    """Not told where users ask for themselves."""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    mfa_methods: tuple[str, ...] = ()
    """Such as ``("SOFTWARE_TOKEN_MFA",)``."""


class IamCredentials(Record):
    """Temporary AWS credentials of an identity."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: datetime
    """Aware, in UTC."""
    identity_id: str
    """The identity of the identity pool that they are of."""

    def to_boto3_kwargs(self) -> dict[str, str]:
        """Return the arguments of ``boto3.Session(...)``; from here on they are plain text."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key.get_secret_value(),
            "aws_session_token": self.session_token.get_secret_value(),
        }


class _Claims(Record):
    sub: str
    username: str
    issuer: str
    issued_at: datetime
    expires_at: datetime
    auth_time: datetime | None = None
    groups: tuple[str, ...] = ()
    claims: Mapping[str, Any] = Field(repr=False)
    """Every claim as it stands in the token."""


class IdTokenClaims(_Claims):
    """The verified claims of an ID token.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
    """

    audience: str
    """The app client's id."""
    email: str | None = None
    email_verified: bool | None = None


class AccessTokenClaims(_Claims):
    """The verified claims of an access token.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    """

    client_id: str
    scopes: frozenset[str] = frozenset()
