"""Pages of what other programs wrote and declared: as the database itself orders it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid1, uuid4

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    insert,
    make_url,
    select,
    text,
    types,
)

from saigon.model import BaseModelNoExtra, PaginationTokenCodec, QueryDataParams
from saigon.orm.connection import DbConnector

Pages = Callable[..., list[Any]]


class Row(BaseModelNoExtra):
    id: int


@pytest.fixture
def mariadb(mysql_url: str) -> Iterator[DbConnector]:
    url = make_url(mysql_url).set(drivername="mariadb+pymysql")
    with DbConnector(url, page_tokens=PaginationTokenCodec.unsigned()) as db:
        yield db


def test_mariadbs_own_order_of_uuids_is_followed(mariadb: DbConnector) -> None:
    keys = [uuid1(node=step, clock_seq=step) for step in range(9)] + [uuid4() for _ in range(9)]
    keys += [UUID(int=(7 << 76) | (2 << 62) | (step << 80) | step) for step in range(9)]
    table = Table("t", MetaData(), Column("id", Uuid, primary_key=True))
    table.metadata.create_all(mariadb.engine)
    mariadb.execute(insert(table), [{"id": key} for key in keys])
    found: list[UUID] = []
    token = None
    while token is not None or not found:
        params = QueryDataParams[None](max_count=2, page_token=token)
        page = mariadb.fetch_page(Keyed, select(table), params, order_by=[])
        token = page.page_token
        found += [row.id for row in page]
    assert found == [row.id for row in mariadb.fetch_all(select(table).order_by(table.c.id))]
    assert set(found) == set(keys)


class Keyed(BaseModelNoExtra):
    id: UUID


def test_values_that_other_programs_wrote_to_sqlite_are_paged_as_they_are(
    sqlite_url: str,
) -> None:
    with DbConnector(sqlite_url, page_tokens=PaginationTokenCodec.unsigned()) as db:
        db.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, value DATETIME NOT NULL)"))
        db.execute(
            text(
                "INSERT INTO t (value) VALUES ('2024-01-01'), ('2024-01-01 00:00:00'), "
                "('2024-01-01 00:00:00'), ('2024-01-01T00:00:00'), ('2024-01-01 00:00:00.5')"
            )
        )
        table = db.reflect().tables["t"]
        whole = db.fetch_all(text("SELECT id FROM t ORDER BY value, id"), model=Row)
        found: list[Row] = []
        params = QueryDataParams[None](max_count=1)
        while len(found) < len(whole):
            page = db.fetch_page(Row, select(table.c.id), params, order_by=[table.c.value])
            found += page.data
            params = params.model_copy(update={"page_token": page.page_token})
        assert (found, params.page_token) == (whole, None)


@pytest.mark.parametrize(
    ("database_url", "stored", "declared", "values"),
    [
        pytest.param(
            "mysql", "TINYINT", Boolean(), ["0", "1", "2", "-1", "2"], id="numbers as boolean"
        ),
        pytest.param(
            "postgresql", "mood", String(1), ["'b'", "'a'", "'c'", "'b'"], id="enum as text"
        ),
        pytest.param(
            "postgresql",
            "timestamptz",
            DateTime(),
            [f"'2024-10-27 {hour}:{half}:00+00'" for hour in ("00", "01") for half in ("10", "40")],
            id="an hour that comes twice",
        ),
    ],
    indirect=["database_url"],
)
def test_a_column_is_paged_as_the_database_orders_it_whatever_is_declared(
    *,
    db: DbConnector,
    all_pages: Pages,
    stored: str,
    declared: types.TypeEngine[Any],
    values: list[str],
) -> None:
    if db.dialect_name == "postgresql":
        db.execute(text("CREATE TYPE mood AS ENUM ('c', 'b', 'a')"))
        name = db.engine.url.database
        db.execute(text(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'"))
        db.engine.dispose()
    db.execute(text(f"CREATE TABLE t (id INTEGER PRIMARY KEY, value {stored} NOT NULL)"))
    for at, value in enumerate(values):
        db.execute(text(f"INSERT INTO t VALUES ({at}, {value})"))
    columns = (Column("id", Integer, primary_key=True), Column("value", declared, nullable=False))
    table = Table("t", MetaData(), *columns)
    whole = db.fetch_all(text("SELECT id FROM t ORDER BY value DESC, id DESC"), model=Row)
    assert all_pages(Row, select(table.c.id), [table.c.value.desc()], 1) == whole
