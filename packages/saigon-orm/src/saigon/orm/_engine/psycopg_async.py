"""PostgreSQL on an event loop: cursors that a cancellation leaves closed."""

from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, event

from saigon.orm._greenlets import to_the_end

__all__ = ["prepare_psycopg_async"]

ResultT = TypeVar("ResultT")
_SECONDS_TO_CLOSE: Final = 1.0


def prepare_psycopg_async(engine: Engine) -> None:
    """Let an engine's connections close their server-side cursors at any rate."""
    event.listen(engine, "connect", _on_connect)


def _on_connect(_dbapi_connection: Any, record: Any) -> None:
    from psycopg import AsyncServerCursor

    class ServerCursor(AsyncServerCursor[Any]):
        """A cursor that what fails on it, or is cancelled, does not leave open."""

        async def execute(self, *args: Any, **kwargs: Any) -> Any:
            return await self._or_close(super().execute(*args, **kwargs))

        async def fetchmany(self, size: int = 0) -> list[Any]:
            return await self._or_close(super().fetchmany(size))

        async def _or_close(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
            try:
                return await work
            except BaseException:
                await self.close()
                raise

        async def close(self) -> None:
            await to_the_end(super().close(), within=_SECONDS_TO_CLOSE)

    record.driver_connection.server_cursor_factory = ServerCursor
