"""What :class:`~saigon.aws.testing.LocalAws` makes: pools, users and queues, as plain records."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

if TYPE_CHECKING:
    from saigon.aws.cognito import CognitoClientConfig, CognitoIdpConfig
    from saigon.aws.testing._issuer import CredentialIssuer


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A confirmed user of a local user pool."""

    username: str
    password: SecretStr
    sub: str


@dataclass(frozen=True, slots=True)
class LocalUserPool:
    """A user pool and one app client of it."""

    user_pool_id: str
    client_id: str
    client_secret: SecretStr | None
    region: str
    endpoint_url: str

    @property
    def provider_name(self) -> str:
        """The pool's name among the logins of an identity pool."""
        return f"cognito-idp.{self.region}.amazonaws.com/{self.user_pool_id}"

    @property
    def issuer(self) -> str:
        """The ``iss`` of the pool's tokens: AWS's own address, also here."""
        return f"https://{self.provider_name}"

    @property
    def jwks_url(self) -> str:
        """Where this machine serves the pool's public keys."""
        return f"{self.endpoint_url}/{self.user_pool_id}/.well-known/jwks.json"

    def config(self, **options: Any) -> "CognitoIdpConfig":
        """Return the configuration of a :class:`~saigon.aws.cognito.idp.CognitoIdp` of this pool.

        Args:
            **options: Further fields of the configuration, or others in place of these.
        """
        from saigon.aws.cognito import CognitoIdpConfig

        return CognitoIdpConfig(**{**self._config_fields(), **options})

    def _config_fields(self) -> dict[str, Any]:
        return {
            "user_pool_id": self.user_pool_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "endpoint_url": self.endpoint_url,
            "jwks_url": self.jwks_url,
        }


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """Temporary credentials and the user that they were issued to."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: datetime
    """Aware, in UTC."""
    identity_id: str
    user_sub: str
    user_pool_id: str
    region: str
    identity_pool_id: str


@dataclass(frozen=True, slots=True)
class LocalIdentityPool:
    """An identity pool that gives every user of its user pool an identity and keys of their own."""

    identity_pool_id: str
    user_pool: LocalUserPool
    endpoint_url: str
    """The loopback credential issuer; the ``identity_endpoint_url`` of a client's configuration."""
    _issuer: "CredentialIssuer" = field(repr=False)

    def config(self, **options: Any) -> "CognitoClientConfig":
        """Return the configuration of a :class:`~saigon.aws.cognito.client.CognitoClient`.

        Args:
            **options: Further fields of the configuration, or others in place of these.
        """
        from saigon.aws.cognito import CognitoClientConfig

        fields = {
            **self.user_pool._config_fields(),  # noqa: SLF001  # two records of one module
            "identity_pool_id": self.identity_pool_id,
            "identity_endpoint_url": self.endpoint_url,
        }
        return CognitoClientConfig(**{**fields, **options})

    def find(self, access_key_id: str) -> IssuedCredentials | None:
        """Return the credentials of this pool with the key id, expired or not, and whose they are.

        This is what a gateway asks to verify a signature: it checks the expiration itself.
        """
        found = self._issuer.find(access_key_id)
        return found if found and found.identity_pool_id == self.identity_pool_id else None


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue, and the queue for what it could not deliver."""

    name: str
    url: str
    arn: str
    dead_letter_url: str | None
