"""Databases that are away, or there and of no use."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.services import PrivateServer

__all__ = ["exhausted", "read_only", "restart"]

_FEWEST_CONNECTIONS: Final = 10  # that MySQL can be set to


def restart(server: PrivateServer, *, kill: bool, seconds: float = 0.5) -> None:
    """Stop or kill a server, and start it again after some seconds."""
    if kill:
        server.kill()
    else:
        server.stop()
    time.sleep(seconds)
    server.start()


@contextmanager
def read_only(server: PrivateServer) -> Iterator[None]:
    """Let users read and not write, as on a writer that was demoted."""
    server.set_read_only(wanted=True)
    yield
    server.set_read_only(wanted=False)


@contextmanager
def exhausted(server: PrivateServer, database_url: str) -> Iterator[None]:
    """End a user's connections and let no other one in; the server may be restarted meanwhile."""
    url = make_url(database_url)
    close = _close_role if url.get_backend_name() == "postgresql" else _take_all_connections
    with ExitStack() as stack:
        close(server, database_url, str(url.database), stack)
        yield


def _close_role(server: PrivateServer, _url: str, name: str, stack: ExitStack) -> None:
    def limit(count: int) -> None:
        server.execute_admin(
            "SET default_transaction_read_only = off", f"ALTER ROLE {name} CONNECTION LIMIT {count}"
        )

    stack.callback(limit, -1)
    limit(0)
    server.execute_admin(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  # a test's own name
    )


def _take_all_connections(server: PrivateServer, url: str, name: str, stack: ExitStack) -> None:
    engine = create_engine(url, poolclass=NullPool)
    taken = [engine.connect() for _ in range(_FEWEST_CONNECTIONS)]
    for connection in taken:
        stack.callback(connection.invalidate)
    ours = {connection.scalar(text("SELECT connection_id()")) for connection in taken}
    most = server.execute_admin("SELECT @@max_connections")
    stack.callback(server.execute_admin, f"SET GLOBAL max_connections = {most}")
    server.execute_admin(f"SET GLOBAL max_connections = {_FEWEST_CONNECTIONS}")
    administration = create_engine(server.url, poolclass=NullPool)
    with administration.connect() as connection:
        query = text("SELECT id FROM information_schema.processlist WHERE db = :name")
        for session in set(connection.scalars(query, {"name": name})) - ours:
            with suppress(DBAPIError):  # it may have ended since
                connection.execute(text(f"KILL {session:d}"))
