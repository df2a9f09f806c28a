"""Pages by each type that a token carries: to the last row, as the database itself orders them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid4

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
    TypeDecorator,
    Uuid,
    insert,
    select,
    text,
    types,
)
from sqlalchemy.dialects import mysql

from saigon.model import BaseModelNoExtra
from saigon.orm.connection import DbConnector

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


def check(
    db: DbConnector,
    table: Table,
    values: dict[str, Values],
    all_pages: Pages,
    sizes: Sequence[int] = (1, 3, 4),
) -> None:
    """Compare each column's pages with the whole, in rows that have each value twice."""
    key = table.c.id
    for name, (_, given) in values.items():
        value, rows = table.c[name], select(key).where(key <= 2 * len(given) + 1)
        orders: dict[int, list[Any]] = {
            1: [value, key],
            3: [value.desc(), key.desc()],
            4: [value.desc(), key.asc()],
        }
        for size, order in ((size, orders[size]) for size in sizes):
            whole = db.fetch_all(rows.order_by(*order), model=Row)
            assert all_pages(Row, rows, order, size) == whole, (name, size)


def test_each_type_is_paged_exactly(db: DbConnector, all_pages: Pages) -> None:
    values = VALUES | (SQLITE_KEEPS if db.dialect_name == "sqlite" else {})
    check(db, fill(db, values), values, all_pages)
    check(db, db.reflect().tables["t"], values, all_pages, sizes=[4])


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


def test_each_collation_is_paged_exactly(db: DbConnector, all_pages: Pages) -> None:
    for statement in DEFINED if db.dialect_name == "postgresql" else []:
        db.execute(text(statement))
    values: dict[str, Values] = {
        name: (String(20, collation=name), WORDS) for name in COLLATIONS[db.dialect_name]
    }
    check(db, fill(db, values), values, all_pages)
    check(db, db.reflect().tables["t"], values, all_pages, sizes=[4])


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


LONGEST = [
    ("general_ci", 256, "é😀"),
    ("unicode_ci", 256, "é😀"),
    ("uca1400_ai_ci", 256, "é😀"),
    ("nopad_bin", 256, "é😀"),
    ("uca1400_as_cs", 21, "é😀㍿"),
    ("uca1400_as_ci", 21, "é😀㍿"),
    ("uca1400_ai_cs", 21, "é😀㍿"),
]


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
def test_mysql_sorts_by_all_of_the_longest_text_that_is_accepted(
    db: DbConnector, all_pages: Pages
) -> None:
    values: dict[str, Values] = {
        name: (
            String(length, collation=f"utf8mb4_{name}"),
            [letter * (length - 1) + end for letter in letters for end in "cbáAa"],
        )
        for name, length, letters in LONGEST
    }
    check(db, fill(db, values), values, all_pages)
