"""An engine as one would make it by hand, with the settings of the connector's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

__all__ = ["plain_engine"]


@contextmanager
def plain_engine(url: str) -> Iterator[Engine]:
    """Give an engine that pings, recycles and hides parameters, and has nothing of ours."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_pre_ping=True,
        pool_recycle=1_800,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _let_sqlalchemy_begin)
        event.listen(engine, "begin", _begin)
    try:
        yield engine
    finally:
        engine.dispose()


def _let_sqlalchemy_begin(connection: Any, _record: Any) -> None:
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-transactions
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
