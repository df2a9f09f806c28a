"""What credentials are, to those who sign with them and those who verify."""

from datetime import datetime
from typing import Protocol

from pydantic import SecretStr


class AwsCredentials(Protocol):
    """Credentials that stay what they are; new ones are a new object."""

    @property
    def access_key_id(self) -> str:
        """The access key id, which is not secret."""
        ...

    @property
    def secret_access_key(self) -> SecretStr:
        """The secret that signs."""
        ...

    @property
    def session_token(self) -> SecretStr | None:
        """The session token of temporary credentials."""
        ...


class TemporaryCredentials(AwsCredentials, Protocol):
    """Credentials of an identity pool, which stay what they are."""

    @property
    def session_token(self) -> SecretStr:
        """The session token."""
        ...

    @property
    def expiration(self) -> datetime:
        """When the credentials expire, aware."""
        ...

    @property
    def identity_id(self) -> str:
        """The identity in the identity pool that they were issued to."""
        ...
