"""Types and values that have no place in a token, and are refused rather than paged wrongly."""

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    insert,
    select,
    text,
    types,
)
from sqlalchemy.dialects import mysql, postgresql

from saigon.model import BaseModelNoExtra, PaginationTokenCodec, QueryDataParams
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import PaginationError


class Row(BaseModelNoExtra):
    id: int


REFUSED: dict[str, list[types.TypeEngine[Any]]] = {
    "postgresql": [
        postgresql.INTERVAL(),
        postgresql.ENUM("b", "a", name="mood"),
        postgresql.INET(),
        postgresql.JSONB(),
        postgresql.REAL(),
        postgresql.DOUBLE_PRECISION(),
        postgresql.TIME(),
        postgresql.ARRAY(Integer),
        postgresql.BIT(3),
        postgresql.MONEY(),
        postgresql.TSVECTOR(),
        postgresql.INT4RANGE(),
    ],
    "mysql": [
        mysql.ENUM("b", "a"),
        mysql.SET("b", "a"),
        mysql.DOUBLE(),
        mysql.FLOAT(),
        mysql.TIME(fsp=6),
        mysql.JSON(),
        mysql.BIT(3),
        mysql.VARCHAR(257),
        mysql.TEXT(),
        mysql.BLOB(),
    ],
    "sqlite": [types.Float(), types.Time(), types.JSON()],
}


def test_a_type_without_an_exact_place_in_a_token_is_refused_as_it_is_reflected(
    db: DbConnector,
) -> None:
    kinds = REFUSED[db.dialect_name]
    columns = [Column(f"c{at}", kind, nullable=False) for at, kind in enumerate(kinds)]
    declared = Table("t", MetaData(), Column("id", Integer, primary_key=True), *columns)
    declared.metadata.create_all(db.engine)
    for table in (declared, db.reflect().tables["t"]):
        for column in columns:
            order_by = [table.c[column.name]]
            with pytest.raises(PaginationError, match="no exact order"):
                db.fetch_page(Row, select(table), QueryDataParams[None](), order_by=order_by)


def test_a_value_longer_than_a_token_is_said_to_be(postgresql_url: str) -> None:
    with DbConnector(postgresql_url, page_tokens=PaginationTokenCodec.unsigned()) as db:
        columns = (Column("id", Integer, primary_key=True), Column("value", Text, nullable=False))
        table = Table("t", MetaData(), *columns)
        table.metadata.create_all(db.engine)
        db.execute(insert(table), [{"value": "x" * 3_000}, {"value": "y"}])
        with pytest.raises(PaginationError, match="too long for a page token"):
            db.fetch_page(
                Row,
                select(table.c.id),
                QueryDataParams[None](max_count=1),
                order_by=[table.c.value],
            )


@pytest.mark.parametrize("rows", ["many for each key", "two with one key"])
def test_rows_that_a_key_does_not_tell_apart_are_said_to_be(postgresql_url: str, rows: str) -> None:
    with DbConnector(postgresql_url, page_tokens=PaginationTokenCodec.unsigned()) as db:
        db.execute(text("CREATE TABLE t (id INTEGER NOT NULL, at INTEGER NOT NULL)"))
        db.execute(text("INSERT INTO t VALUES (1, 1), (2, 2), (3, 2), (4, 3)"))
        key = "id" if rows == "many for each key" else "at"
        table = Table("t", MetaData(), Column("id", Integer), Column("at", Integer))
        table.append_constraint(PrimaryKeyConstraint(key))
        listing = select(func.unnest([1, 2]).label("id")) if key == "id" else select(table.c.id)
        with pytest.raises(PaginationError, match="two rows have one key"):
            db.fetch_page(
                Row,
                listing.select_from(table),
                QueryDataParams[None](max_count=1 if key == "id" else 2),
                order_by=[],
            )
