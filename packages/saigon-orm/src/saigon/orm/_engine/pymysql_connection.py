"""PyMySQL's connection with bounds for the handshake and the ping.

PyMySQL limits the time of the TCP connect alone: a server that accepts and then stays silent would
hold it for its read time-out.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql.connections

from saigon.orm._engine.mysql_socket import MysqlTls, keep_alive

if TYPE_CHECKING:
    _Connection = Any  # the stubs leave out what is used here
else:
    _Connection = pymysql.connections.Connection

__all__ = ["PyMySqlConnection"]


class PyMySqlConnection(_Connection):  # type: ignore[misc]  # see above
    """A connection whose every wait ends, and which can leave the session as it is."""

    _read_timeout: float

    def __init__(self, options: Mapping[str, Any], *, proxied: bool) -> None:
        self._proxied = proxied
        self._tls = MysqlTls.of(options)
        super().__init__(**self._tls.in_options(options), defer_connect=True)

    def open(self) -> "PyMySqlConnection":
        """Connect and log in."""
        with self._reading_within(self.connect_timeout):
            self.connect()
        self.password = b""
        keep_alive(self._sock)
        return self

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        descriptor: int = self._sock.fileno()
        return descriptor

    def ping_within(self, seconds: float) -> None:
        """Ask for an answer, and fail without one."""
        with self._reading_within(seconds):
            self.ping(reconnect=False)

    @contextmanager
    def _reading_within(self, seconds: float) -> Iterator[None]:
        usual, self._read_timeout = self._read_timeout, seconds
        try:
            yield
        finally:
            self._read_timeout = usual

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        """Set it for the session, except behind a proxy: the handshake has named it too."""
        if not self._proxied:
            super().set_character_set(charset, collation)

    def character_set_name(self) -> str | None:
        """Return what SQLAlchemy should set for the session again."""
        return None if self._proxied else super().character_set_name()

    def _request_authentication(self) -> None:
        if not self._tls.offered_by(self):
            self.ssl = False
        super()._request_authentication()
