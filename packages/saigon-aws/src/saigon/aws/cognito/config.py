"""What a Cognito client has to know of its pools."""

from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from saigon.aws.cognito._record import Record
from saigon.aws.cognito.exceptions import CognitoConfigurationError, CognitoError

__all__ = ["AuthFlow", "CognitoClientConfig", "CognitoIdpConfig"]

AuthFlow = Literal["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
"""How a password is sent: to Cognito, as an SRP proof, or by a server with AWS credentials."""

_ClientId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+]+$", max_length=128)]


class CognitoIdpConfig(Record):
    """A user pool and one of its app clients.

    Raises:
        CognitoConfigurationError: A field is missing, unknown or malformed; its value is not told.
    """

    user_pool_id: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d_[0-9A-Za-z]+$", max_length=55)
    """Such as ``eu-west-1_AbCdEfGhI``."""
    client_id: _ClientId
    """The app client's id."""
    accepted_client_ids: frozenset[_ClientId] = frozenset()
    """Further app clients of the pool, whose tokens are verified as the app client's own are."""
    client_secret: SecretStr | None = Field(default=None, min_length=1)
    """The app client's secret, where it has one."""
    region: str = Field(default="", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    """The AWS region, which follows from the user pool's id; no other is accepted."""
    endpoint_url: str | None = None
    """Another address for the API than AWS's."""
    issuer: str = ""
    """What ``iss`` has to be in the pool's tokens; by default what AWS puts there."""
    jwks_url: str = ""
    """Where the pool's public keys are; below the issuer by default."""
    auth_flow: AuthFlow = "USER_PASSWORD_AUTH"
    """The flow of ``login_user`` and ``initiate_auth`` where they are not told another."""
    refresh_token_rotation: bool = False
    """Whether the app client rotates refresh tokens, which then need another API operation."""
    leeway: float = Field(default=10.0, ge=0, le=300)
    """Seconds that clocks may be apart when a token's times are checked."""
    jwks_lifespan: float = Field(default=300.0, gt=0)
    """Seconds that the public keys are taken from the cache."""
    jwks_cooldown: float = Field(default=30.0, ge=0)
    """Seconds in which unknown key ids, however many, cause no second fetch of the keys."""
    connect_timeout: float = Field(default=5.0, gt=0)
    """Seconds to wait for a connection."""
    read_timeout: float = Field(default=10.0, gt=0)
    """Seconds to wait for an answer."""

    @classmethod
    def _refused(cls, field: str, rule: str) -> CognitoError:
        return CognitoConfigurationError(f"{cls.__name__}.{field}: {rule}")

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, data: Any) -> Any:
        """Fill in what follows from the user pool's id."""
        pool_id = data.get("user_pool_id") if isinstance(data, dict) else None
        if not isinstance(pool_id, str):
            return data
        region = data.get("region") or pool_id.partition("_")[0]
        issuer = data.get("issuer") or f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"
        derived = {
            "region": region,
            "issuer": issuer,
            "jwks_url": data.get("jwks_url") or f"{issuer}/.well-known/jwks.json",
        }
        return {**data, **derived}

    def _check(self) -> None:
        """Refuse what followed from another pool, as in a copy with a new ``user_pool_id``."""
        super()._check()
        if self.user_pool_id.partition("_")[0] != self.region:
            raise self._refused("region", "the user pool's own")
        is_of_aws = self.issuer.startswith("https://cognito-idp.")
        if is_of_aws and self.issuer.rpartition("/")[2] != self.user_pool_id:
            raise self._refused("issuer", "the user pool's own")

    @field_validator("endpoint_url", "issuer", "jwks_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        return _url(value)


class CognitoClientConfig(CognitoIdpConfig):
    """A user pool, one of its app clients, and the identity pool that trusts them."""

    identity_pool_id: str = Field(pattern=r"^[a-z0-9-]+:[0-9a-f-]+$", max_length=55)
    """Such as ``eu-west-1:5f1c...``."""
    identity_endpoint_url: str | None = None
    """Another address for the identity pool's API than AWS's."""
    login_provider: str = ""
    """The user pool's name among the identity pool's logins; by default what AWS calls it."""

    @model_validator(mode="before")
    @classmethod
    def _derive_provider(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("login_provider"):
            return data
        pool_id = str(data.get("user_pool_id"))
        region = data.get("region") or pool_id.partition("_")[0]
        return {**data, "login_provider": f"cognito-idp.{region}.amazonaws.com/{pool_id}"}

    @field_validator("identity_endpoint_url")
    @classmethod
    def _identity_endpoint_is_url(cls, value: str | None) -> str | None:
        return _url(value)

    @property
    def identity_region(self) -> str:
        """The identity pool's region, which its id begins with."""
        return self.identity_pool_id.partition(":")[0]


def _url(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:  # it quotes the address
        parts = urlsplit("")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("a URL that begins with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL without a user or password, which would be logged")
    return value
