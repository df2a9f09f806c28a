"""Whatever value a field may have comes back as it was, or is refused."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import AwareDatetime, BaseModel, JsonValue, NaiveDatetime, RootModel, create_model
from sqlalchemy import (
    ARRAY,
    BINARY,
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    Uuid,
    delete,
    insert,
    select,
    text,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import Interval, TypeEngine

from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.model import model_data_to_row_values


class Colour(Enum):
    RED = "r"
    BLUE = "b"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str
    seen: AwareDatetime | None


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    weight: Decimal
    colours: dict[Colour, UUID]


Name = RootModel[str]
Tags = RootModel[list[str]]


@dataclass(frozen=True)
class Kind:
    """A type of a field, the columns that keep it, and its values."""

    annotation: Any
    column: TypeEngine[Any] | type[TypeEngine[Any]]
    values: SearchStrategy[Any]


def texts(dialect: str) -> SearchStrategy[str]:
    # PostgreSQL has no NUL in texts; UTF-8 has no surrogates anywhere.
    excluded = "\x00" if dialect == "postgresql" else ""
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters=excluded)
    return st.text(alphabet, max_size=20)


def moments() -> SearchStrategy[datetime]:
    offsets = st.integers(-23 * 60, 23 * 60).map(lambda n: timezone(timedelta(minutes=n)))
    return st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001  # the bounds are naive


def decimals(digits: int) -> SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda n: Decimal(n).scaleb(-4))


def pets(dialect: str) -> SearchStrategy[Cat | Dog]:
    cats = st.builds(Cat, name=texts(dialect), seen=st.none() | moments())
    colours = st.dictionaries(st.sampled_from(Colour), st.uuids())
    return cats | st.builds(Dog, weight=decimals(30), colours=colours)


def json_values(dialect: str) -> SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts(dialect)
    return st.recursive(
        scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts(dialect), v, max_size=3)
    )


DAYS = st.dates(date(1000, 1, 1))
NAIVE = st.datetimes(datetime(1000, 1, 1))  # noqa: DTZ001  # a wall clock's time
SPANS = st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000))
MOMENT = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
CLOCK = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
TIME = Time().with_variant(mysql.TIME(fsp=6), "mysql")
INT64 = st.integers(-(2**63), 2**63 - 1)


def kinds(dialect: str) -> dict[str, Kind]:
    """Return what the table keeps, by the name of the column."""
    words = texts(dialect)
    is_postgresql = dialect == "postgresql"
    common = {
        "truth": Kind(bool, Boolean, st.booleans()),
        "number": Kind(int, BigInteger, INT64),
        "quotient": Kind(float, Double, st.floats(allow_nan=is_postgresql, allow_infinity=False)),
        "word": Kind(str, Text(), words),
        "octets": Kind(bytes, LargeBinary, st.binary(max_size=20)),
        "price": Kind(Decimal, Numeric(24, 4), decimals(15 if dialect == "sqlite" else 24)),
        "exact": Kind(Decimal, String(60), st.decimals(allow_nan=False, allow_infinity=False)),
        "moment": Kind(datetime, MOMENT, moments()),
        "aware": Kind(AwareDatetime, MOMENT, moments()),
        "in_plain": Kind(AwareDatetime, CLOCK, moments()),
        "in_text": Kind(AwareDatetime, String(40), moments()),
        "naive": Kind(NaiveDatetime, CLOCK, NAIVE),
        "on_day": Kind(date, Date, DAYS),
        "day_text": Kind(date, String(20), DAYS),
        "clock": Kind(time, TIME, st.times()),
        "span_text": Kind(timedelta, String(40), SPANS),
        # MariaDB refuses UUIDs of no known variant.
        "native_key": Kind(UUID, Uuid, st.uuids(version=4)),
        "key_hex": Kind(UUID, CHAR(32), st.uuids()),
        "key_text": Kind(UUID, CHAR(36), st.uuids()),
        "key_blob": Kind(UUID, BINARY(16) if dialect == "mysql" else LargeBinary, st.uuids()),
        "colour": Kind(Colour, EnumType(Colour), st.sampled_from(Colour)),
        "colour_text": Kind(Colour, String(5), st.sampled_from(Colour)),
        "size": Kind(Size, Integer, st.sampled_from(Size)),
        "choice": Kind(Literal["a", "b"], String(5), st.sampled_from("ab")),
        "name": Kind(Name, Text(), st.builds(Name, words)),
        "tags": Kind(Tags, JSON, st.builds(Tags, st.lists(words))),
        "pet": Kind(Cat | Dog, JSON, pets(dialect)),
        "pets": Kind(list[Cat | Dog], JSON, st.lists(pets(dialect), max_size=3)),
        "pet_text": Kind(Cat | Dog, Text(), pets(dialect)),
        "listed": Kind(list[Any], JSON, st.lists(json_values(dialect), max_size=3)),
        "mapped": Kind(dict[str, Any], JSON, st.dictionaries(words, json_values(dialect))),
        "key_set": Kind(frozenset[UUID], JSON, st.frozensets(st.uuids(), max_size=3)),
    }
    if not is_postgresql:
        return common
    return common | {
        "document": Kind(
            dict[str, Any], postgresql.JSONB, st.dictionaries(words, json_values(dialect))
        ),
        "anything": Kind(JsonValue, postgresql.JSONB, json_values(dialect)),
        "span": Kind(timedelta, Interval, SPANS),
        "numbers": Kind(list[int], ARRAY(BigInteger), st.lists(INT64)),
        "words": Kind(list[str | None], ARRAY(Text), st.lists(st.none() | words)),
        "ids": Kind(set[UUID], ARRAY(Uuid), st.sets(st.uuids())),
        "moments": Kind(list[AwareDatetime], ARRAY(MOMENT), st.lists(moments())),
        "colours": Kind(list[Colour], ARRAY(EnumType(Colour)), st.lists(st.sampled_from(Colour))),
    }


def table_of(kinds: dict[str, Kind]) -> Table:
    columns = [Column(name, kind.column) for name, kind in kinds.items()]
    return Table("everything", MetaData(), Column("id", Integer, primary_key=True), *columns)


def model_of(kinds: dict[str, Kind]) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (kind.annotation, ...) for name, kind in kinds.items()}
    return create_model("Everything", id=(int, ...), **fields)


def plain_sql(table: Table) -> str:
    # psycopg gives arrays of an enumeration that it does not know as text.
    names = ", ".join(c.name if c.name != "colours" else "NULL AS colours" for c in table.c)
    return f"SELECT {names} FROM everything ORDER BY id"  # no values of others


def differences(given: list[Any], read: list[Any]) -> list[tuple[str, Any, Any]]:
    """Return the fields that are not as they were, in value or in type."""
    pairs = [
        (name, value, getattr(back, name))
        for model, back in zip(given, read, strict=True)
        for name, value in model
    ]
    return [p for p in pairs if not _same(p[1], p[2])]


def _same(value: Any, other: Any) -> bool:
    are_nan = value != value and other != other  # noqa: PLR0124  # so NaN is known
    return type(value) is type(other) and (value == other or are_nan)


def nullable_kinds(dialect_name: str) -> dict[str, Kind]:
    return {
        name: Kind(kind.annotation | None, kind.column, st.none() | kind.values)
        for name, kind in kinds(dialect_name).items()
    }


def test_every_value_comes_back_as_it_was(db: DbConnector) -> None:
    nullable = nullable_kinds(db.dialect_name)
    model, declared = model_of(nullable), table_of(nullable)
    declared.metadata.create_all(db.engine)
    reflected = db.reflect(["everything"]).tables["everything"]
    rows = st.fixed_dictionaries({name: kind.values for name, kind in nullable.items()})

    @given(st.lists(rows, min_size=1, max_size=3), st.sampled_from([declared, reflected]))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def check(drawn: list[dict[str, Any]], table: Table) -> None:
        written = [model.model_construct(id=n, **row) for n, row in enumerate(drawn, start=1)]
        with transaction_context(db):
            db.execute(delete(table))
            for data in written:
                db.execute(
                    insert(table),
                    model_data_to_row_values(data, table, dialect_name=db.dialect_name),
                )
            read = db.fetch_all(select(table).order_by(table.c.id), model=model)
            plain = db.fetch_all(text(plain_sql(table)), model=model)
        assert differences(written, read) == []
        assert {name for name, *_ in differences(written, plain)} <= {"colours"}

    check()


def test_every_value_comes_back_by_the_drivers_for_asyncio(
    db: DbConnector, database_url: str
) -> None:
    nullable = nullable_kinds(db.dialect_name)
    model, declared = model_of(nullable), table_of(nullable)
    declared.metadata.create_all(db.engine)
    rows = st.fixed_dictionaries({name: kind.values for name, kind in nullable.items()})

    async def exchange(async_db: AsyncDbConnector, values: dict[str, Any]) -> list[Any]:
        async with transaction_context(async_db):
            await async_db.execute(delete(declared))
            await async_db.execute(insert(declared), values)
            return await async_db.fetch_all(select(declared), model=model)

    with asyncio.Runner() as runner:
        async_db = AsyncDbConnector(database_url)

        @given(rows)
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def check(row: dict[str, Any]) -> None:
            data = model.model_construct(id=1, **row)
            values = model_data_to_row_values(data, declared, dialect_name=db.dialect_name)
            assert differences([data], runner.run(exchange(async_db, values))) == []

        check()
        runner.run(async_db.dispose())
