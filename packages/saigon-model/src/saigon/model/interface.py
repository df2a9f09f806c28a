"""The seams between the Saigon packages: what one hands in and another implements.

Nothing here imports another Saigon package, AWS, a database driver or an HTTP client, so that
``saigon.orm`` takes what ``saigon.aws`` implements and neither imports the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, SecretStr

__all__ = [
    "CredentialsProvider",
    "DbLogin",
    "HttpRequest",
    "RequestAuthorizer",
    "SecretVault",
]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DbLogin:
    """A database user and its password.

    Where ``requires_tls`` is true, the server gets the password itself instead of a proof of it:
    it may be sent over an encrypted connection alone.
    """

    username: str
    password: SecretStr
    requires_tls: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes out on the wire, without the library that sends it.

    Its headers and body stay out of the repr: they may hold credentials.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | BinaryIO | None = field(default=None, repr=False)


@runtime_checkable
class SecretVault(Protocol):
    """A store of named secrets."""

    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        """Return the current value of a secret as a model."""
        ...


@runtime_checkable
class CredentialsProvider(Protocol):
    """A source of database logins, asked at each new connection."""

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        """Return the login now in force.

        Args:
            refresh: The last login was refused: ask the source again instead of a cache.
        """
        ...


@runtime_checkable
class RequestAuthorizer(Protocol):
    """What makes a request one that the service accepts: a signature, a bearer token."""

    def authorize(self, request: HttpRequest) -> HttpRequest:
        """Return the request to send in place of the given one, which is left as it was."""
        ...
