"""Who logs in: the login that is in force when a connection is opened."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import SecretStr
from sqlalchemy.engine.interfaces import Dialect

from saigon.model.interface import CredentialsProvider, DbLogin
from saigon.orm._errors import error_kind
from saigon.orm._greenlets import wait_for
from saigon.orm.exceptions import DbConfigurationError

__all__ = ["Logins"]

AUTH_RETRY_DELAYS: Final = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each new login after a refused one: a rotation takes moments to be complete."""

_NEEDS_TLS: Final = (
    "expected a connection that insists on TLS, over which alone this login may be sent: set "
    "ssl_mode='verify-full', or 'require' at least (in a URL sslmode=, on MySQL ssl_ca=), and "
    "name a host, not a socket"
)

ResultT = TypeVar("ResultT")


class Logins:
    """The source of logins of one engine: fixed, or a provider that is asked each time."""

    def __init__(
        self, login: DbLogin | None, provider: CredentialsProvider | None, dialect: Dialect
    ) -> None:
        self._login = login
        self._provider = provider
        self._dialect = dialect

    def connect(self, attempt: Callable[[dict[str, Any]], ResultT], *, encrypted: bool) -> ResultT:
        """Call with the driver's options for a login, again with a fresh one if it is refused.

        Args:
            attempt: Opens a connection.
            encrypted: Whether it does so over TLS, or fails before the login is sent.

        Raises:
            DbConfigurationError: The provider gave no login, or one that must not be sent so.
        """
        if self._provider is None:
            return attempt(self._options(self._login))
        ask = self._provider.get_credentials
        login = self._answer(ask, refresh=False, encrypted=encrypted)
        for delay in AUTH_RETRY_DELAYS:
            try:
                return attempt(self._options(login))
            except self._dialect.loaded_dbapi.Error as exc:
                if error_kind(exc) != "auth":
                    raise
            self._sleep(delay)
            login = self._answer(ask, refresh=True, encrypted=encrypted)
        return attempt(self._options(login))

    def _answer(self, ask: Callable[..., Any], *, refresh: bool, encrypted: bool) -> DbLogin:
        if self._dialect.is_async:
            # It may call AWS, and the event loop must not wait for that.
            login = wait_for(asyncio.to_thread(ask, refresh=refresh))
        else:
            login = ask(refresh=refresh)
        if not isinstance(login, DbLogin) or not isinstance(login.password, SecretStr):
            raise DbConfigurationError(
                "expected the credentials_provider to return a DbLogin with a SecretStr, got "
                f"{type(login).__name__}"
            )
        if login.requires_tls and not encrypted:
            raise DbConfigurationError(_NEEDS_TLS)
        return login

    def _sleep(self, seconds: float) -> None:
        if self._dialect.is_async:
            wait_for(asyncio.sleep(seconds))
        else:
            time.sleep(seconds)

    def _options(self, login: DbLogin | None) -> dict[str, Any]:
        if login is None:
            return {}
        # Without a name, the driver takes its default: libpq's PGUSER, for instance.
        user = {"user": login.username} if login.username else {}
        return {**user, "password": self._password(login.password.get_secret_value())}

    def _password(self, password: str) -> str | bytes:
        # The server compares UTF-8; these drivers encode a text in latin-1.
        match self._dialect.driver:
            case "pymysql":
                return password.encode()
            case "aiomysql":
                return password.encode().decode("latin-1")
            case _:
                return password
