"""A database login out of a secret."""

from typing import ClassVar, Protocol, runtime_checkable

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr

from saigon.model.interface import DbLogin, SecretVault

__all__ = ["SecretCredentials"]


class SecretCredentials:
    """A ``CredentialsProvider`` (saigon.model.interface) over a secret with user and password.

    It reads the secrets that AWS writes for databases: JSON with ``username`` (or ``user``) and
    ``password``, neither of them empty, other fields left aside. Asked to refresh, it asks a
    vault that can do so for the value of now; other vaults are just asked.
    See https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html

    Args:
        vault: Where the secret is, such as an AwsSecretVault.
        secret_name: The secret's name or ARN.
    """

    def __init__(self, vault: SecretVault, secret_name: str) -> None:
        if not secret_name:
            raise ValueError("expected the name or ARN of a secret")
        self._vault = vault
        self._secret_name = secret_name

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        """Return the login of the secret's current version.

        Args:
            refresh: The last login was refused: ask the vault for the value of now.

        Raises:
            Exception: What the vault raises: a ``SecretError`` of AwsSecretVault.
        """
        if refresh and isinstance(self._vault, _Refreshing):
            self._vault.refresh(self._secret_name)
        found = self._vault.get_secret(_Login, self._secret_name)
        return DbLogin(found.username, found.password)


class _Login(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    # Without a name, a driver would take one of its own.
    username: str = Field(min_length=1, validation_alias=AliasChoices("username", "user"))
    password: SecretStr = Field(min_length=1)


@runtime_checkable
class _Refreshing(Protocol):
    def refresh(self, secret_name: str) -> None: ...
