"""What a model says comes back as it was, from declared and from reflected tables."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, NaiveDatetime
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.dialects.mysql import DATETIME

from saigon.model import BaseModelNoExtra
from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, ModelMappingError
from saigon.orm.model import model_data_to_row_values, row_to_model_data

KOLKATA = timezone(timedelta(hours=5, minutes=30))


class Colour(Enum):
    RED = "r"


class Address(BaseModelNoExtra):
    street: str
    since: AwareDatetime


class Thing(BaseModelNoExtra):
    id: int
    made_at: datetime
    seen_at: AwareDatetime | None
    wall_clock: NaiveDatetime
    day: date
    price: Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
    token: UUID
    code: UUID
    exact: Decimal
    colour: Colour
    active: bool
    blob: bytes
    address: Address
    tags: list[str]


THING = Thing(
    id=1,
    made_at=datetime(2024, 3, 31, 2, 30, 0, 123456, tzinfo=KOLKATA),
    seen_at=datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    wall_clock=datetime(2024, 3, 31, 2, 30),  # noqa: DTZ001  # a wall clock's time
    day=date(2024, 2, 29),
    price=Decimal("1234567890.10"),
    token=UUID("00112233-4455-6677-8899-aabbccddeeff"),
    code=UUID("ffeeddcc-bbaa-9988-7766-554433221100"),
    exact=Decimal("12345678901234567890.123456789"),
    colour=Colour.RED,
    active=True,
    blob=b"\x00\xff'\\",
    address=Address(street="Đồng Khởi", since=datetime(2020, 1, 1, tzinfo=UTC)),
    tags=["a", "ü"],
)


@pytest.fixture
def declared(db: DbConnector) -> Table:
    moment = DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    table = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("made_at", moment, nullable=False),
        Column("seen_at", moment),
        Column("wall_clock", DateTime),
        Column("day", Date),
        Column("price", Numeric(12, 2)),
        Column("token", Uuid),
        Column("code", String(32)),
        Column("exact", String(60)),
        Column("colour", String(5)),
        Column("active", Boolean),
        Column("blob", LargeBinary),
        Column("address", JSON),
        Column("tags", JSON),
    )
    table.metadata.create_all(db.engine)
    return table


@pytest.fixture(params=["declared", "reflected"])
def things(request: pytest.FixtureRequest, db: DbConnector, declared: Table) -> Table:
    return declared if request.param == "declared" else db.reflect(["things"]).tables["things"]


def values_of(thing: Thing, db: DbConnector, table: Table) -> dict[str, Any]:
    return model_data_to_row_values(thing, table, dialect_name=db.dialect_name)


def test_a_model_comes_back_as_it_was(db: DbConnector, things: Table) -> None:
    db.execute(insert(things), values_of(THING, db, things))
    assert db.fetch_one(select(things), model=Thing) == THING
    assert db.fetch_all(select(things), model=Thing) == [THING]
    assert list(db.fetch_iter(select(things), model=Thing)) == [THING]
    row = db.fetch_one(select(things))
    assert row is not None
    assert row_to_model_data(Thing, row, dialect_name=db.dialect_name) == THING


def test_a_model_comes_back_from_plain_sql(db: DbConnector, declared: Table) -> None:
    db.execute(insert(declared), values_of(THING, db, declared))
    assert db.fetch_one(text("SELECT * FROM things"), model=Thing) == THING


def test_an_instant_is_the_same_moment_in_every_form(db: DbConnector, things: Table) -> None:
    db.execute(insert(things), values_of(THING, db, things))
    same = THING.made_at.astimezone(timezone(timedelta(hours=-7)))
    assert db.fetch_one(select(things.c.id).where(things.c.made_at == same)) is not None
    later = same + timedelta(microseconds=1)
    assert db.fetch_one(select(things.c.id).where(things.c.made_at < later)) is not None
    assert db.fetch_one(select(things.c.id).where(things.c.made_at >= later)) is None


def test_an_enum_column_and_its_reflection_agree(db: DbConnector) -> None:
    class Painted(BaseModelNoExtra):
        id: int
        colour: Colour

    columns: tuple[Any, ...] = (
        Column("id", Integer, primary_key=True),
        Column("colour", EnumType(Colour)),
    )
    declared = Table("painted", MetaData(), *columns)
    declared.metadata.create_all(db.engine)
    reflected = db.reflect(["painted"]).tables["painted"]
    db.execute(
        insert(declared), model_data_to_row_values(Painted(id=1, colour=Colour.RED), declared)
    )
    # SQLite keeps an enumeration's names, but does not say that it is one.
    writable = declared if db.dialect_name == "sqlite" else reflected
    values = model_data_to_row_values(Painted(id=2, colour=Colour.RED), writable)
    db.execute(insert(writable), values)
    for table in (declared, reflected):
        assert [p.colour for p in db.fetch_all(select(table), model=Painted)] == [Colour.RED] * 2


def test_a_naive_instant_is_refused(db: DbConnector, things: Table) -> None:
    naive = THING.model_copy(update={"made_at": THING.made_at.replace(tzinfo=None)})
    with pytest.raises(ModelMappingError, match="another instant"):
        values_of(naive, db, things)


def test_sqlite_refuses_decimals_that_it_would_change(sqlite_url: str) -> None:
    table = Table("t", MetaData(), Column("n", Numeric(30, 5)))
    with DbConnector(sqlite_url) as db:
        table.metadata.create_all(db.engine)
        db.execute(insert(table), {"n": Decimal("1234567890.12345")})
        assert db.fetch_scalar(select(table)) == Decimal("1234567890.12345")
        for lossy in ("12345678901.12345", "Infinity", "NaN"):
            with pytest.raises(ModelMappingError, match="15 digits"):
                db.execute(insert(table), {"n": Decimal(lossy)})


def test_sqlite_rounds_to_the_scale_as_the_others_do(db: DbConnector) -> None:
    table = Table("t", MetaData(), Column("n", Numeric(10, 2)))
    table.metadata.create_all(db.engine)
    for given in ("0.125", "-0.125", "1.994", "7"):
        db.execute(insert(table), {"n": Decimal(given)})
    rows = db.fetch_all(select(table))
    assert [str(row.n) for row in rows] == ["0.13", "-0.13", "1.99", "7.00"]


def test_mysql_does_not_cut_values_to_size(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE t (s VARCHAR(3))"))
        with pytest.raises(DbExecutionError), transaction_context(db):
            db.execute(text("INSERT INTO t VALUES ('four')"))


def test_mysql_timestamps_are_in_utc(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE t (ts TIMESTAMP NULL)"))
        moment = datetime(2024, 1, 1, 12, tzinfo=KOLKATA)
        db.execute(text("INSERT INTO t VALUES (:ts)"), {"ts": moment})
        read = db.fetch_scalar(text("SELECT UNIX_TIMESTAMP(ts) FROM t"))
        assert read == moment.timestamp()
