"""Databases of a bench's own, on each kind of server: made for it and dropped after it."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Literal, get_args

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tools.bench.registry import Unavailable
from tools.services import Missing, Service, find_mysql, find_postgresql

__all__ = ["KINDS", "Kind", "execute_outside_transactions", "fresh_database"]

Kind = Literal["postgresql", "mysql", "sqlite"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@contextmanager
def fresh_database(kind: Kind) -> Iterator[str]:
    """Give the URL of an empty database.

    Raises:
        Unavailable: There is no such server.
    """
    match kind:
        case "postgresql":
            with _on_server(find_postgresql(), "TEMPLATE template0", "WITH (FORCE)") as url:
                yield url
        case "mysql":
            with _on_server(find_mysql(), "CHARACTER SET utf8mb4", "") as url:
                yield url
        case "sqlite":
            with tempfile.TemporaryDirectory() as folder:
                yield f"sqlite+pysqlite:///{Path(folder) / 'bench.db'}"


@contextmanager
def _on_server(
    search: AbstractContextManager[Service], creation: str, removal: str
) -> Iterator[str]:
    with search as service:
        if isinstance(service, Missing):
            raise Unavailable(service.reason)
        name = f"saigon_bench_{uuid.uuid4().hex}"
        execute_outside_transactions(service.url, f"CREATE DATABASE {name} {creation}")
        try:
            yield make_url(service.url).set(database=name).render_as_string(hide_password=False)
        finally:
            execute_outside_transactions(service.url, f"DROP DATABASE {name} {removal}")


def execute_outside_transactions(url: str, *statements: str) -> None:
    """Execute what a server does outside transactions only, or faster there."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
