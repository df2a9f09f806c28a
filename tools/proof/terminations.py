"""Sessions that end in the middle of what they do."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.services import PrivateServer

__all__ = ["Terminations"]

_FIND: Final = {
    "postgresql": (
        "SELECT pid FROM pg_stat_activity WHERE datname = :database AND xact_start IS NOT NULL"
        " ORDER BY query = 'COMMIT' DESC LIMIT 1"
    ),
    "mysql": (
        "SELECT id FROM information_schema.processlist WHERE db = :database AND command = 'Query'"
        " ORDER BY info = 'COMMIT' DESC LIMIT 1"
    ),
}
_END: Final = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}
_LOOK_SECONDS: Final = 0.003


class Terminations:
    """Ends sessions of a database in their transactions, now and then; a context manager.

    Args:
        server: The server; it may be stopped meanwhile.
        database_url: The database.
        most: How many sessions are ended.
        pause: Seconds between one and the next.
    """

    def __init__(
        self, server: PrivateServer, database_url: str, *, most: int, pause: float = 0.1
    ) -> None:
        url = make_url(database_url)
        self._kind = url.get_backend_name()
        self._database = url.database
        self._most = most
        self._pause = pause
        self._engine = create_engine(server.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.count: int = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while self.count < self._most and not self._stop.is_set():
            # The server may be down, and the session over before it is ended.
            with suppress(DBAPIError):
                self._end_some()
            self._stop.wait(_LOOK_SECONDS)

    def _end_some(self) -> None:
        with self._engine.connect() as connection:
            while self.count < self._most and not self._stop.is_set():
                found = connection.scalar(text(_FIND[self._kind]), {"database": self._database})
                if found is None:
                    self._stop.wait(_LOOK_SECONDS)
                    continue
                connection.execute(text(_END[self._kind].format(int(found))))
                self.count += 1
                self._stop.wait(self._pause)
