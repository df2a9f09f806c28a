import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from saigon.model import PaginationTokenCodec
from saigon.orm.connection import DbConnector


@pytest.fixture
def db(database_url: str) -> Iterator[DbConnector]:
    """Give a connector to a fresh database, on each kind of server in turn."""
    with DbConnector(database_url, page_tokens=PaginationTokenCodec.unsigned()) as connector:
        yield connector


@pytest.fixture
def people(db: DbConnector) -> Table:
    """Give a table of people with bosses, in that database."""
    table = Table(
        "people",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("boss", ForeignKey("people.id", name="fk_boss")),
    )
    table.metadata.create_all(db.engine)
    return table


@pytest.fixture
def free_port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
