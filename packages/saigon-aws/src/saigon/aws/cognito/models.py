"""What the clients hand out: tokens, users, claims, credentials; secrets are masked everywhere."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, Field, SecretStr

from saigon.aws.cognito._record import Record
from saigon.aws.cognito._text import is_unicode
from saigon.aws.cognito.exceptions import InvalidInputError

__all__ = [
    "AccessTokenClaims",
    "AccessTokenLike",
    "AuthChallenge",
    "AuthTokens",
    "CodeDelivery",
    "CognitoGroup",
    "CognitoUser",
    "DeviceCredentials",
    "IamCredentials",
    "IdTokenClaims",
    "IdTokenLike",
    "MfaMethod",
    "SignUpResult",
    "SoftwareToken",
    "UserPage",
]


class AuthTokens(Record):
    """The tokens of a signed-in user; ``to_plain`` is for storing them."""

    id_token: SecretStr
    access_token: SecretStr
    refresh_token: SecretStr
    expires_at: AwareDatetime
    """When the first of the ID and access tokens expires; aware, in UTC."""
    username: str
    """The user's real name in the pool, also after a sign-in by e-mail address or alias."""
    sub: str
    """The user's id, which never changes."""
    device_key: str | None = None
    """The device of this sign-in, where the pool tracks devices; a refresh has to name it."""
    device_group_key: str | None = None
    """Of a new device alone, which ``confirm_device`` makes known to the pool."""


AccessTokenLike: TypeAlias = AuthTokens | SecretStr | str
"""A user's tokens, or the access token alone, as a service receives it."""

IdTokenLike: TypeAlias = AuthTokens | SecretStr | str
"""A user's tokens, or the ID token alone."""

MfaMethod: TypeAlias = Literal["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"]
"""A second factor: an authenticator app's code, one by text message, or one by e-mail."""


class DeviceCredentials(Record):
    """A device's own password, which the pool asks for in place of a second factor.

    Store it on the device alone, by ``to_plain``; a sign-in takes it as ``device``.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
    """

    device_key: str = Field(min_length=1, max_length=55)
    device_group_key: str = Field(min_length=1, max_length=1024)
    password: SecretStr = Field(min_length=1, max_length=256)
    user_confirmation_necessary: bool = False
    """Whether the pool remembers the device only after ``update_device_status``."""


class AuthChallenge(Record):
    """What Cognito asks for before it signs a user in; give it to ``respond_to_challenge``.

    See Also:
        https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
    """

    name: str = Field(pattern=r"^[A-Z0-9_]{1,64}$")
    """Such as ``NEW_PASSWORD_REQUIRED``; names that Cognito adds later are carried too."""
    username: str = Field(min_length=1, max_length=2048)
    """The name to answer with, which is the real one where Cognito gave it."""
    session: SecretStr | None = Field(default=None, min_length=20, max_length=4096)
    """Used up by the answer; good for three minutes where the app client does not say otherwise."""
    parameters: Mapping[str, str] = Field(default_factory=dict, repr=False)
    """What Cognito tells of the challenge, such as where a code was sent."""
    by_admin: bool = False
    """Whether it came from, and is answered through, the admin operations."""
    device: DeviceCredentials | None = Field(default=None, repr=False)
    """The device that the sign-in began with."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The second factors that SELECT_MFA_TYPE and MFA_SETUP leave the choice of."""
        told = self.parameters.get("MFAS_CAN_CHOOSE") or self.parameters.get("MFAS_CAN_SETUP")
        try:
            choices = json.loads(told or "[]")
        except (ValueError, RecursionError):
            return ()
        return tuple(map(str, choices)) if isinstance(choices, list) else ()


class SoftwareToken(Record):
    """The secret that an authenticator app and the pool share from now on.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
    """

    secret_code: SecretStr
    """In base32, as authenticator apps take it."""
    challenge: AuthChallenge | None = None
    """What to answer with the app's first code, where it began with an MFA_SETUP challenge."""

    def otpauth_uri(self, *, issuer: str, account: str) -> str:
        """Return what the QR code for an authenticator app holds; it holds the secret.

        Args:
            issuer: Your service's name, which the app shows.
            account: The user's name, which the app shows.

        See Also:
            https://github.com/google/google-authenticator/wiki/Key-Uri-Format
        """
        given: dict[str, Any] = {"issuer": issuer, "account": account}
        for field, value in given.items():
            if not isinstance(value, str) or not is_unicode(value):
                raise InvalidInputError(field, "text")
        label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
        secret = self.secret_code.get_secret_value()
        query = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
        return f"otpauth://totp/{label}?{query}"


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
    """Such as ``("SOFTWARE_TOKEN_MFA",)``; not told in lists."""
    preferred_mfa: str | None = None
    """The one of them that a sign-in asks for; not told in lists."""


class UserPage(Record):
    """Some of the pool's users, in no order."""

    users: tuple[CognitoUser, ...]
    pagination_token: str | None = None
    """What the next page is asked for with; None on the last one."""


class CognitoGroup(Record):
    """A group of users."""

    name: str
    description: str | None = None
    role_arn: str | None = None
    """The IAM role that the identity pool may give to its members."""
    precedence: int | None = None
    """The role of the group with the lowest number is a member's preferred one."""
    created_at: datetime | None = None
    modified_at: datetime | None = None


class IamCredentials(Record):
    """Temporary AWS credentials of an identity."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: AwareDatetime
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
    roles: tuple[str, ...] = ()
    """The ARNs of the IAM roles of the user's groups."""
    preferred_role: str | None = None
    """The one that the identity pool gives where none is chosen."""


class AccessTokenClaims(_Claims):
    """The verified claims of an access token.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    """

    client_id: str
    scopes: frozenset[str] = frozenset()
