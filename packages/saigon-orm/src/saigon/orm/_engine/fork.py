"""A forked child keeps its hands off its parent's connections.

What it sent there, a ROLLBACK on its way out for instance, would undo its parent's work.
"""

import os
import socket
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Engine, event

from saigon.orm.exceptions import TransactionUsageError

__all__ = ["stay_in_process"]

_connections: Final[WeakSet[Any]] = WeakSet()
"""The drivers' connections to servers that this process has opened."""


def stay_in_process(engine: Engine) -> None:
    """Let an engine's connections be ended by the process that has made it, and no other."""
    import ctypes  # here, because a child that ends can import nothing any more

    dialect: Any = engine.dialect
    owner = os.getpid()

    def guarded(name: str) -> None:
        plain = getattr(dialect, name)

        def end(connection: Any) -> None:
            if os.getpid() == owner:
                plain(connection)
            else:
                # Freeing it would end it: SQLite even rolls back in the file.
                # https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

        setattr(dialect, name, end)

    def do_commit(connection: Any) -> None:
        if os.getpid() != owner:
            raise TransactionUsageError("the transaction began in another process")
        commit(connection)

    commit = dialect.do_commit
    dialect.do_commit = do_commit
    for name in ("do_rollback", "do_close", "do_terminate"):
        guarded(name)
    if dialect.name != "sqlite":
        event.listen(engine, "connect", _remember)


def _remember(_connection: Any, record: Any) -> None:
    _connections.add(record.driver_connection)


def _cut_off() -> None:
    """Let the child's copies of its parent's sockets lead nowhere, whatever still uses them."""
    nowhere, other_end = socket.socketpair()
    other_end.close()
    with nowhere:
        for connection in list(_connections):
            with suppress(Exception):  # it is closed
                os.dup2(nowhere.fileno(), connection.fileno())
    _connections.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cut_off)
