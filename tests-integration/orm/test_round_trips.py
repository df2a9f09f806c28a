"""What a model says comes back as it was, from declared and from reflected tables."""

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, NaiveDatetime, SecretStr
from sqlalchemy import (
    JSON,
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
    String,
    Table,
    Uuid,
    create_engine,
    delete,
    insert,
    select,
    text,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.dialects.mysql import DATETIME

from saigon.model import BaseModelNoExtra
from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
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


@pytest.fixture
def both(db: DbConnector, declared: Table) -> tuple[Table, Table]:
    return declared, db.reflect(["things"]).tables["things"]


def values_of(thing: Thing, db: DbConnector, table: Table) -> dict[str, Any]:
    return model_data_to_row_values(thing, table, dialect_name=db.dialect_name)


def test_a_model_comes_back_as_it_was(db: DbConnector, both: tuple[Table, Table]) -> None:
    for things in both:
        db.execute(delete(things))
        db.execute(insert(things), values_of(THING, db, things))
        assert db.fetch_one(select(things), model=Thing) == THING
        assert db.fetch_all(select(things), model=Thing) == [THING]
        assert list(db.fetch_iter(select(things), model=Thing)) == [THING]
        row = db.fetch_one(select(things))
        assert row is not None
        assert row_to_model_data(Thing, row, dialect_name=db.dialect_name) == THING
        assert db.fetch_one(text("SELECT * FROM things"), model=Thing) == THING


def test_an_instant_is_the_same_moment_in_every_form(
    db: DbConnector, both: tuple[Table, Table]
) -> None:
    db.execute(insert(both[0]), values_of(THING, db, both[0]))
    same = THING.made_at.astimezone(timezone(timedelta(hours=-7)))
    later = same + timedelta(microseconds=1)
    for things in both:
        assert db.fetch_one(select(things.c.id).where(things.c.made_at == same)) is not None
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


def test_a_naive_instant_is_refused(db: DbConnector, both: tuple[Table, Table]) -> None:
    naive = THING.model_copy(update={"made_at": THING.made_at.replace(tzinfo=None)})
    for things in both:
        with pytest.raises(ModelMappingError, match=r"made_at: .* another instant"):
            values_of(naive, db, things)


def test_the_database_gives_the_key_of_a_new_row(db: DbConnector) -> None:
    class Note(BaseModelNoExtra):
        id: int | None = None
        text: str

    declared = Table(
        "notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", String(9))
    )
    declared.metadata.create_all(db.engine)
    for table in (declared, db.reflect(["notes"]).tables["notes"]):
        values = model_data_to_row_values(Note(text="a"), table, dialect_name=db.dialect_name)
        key = db.execute(insert(table), values).inserted_primary_key
        assert key is not None
        db.execute(insert(table), [values, values])
        assert db.fetch_one(select(table).where(table.c.id == key[0])) == (key[0], "a")
    assert db.fetch_scalar(text("SELECT COUNT(DISTINCT id) FROM notes")) == 6


def test_sqlite_refuses_decimals_that_it_would_change(sqlite_url: str) -> None:
    table = Table("t", MetaData(), Column("n", Numeric(30, 5)))
    with DbConnector(sqlite_url) as db:
        table.metadata.create_all(db.engine)
        db.execute(insert(table), {"n": Decimal("1234567890.12345")})
        assert db.fetch_scalar(select(table)) == Decimal("1234567890.12345")
        for lossy in ("12345678901.12345", "Infinity", "NaN"):
            for number in (lossy, Decimal(lossy)):
                with pytest.raises(ModelMappingError, match="15 digits"):
                    db.execute(insert(table), {"n": number})
        with pytest.raises(DbExecutionError):
            db.execute(insert(table), {"n": "x"})


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


def test_postgresql_keeps_an_instant_whatever_the_time_zone_of_its_session(
    postgresql_url: str,
) -> None:
    class Event(BaseModelNoExtra):
        at: AwareDatetime

    table = Table("events", MetaData(), Column("at", DateTime))
    event = Event(at=datetime(2024, 6, 1, 12, tzinfo=KOLKATA))
    with DbConnector(postgresql_url) as db:
        table.metadata.create_all(db.engine)
        with transaction_context(db):
            db.execute(text("SET LOCAL TIME ZONE 'Asia/Ho_Chi_Minh'"))
            values = model_data_to_row_values(event, table, dialect_name=db.dialect_name)
            db.execute(insert(table), values)
            assert db.fetch_one(select(table), model=Event) == event


def test_mysql_is_not_given_fractions_that_it_would_cut(mysql_url: str) -> None:
    table = Table("t", MetaData(), Column("at", DateTime))
    moment = datetime(2024, 6, 1, 12, 0, 0, 600_000, tzinfo=UTC)
    with DbConnector(mysql_url) as db:
        table.metadata.create_all(db.engine)
        db.execute(insert(table), {"at": moment})
        assert db.fetch_scalar(select(table)).microsecond == 0  # why it is refused

    class Event(BaseModelNoExtra):
        at: AwareDatetime

    with pytest.raises(ModelMappingError, match="DATETIME"):
        model_data_to_row_values(Event(at=moment), table, dialect_name="mysql")


def test_a_field_without_a_value_is_null_in_a_json_column(db: DbConnector) -> None:
    class Note(BaseModelNoExtra):
        id: int
        tags: list[str | None] | None

    table = Table(
        "notes", MetaData(), Column("id", Integer, primary_key=True), Column("tags", JSON)
    )
    table.metadata.create_all(db.engine)
    notes = [Note(id=1, tags=None), Note(id=2, tags=[None])]
    values = [model_data_to_row_values(n, table, dialect_name=db.dialect_name) for n in notes]
    db.execute(insert(table), values)
    assert db.fetch_scalar(text("SELECT id FROM notes WHERE tags IS NULL")) == 1
    assert db.fetch_all(select(table).order_by(table.c.id), model=Note) == notes


def test_a_secret_comes_back(db: DbConnector) -> None:
    class Login(BaseModelNoExtra):
        password: SecretStr
        others: dict[str, SecretStr]

    table = Table("logins", MetaData(), Column("password", String(50)), Column("others", JSON))
    table.metadata.create_all(db.engine)
    login = Login(password=SecretStr("x"), others={"old": SecretStr("y")})
    values = model_data_to_row_values(login, table, dialect_name=db.dialect_name)
    db.execute(insert(table), values)
    read = db.fetch_one(select(table), model=Login)
    assert read == login
    assert "x" not in repr(read)


def test_sqlite_is_not_given_what_it_would_lose(sqlite_url: str) -> None:
    table = Table("t", MetaData(), Column("n", Double))
    with DbConnector(sqlite_url) as db:
        table.metadata.create_all(db.engine)
        with pytest.raises(ModelMappingError, match="NaN"):
            db.execute(insert(table), {"n": float("nan")})
        for number in (float("inf"), Decimal("1.5"), "1.5", 2**80):
            db.execute(delete(table))
            db.execute(insert(table), {"n": number})
            assert db.fetch_scalar(select(table)) == float(number)
        with pytest.raises(DbExecutionError):
            db.execute(insert(table), {"n": "x"})


def test_mysql_gives_all_digits_of_a_reflected_float(
    mysql_url: str, run_async: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    number = 1.2345678901234567e-12
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE t (n DOUBLE)"))
        table = db.reflect(["t"]).tables["t"]
        db.execute(insert(table), {"n": number})
        assert float(db.fetch_scalar(select(table))) == number

    async def read() -> None:
        async with AsyncDbConnector(mysql_url) as db:
            assert float(await db.fetch_scalar(select(table))) == number

    run_async(read())


def test_mysql_gives_the_days_that_its_drivers_give(
    mysql_url: str, run_async: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    columns = "ts TIMESTAMP(3) NULL, dt DATETIME(1), d DATE, zero_dt DATETIME, zero_d DATE"
    values = "'2024-02-29 01:02:03.004', '1000-01-01 00:00:00.5', '9999-12-31', 0, 0"
    query = text("SELECT * FROM t")
    with DbConnector(mysql_url) as db:
        db.execute(text(f"CREATE TABLE t ({columns})"))
        with transaction_context(db):
            db.execute(text("SET SESSION sql_mode = ''"))
            db.execute(text(f"INSERT INTO t VALUES ({values})"))
        row = db.fetch_one(query)
    engine = create_engine(mysql_url)
    with engine.connect() as connection:
        assert row == connection.execute(query).one()
    engine.dispose()

    async def read() -> None:
        async with AsyncDbConnector(mysql_url) as db:
            assert await db.fetch_one(query) == row

    run_async(read())


def test_an_interval_comes_back(db: DbConnector) -> None:
    class Lap(BaseModelNoExtra):
        took: timedelta

    declared = Table("laps", MetaData(), Column("took", Interval))
    declared.metadata.create_all(db.engine)
    reflected = db.reflect(["laps"]).tables["laps"]
    laps = [Lap(took=timedelta(days=3, seconds=4)), Lap(took=timedelta(seconds=-5))]
    for table, lap in zip((declared, reflected), laps, strict=True):
        values = model_data_to_row_values(lap, table, dialect_name=db.dialect_name)
        db.execute(insert(table), values)
    for statement in (select(declared), select(reflected), text("SELECT took FROM laps")):
        assert db.fetch_all(statement, model=Lap) == laps
