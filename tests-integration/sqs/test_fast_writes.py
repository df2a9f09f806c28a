"""Rows that are written together are stored as if one by one, and counted exactly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import (
    ARRAY,
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    delete,
    event,
    func,
    insert,
    null,
    select,
    text,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.dialects import mysql, postgresql

from saigon.aws.sqs import MessageRejectedError, OnConflict, RowCounts, SqsToRdsForwarder
from saigon.aws.sqs._table.writing import TableWrite, write_table_rows
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector, transaction_context

Make = Callable[..., Any]
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "r"
    BLUE = 'b"\\'


class Backwards(TypeDecorator[str]):
    """A type that processes its values in Python."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and value[::-1]


class Lower(TypeDecorator[str]):
    """A type that processes its values in SQL."""

    impl = String(40)
    cache_ok = True

    def bind_expression(self, bindvalue: Any) -> Any:
        return func.lower(bindvalue)


def texts(dialect_name: str, **options: Any) -> st.SearchStrategy[str]:
    excluded = "\0" if dialect_name == "postgresql" else ""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=excluded)
    odd = st.sampled_from(["NULL", '"', "\\", "{}", "'", "a,b", "%s", ":literals", " "])
    return odd | st.text(characters, **options)


def kept_values(dialect_name: str) -> dict[str, tuple[Any, st.SearchStrategy[Any]]]:
    """Return columns and their values, whatever these are called."""
    fraction = mysql.DATETIME(fsp=6)
    words = texts(dialect_name, max_size=20)
    naive = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001  # bounds
    documents = st.dictionaries(words, st.lists(words | st.integers() | st.none()), max_size=2)
    infinite = dialect_name == "postgresql"
    common = {
        "words": (Text(), words),
        "word": (String(40), words),
        "letters": (CHAR(20), words),
        "large": (BigInteger(), st.integers(-(2**63), 2**63 - 1)),
        "whole": (Integer(), st.integers(-(2**31), 2**31 - 1)),
        "small": (SmallInteger(), st.integers(-(2**15), 2**15 - 1)),
        "truth": (Boolean(), st.booleans()),
        "price": (Numeric(24, 4), st.decimals(-(10**19), 10**19, places=6)),
        "quotient": (Double(), st.floats(allow_nan=infinite, allow_infinity=infinite)),
        "octets": (LargeBinary(), st.binary(max_size=20)),
        "moment": (
            DateTime(timezone=True).with_variant(fraction, "mysql"),
            naive.map(lambda at: at.replace(tzinfo=UTC)),
        ),
        "naive": (DateTime().with_variant(fraction, "mysql"), naive),
        "on_day": (Date(), st.dates(NOON.date().replace(year=1000))),
        "clock": (Time().with_variant(mysql.TIME(fsp=6), "mysql"), st.times()),
        "token": (Uuid(), st.uuids(version=4)),
        "colour": (EnumType(Colour), st.sampled_from(Colour)),
        "colour_text": (EnumType(Colour, native_enum=False), st.sampled_from(Colour)),
        "turned": (Backwards(), words),
        "document": (JSON(), documents | st.just(null())),
    }
    if dialect_name != "postgresql":
        return common
    spans = st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000))
    numbers = st.decimals(allow_nan=False, allow_infinity=False)
    return common | {
        "span": (Interval(), spans),
        "binary_document": (postgresql.JSONB(), documents),
        "number": (Numeric(), numbers),
        "token_text": (Uuid(as_uuid=False), st.uuids().map(str)),
        "at_night": (Time(timezone=True), st.times(timezones=st.just(UTC))),
        "named": (
            EnumType("a", "it's", name='a "kind"', schema="public", metadata=MetaData()),
            st.sampled_from(["a", "it's"]),
        ),
    }


@pytest.fixture
def server(connector: DbConnector) -> DbConnector:
    if connector.dialect_name == "sqlite":
        pytest.skip("SQLite takes rows one by one")
    return connector


@contextmanager
def watching(connector: DbConnector) -> Iterator[list[SimpleNamespace]]:
    """Give the statements that are executed meanwhile."""
    seen: list[SimpleNamespace] = []

    def note(_c: Any, cursor: Any, sql: str, _p: Any, _x: Any, many: bool) -> None:
        sent = getattr(cursor, "_executed", sql)
        sent = sent.encode() if isinstance(sent, str) else bytes(sent)
        seen.append(SimpleNamespace(sql=sql, sent=sent, one_by_one=many))

    event.listen(connector.engine, "after_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connector.engine, "after_cursor_execute", note)


def stored_by(connector: DbConnector, table: Table, write: Callable[[], object]) -> list[str]:
    """Return a table's rows, the parameter of which is what writes them, and empty it again."""
    with transaction_context(connector):
        connector.execute(delete(table))
        write()
        rows = connector.fetch_all(select(table).order_by(table.c.id))
    return [repr(tuple(row)) for row in rows]


def together(connector: DbConnector, table: Table, rows: list[dict[str, Any]]) -> list[str]:
    write = TableWrite(table, ("id",), OnConflict.IGNORE)

    def write_all() -> None:
        assert write_table_rows(connector, write, rows) == RowCounts(inserted=len(rows))

    return stored_by(connector, table, write_all)


def one_by_one(connector: DbConnector, table: Table, rows: list[dict[str, Any]]) -> list[str]:
    def write_each() -> None:
        for row in rows:
            connector.execute(insert(table), row)

    return stored_by(connector, table, write_each)


def test_any_rows_are_stored_as_if_one_by_one(server: DbConnector) -> None:
    kept = kept_values(server.dialect_name)
    columns = [Column(f"{name}_column", kind, key=name) for name, (kind, _) in kept.items()]
    table = Table("everything", MetaData(), Column("id", Integer, primary_key=True), *columns)
    table.metadata.create_all(server.engine)
    values = {name: st.none() | strategy for name, (_, strategy) in kept.items()}

    @given(st.lists(st.fixed_dictionaries({}, optional=values), min_size=1, max_size=4))
    @UNHURRIED
    def check(drawn: list[dict[str, Any]]) -> None:
        rows = [{"id": number, **row} for number, row in enumerate(drawn, start=1)]
        with watching(server) as seen:
            stored = together(server, table, rows)
        assert not any(statement.one_by_one for statement in seen)
        assert stored == one_by_one(server, table, rows)

    check()


def test_rows_with_the_same_columns_are_one_statement(
    server: DbConnector, make_forwarder: Make, queue: StrictQueue, order_json: Callable[..., str]
) -> None:
    for number in range(6):
        queue.put(order_json(f"a{number}", **({"total": "1.50"} if number % 2 else {})))
    with watching(server) as seen:
        assert make_forwarder().forward().inserted == 6
    assert len([each for each in seen if each.sql.startswith("INSERT")]) == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param(ARRAY(Integer, dimensions=2), [[[1, 2], [3, 4]], None], id="two-dimensions"),
        pytest.param(ARRAY(Text), [["a", None], []], id="array"),
        pytest.param(postgresql.INET(), ["10.0.0.1", None], id="a-type-not-known"),
        pytest.param(Numeric(12, 4), [1.5, Decimal("2.25")], id="two-types"),
        pytest.param(Numeric(), [Decimal("NaN"), Decimal("sNaN"), None], id="no-number"),
        pytest.param(DateTime(), [NOON, None], id="offset-in-a-column-without"),
        pytest.param(String(40), [True, 1], id="another-type"),
        pytest.param(Lower(), ["A", "B"], id="processed-in-sql"),
    ],
)
def test_what_has_no_array_is_stored_row_by_row(
    kind: Any, values: list[Any], postgresql_url: str
) -> None:
    table = Table("odd", MetaData(), Column("id", Integer, primary_key=True), Column("value", kind))
    rows = [{"id": number, "value": value} for number, value in enumerate(values)]
    with DbConnector(postgresql_url) as connector:
        table.create(connector.engine)
        connector.execute(text("SET TIME ZONE 'Asia/Ho_Chi_Minh'"))
        with watching(connector) as seen:
            stored = together(connector, table, rows)
        assert [each.one_by_one for each in seen if each.sql.startswith("INSERT")] == [True]
        assert stored == one_by_one(connector, table, rows)


def test_mysql_processes_values_in_sql_too(mysql_url: str) -> None:
    table = Table(
        "odd", MetaData(), Column("id", Lower(), primary_key=True), Column("value", Lower())
    )
    rows = [{"id": name, "value": name.upper()} for name in ("a", "b")]
    with DbConnector(mysql_url) as connector:
        table.create(connector.engine)
        assert together(connector, table, rows) == ["('a', 'a')", "('b', 'b')"]


@pytest.mark.parametrize("default", [7, count(5).__next__, func.length("abc")])
def test_columns_that_are_left_out_have_their_defaults(
    *, default: Any, connector: DbConnector
) -> None:
    table = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("value", Integer, default=default),
        Column("own", String(32), default=lambda: uuid4().hex),
    )
    table.create(connector.engine)
    for name in ("own", "value"):
        write = TableWrite(table, ("id",), OnConflict.IGNORE)
        rows = [{"id": number, name: None} for number in (1, 2)]
        with transaction_context(connector):
            connector.execute(delete(table))
            assert write_table_rows(connector, write, rows) == RowCounts(inserted=2)
        left_out = "value" if name == "own" else "own"
        found = connector.fetch_all(select(table.c[left_out]))
        assert all(value is not None for (value,) in found)
        assert len(set(found)) == (1 if left_out == "value" and not callable(default) else 2)


@pytest.mark.parametrize("newer_by", [None, "version"], ids=["ignore", "update"])
def test_what_is_new_newer_and_neither_is_counted(
    *, newer_by: str | None, connector: DbConnector
) -> None:
    table = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer),
        Column("note", String(20)),
    )
    table.create(connector.engine)
    on_conflict = OnConflict.UPDATE if newer_by else OnConflict.IGNORE
    write = TableWrite(table, ("id",), on_conflict, newer_by)
    rows = st.fixed_dictionaries({"id": st.integers(0, 5), "version": st.integers(0, 3)})

    @given(st.lists(st.lists(rows, min_size=1, max_size=6), min_size=1, max_size=3))
    @UNHURRIED
    def check(batches: list[list[dict[str, Any]]]) -> None:
        notes = count()
        expected: dict[int, dict[str, Any]] = {}
        with transaction_context(connector):
            connector.execute(delete(table))
            for batch in batches:
                for row in batch:
                    row["note"] = f"note {next(notes)}"
                kept = dict(expected)
                for row in batch:
                    other = kept.get(row["id"])
                    if other is None or (newer_by and row["version"] > other["version"]):
                        kept[row["id"]] = row
                changed = sum(row is not expected.get(key) for key, row in kept.items())
                counts = write_table_rows(connector, write, batch)
                assert counts == RowCounts(changed, len(batch) - changed)
                expected = kept
            stored = {row.id: row._asdict() for row in connector.fetch_all(select(table))}
        assert stored == expected

    check()


@pytest.mark.parametrize("on_conflict", [OnConflict.IGNORE, OnConflict.ERROR])
def test_no_statement_is_larger_than_a_proxy_shares_its_sessions_for(
    on_conflict: OnConflict, mysql_url: str
) -> None:
    table = Table(
        "things",
        MetaData(),
        Column("id", String(80), primary_key=True),
        Column("note", Text),
        Column("made", String(32), default=lambda: uuid4().hex),
    )
    note, made = '"đ\n' * 100, {"made": "now"}
    without = [{"id": f"{number:05} é'{'x' * 60}", "note": note} for number in range(300)]
    write = TableWrite(table, ("id",), on_conflict)
    with DbConnector(mysql_url) as connector:
        table.create(connector.engine)
    with DbConnector(mysql_url, proxy="rds") as connector:
        for rows in (without, [row | made for row in without]):
            connector.execute(delete(table))
            with watching(connector) as seen, transaction_context(connector):
                assert write_table_rows(connector, write, rows).inserted == 300
            sizes = [len(each.sent) for each in seen if each.sql.startswith("INSERT")]
            assert max(len(each.sent) for each in seen) <= 15_000
            assert sum(sizes) / len(sizes) > 8_000


@pytest.mark.parametrize("kind", [CHAR(4), String(2), Numeric(6, 1)], ids=["char", "cut", "scale"])
def test_a_key_that_mysql_alters_in_silence_is_refused_before_it_is_stored(
    kind: Any, mysql_url: str
) -> None:
    table = Table("things", MetaData(), Column("id", kind, primary_key=True))
    key = Decimal("1.25") if isinstance(kind, Numeric) else "a   "
    write = TableWrite(table, ("id",), OnConflict.IGNORE)
    with DbConnector(mysql_url) as connector:
        table.create(connector.engine)
        with pytest.raises(MessageRejectedError, match="altered"), transaction_context(connector):
            write_table_rows(connector, write, [{"id": key}])
        assert connector.fetch_all(select(table)) == []


def test_keys_that_only_postgresql_calls_equal_are_rows_of_their_own(
    postgresql_url: str, queue: StrictQueue, sqs: LocalSqs
) -> None:
    class Thing(BaseModel):
        id: str
        version: int

    things = Table(
        "things", MetaData(), Column("id", CHAR(4), primary_key=True), Column("version", Integer)
    )
    for key, version in (("a", 1), ("b", 1), ("a ", 2)):
        queue.put(f'{{"id": "{key}", "version": {version}}}')
    with DbConnector(postgresql_url) as connector:
        things.create(connector.engine)
        forwarder = SqsToRdsForwarder(
            Thing,
            queue.url,
            connector,
            things,
            on_conflict=OnConflict.UPDATE,
            newer_by="version",
            sqs_client=sqs.client(),
        )
        result = forwarder.forward()
        assert (result.inserted, result.retried, result.deleted) == (3, 0, 3)
        assert set(connector.fetch_all(select(things))) == {("a   ", 2), ("b   ", 1)}
