"""aiomysql's connection with bounds: it limits the time of the TCP connect and of nothing else."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import aiomysql  # type: ignore[import-untyped]

from saigon.orm._engine.mysql_socket import MysqlTls, keep_alive

if TYPE_CHECKING:
    _Connection = Any
else:
    _Connection = aiomysql.Connection

__all__ = ["AioMySqlConnection"]

_CANNOT_CONNECT: Final = 2003  # CR_CONN_HOST_ERROR
_SERVER_LOST: Final = 2013  # CR_SERVER_LOST
_MULTI_STATEMENTS: Final = 1 << 16  # CLIENT_MULTI_STATEMENTS
_GOODBYE: Final = 1.0  # seconds


class AioMySqlConnection(_Connection):  # type: ignore[misc]  # the driver has no types
    """A connection whose every wait ends, and which can leave the session as it is."""

    _writer: Any = None  # which the driver's __del__ looks for, whatever has failed before

    def __init__(self, options: Mapping[str, Any], *, proxied: bool) -> None:
        self._proxied = proxied
        self._tls = MysqlTls.of(options)
        known = self._tls.in_options(options)
        self._answer_timeout: float = known.pop("read_timeout")
        known.pop("write_timeout")
        known.pop("ssl_disabled")
        super().__init__(**known)
        # PyMySQL takes one statement at a time; behind a second one a COMMIT would go unseen.
        self.client_flag &= ~_MULTI_STATEMENTS

    async def open(self) -> "AioMySqlConnection":
        """Connect and log in."""
        try:
            async with asyncio.timeout(self.connect_timeout):
                await self._connect()
        except TimeoutError as exc:
            self.close()
            raise aiomysql.OperationalError(_CANNOT_CONNECT, "no answer in time") from exc
        self._password = ""
        keep_alive(self._writer.get_extra_info("socket"))
        return self

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        descriptor: int = self._writer.get_extra_info("socket").fileno()
        return descriptor

    async def answers_within(self, seconds: float) -> bool:
        """Ask for an answer."""
        try:
            async with asyncio.timeout(seconds):
                await self.ping(reconnect=False)
        except (aiomysql.Error, OSError):  # a TimeoutError is one
            return False
        return True

    async def ensure_closed(self) -> None:
        """Say goodbye, and let TLS do so too while the event loop is still there."""
        writer = self._writer
        await super().ensure_closed()
        if writer is None:
            return
        try:
            async with asyncio.timeout(_GOODBYE):
                await writer.wait_closed()
        except OSError:  # a TimeoutError is one
            writer.transport.abort()

    def character_set_name(self) -> str | None:
        """Return what SQLAlchemy should set for the session again."""
        return None if self._proxied else super().character_set_name()

    async def _read_bytes(self, num_bytes: int) -> Any:
        if len(self._reader._buffer) >= num_bytes:  # noqa: SLF001  # a time-out costs more than it
            return await super()._read_bytes(num_bytes)
        try:
            async with asyncio.timeout(self._answer_timeout):
                return await super()._read_bytes(num_bytes)
        except TimeoutError as exc:
            self.close()
            raise aiomysql.OperationalError(_SERVER_LOST, "no answer in time") from exc

    async def _request_authentication(self) -> None:
        if not self._tls.offered_by(self):
            self._ssl_context = None
        await super()._request_authentication()
