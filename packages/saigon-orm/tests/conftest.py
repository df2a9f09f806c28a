from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from saigon.model import PaginationTokenCodec
from saigon.orm.connection import DbConnector


@pytest.fixture(params=["memory", "file"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def db(db_url: str) -> Iterator[DbConnector]:
    with DbConnector(db_url, page_tokens=PaginationTokenCodec.unsigned()) as connector:
        yield connector


@pytest.fixture
def file_db(tmp_path: Path) -> Iterator[DbConnector]:
    with DbConnector(f"sqlite:///{tmp_path / 'file.db'}") as connector:
        yield connector


@pytest.fixture
def people(db: DbConnector) -> Table:
    table = Table(
        "people",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("boss", ForeignKey("people.id")),
    )
    table.metadata.create_all(db.engine)
    return table
