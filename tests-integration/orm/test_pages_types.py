"""Pages by each type that a token carries: to the last row, as the database itself orders them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid1, uuid4

import pytest
from sqlalchemy import (
    BigInteger,
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
    Text,
    TypeDecorator,
    Uuid,
    insert,
    make_url,
    select,
    text,
    types,
)
from sqlalchemy.dialects import mysql, postgresql

from saigon.model import BaseModelNoExtra, PaginationTokenCodec, QueryDataParams
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import PaginationError

Pages = Callable[..., list[Any]]
START = datetime(2024, 3, 31, 0, 59, 59, 999_998, UTC)
DECIMALS = ["0", "-1", "0.0000000001", "0.0000000002", "1E+5", "12345678901234567890.1234567891"]
WORDS = [
    *(
        "",
        " ",
        "a",
        "A",
        "á",
        "Ä",
        "ä",
        "a ",
        "a  ",
        "a\t",
        "a-b",
        "ab",
        "a b",
        "b",
        "B",
        "'",
        "\\",
    ),
    *("ss", "SS", "ß", "ﬁ", "fi", "I", "i", "İ", "日本", "日", "😀", "e\u0301", "é", "%", "Z"),
]


Values: TypeAlias = tuple[types.TypeEngine[Any], Sequence[Any]]


class Row(BaseModelNoExtra):
    id: int


class Reversed(TypeDecorator[str]):
    """Values that Python sees in another order than the database."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value and value[::-1]

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return value and value[::-1]


STEPS = (0, 1, 2, 3, 7, 10**6, 36 * 10**8)
INSTANTS = [START + timedelta(microseconds=step) for step in STEPS]
MOMENT = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
BYTES = LargeBinary().with_variant(mysql.VARBINARY(20), "mysql")
VALUES: dict[str, Values] = {
    "int": (Integer(), [0, -1, 7, 2**31 - 1, -(2**31)]),
    "bigint": (BigInteger(), [0, -(2**63), 2**63 - 1, 2**53 + 1, 2**53]),
    "bool": (Boolean(), [True, False]),
    "date": (Date(), [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)]),
    "datetime": (DateTime(), [instant.replace(tzinfo=None) for instant in INSTANTS]),
    "aware datetime": (MOMENT, INSTANTS),
    "uuid": (Uuid(), [UUID(int=step) for step in (0, 1, 2**127)] + [uuid4() for _ in range(9)]),
    "uuid as text": (Uuid(as_uuid=False), [str(uuid4()) for _ in range(9)]),
    "bytes": (BYTES, [b"", b"\0", b"\0\0", b"a", b"A", b"a ", b"\xff", b"\x7f\x80"]),
    "text": (String(20), WORDS),
    "char": (types.CHAR(5), WORDS),
    "decorated": (Reversed(), ["ab", "ba", "aab", "baa", "c"]),
    "decimal": (Numeric(30, 10), list(map(Decimal, DECIMALS))),
    "decimal as float": (Numeric(12, 2, asdecimal=False), [0.1, 0.2, 0.3, 1e9, -5]),
}
SQLITE_KEEPS = {"decimal": (Numeric(30, 10), [Decimal(0), Decimal(-1), Decimal("0.5")])}


def fill(db: DbConnector, values: dict[str, Values]) -> Table:
    """Make a table with a column of each name and type, and each value at least twice."""
    columns = (Column(name, kind, nullable=False) for name, (kind, _) in values.items())
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), *columns)
    table.metadata.create_all(db.engine)
    count = 2 * max(len(given) for _, given in values.values()) + 1
    rows = [
        {"id": number + 1}
        | {name: given[number % len(given)] for name, (_, given) in values.items()}
        for number in range(count)
    ]
    db.execute(insert(table), rows)
    return table


def check(db: DbConnector, table: Table, all_pages: Pages) -> None:
    key = table.c.id
    for value in table.c[1:]:
        for order, size in (
            ([value, key], 1),
            ([value.desc(), key.desc()], 3),
            ([value.desc(), key.asc()], 4),
        ):
            whole = db.fetch_all(select(key).order_by(*order), model=Row)
            assert all_pages(Row, select(key), order, size) == whole, (value, size)


reflected = pytest.mark.parametrize("reflected", [False, True], ids=["declared", "reflected"])


@reflected
def test_each_type_is_paged_exactly(db: DbConnector, all_pages: Pages, reflected: bool) -> None:
    values = VALUES | (SQLITE_KEEPS if db.dialect_name == "sqlite" else {})
    table = fill(db, values)
    check(db, db.reflect().tables["t"] if reflected else table, all_pages)


COLLATIONS = {
    "postgresql": ["C", "und-x-icu", "sv-x-icu", "no_case", "no_accent"],
    "mysql": [
        "utf8mb4_general_ci",
        "utf8mb4_unicode_ci",
        "utf8mb4_unicode_nopad_ci",
        "utf8mb4_uca1400_as_cs",
        "utf8mb4_bin",
        "utf8mb4_nopad_bin",
    ],
    "sqlite": ["BINARY", "NOCASE", "RTRIM"],
}
DEFINED = [
    "CREATE COLLATION no_case (provider=icu, locale='und-u-ks-level2', deterministic=false)",
    "CREATE COLLATION no_accent (provider=icu, locale='und-u-ks-level1', deterministic=false)",
]


@reflected
def test_each_collation_is_paged_exactly(
    db: DbConnector, all_pages: Pages, reflected: bool
) -> None:
    for statement in DEFINED if db.dialect_name == "postgresql" else []:
        db.execute(text(statement))
    names = COLLATIONS[db.dialect_name]
    table = fill(db, {name: (String(20, collation=name), WORDS) for name in names})
    check(db, db.reflect().tables["t"] if reflected else table, all_pages)


def test_text_that_is_a_key_is_paged_by_its_collation(db: DbConnector, all_pages: Pages) -> None:
    collation = {"postgresql": "C", "mysql": "utf8mb4_general_ci", "sqlite": "NOCASE"}
    kind = String(20, collation=collation[db.dialect_name])
    table = Table("t", MetaData(), Column("code", kind, primary_key=True))
    table.metadata.create_all(db.engine)
    db.execute(insert(table), [{"code": word} for word in ["a", "B", "c", "D", "e", "F", "g"]])

    class Coded(BaseModelNoExtra):
        code: str

    whole = db.fetch_all(select(table).order_by(table.c.code), model=Coded)
    assert all_pages(Coded, select(table), [], 2) == whole


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


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_mysql_sorts_by_all_of_the_longest_text_that_is_accepted(
    db: DbConnector, all_pages: Pages
) -> None:
    values = [letter * 255 + end for letter in "é😀" for end in "cba"]
    names = COLLATIONS["mysql"]
    check(db, fill(db, {name: (String(256, collation=name), values) for name in names}), all_pages)


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
        table = fill(db, {"value": (Text(), ["x" * 3_000])})
        with pytest.raises(PaginationError, match="too long for a page token"):
            db.fetch_page(
                Row,
                select(table.c.id),
                QueryDataParams[None](max_count=1),
                order_by=[table.c.value],
            )
