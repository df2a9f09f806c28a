"""A table of orders with as many rows as wanted, made by the server itself."""

from datetime import date
from typing import Final

from sqlalchemy import Column, Date, Integer, MetaData, String, Table, make_url
from sqlalchemy.schema import CreateTable

from saigon.model import BaseModelNoExtra
from tools.bench.databases import execute_outside_transactions

__all__ = ["ORDERS", "Order", "fill"]

_ROWS_PER_DAY: Final = 1_000
_CUSTOMERS: Final = 1_000

ORDERS: Final = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("customer", String(40), nullable=False),
    Column("product", String(40), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("note", String(80)),
    Column("placed_on", Date, nullable=False),
)


class Order(BaseModelNoExtra):
    """A row of the table."""

    id: int
    customer: str
    product: str
    quantity: int
    note: str | None
    placed_on: date


_INDEX: Final = (
    "CREATE INDEX orders_by_day ON orders (placed_on, id)",
    "CREATE INDEX orders_by_customer ON orders (customer, id)",
    "CREATE INDEX orders_by_last_customer ON orders (customer DESC, id)",
)
_DAY: Final = {
    "postgresql": f"DATE '2020-01-01' + n / {_ROWS_PER_DAY}",
    "mysql": f"DATE_ADD('2020-01-01', INTERVAL n DIV {_ROWS_PER_DAY} DAY)",
    "sqlite": f"date('2020-01-01', '+' || (n / {_ROWS_PER_DAY}) || ' days')",
}
_TEXT: Final = {"postgresql": "TEXT", "mysql": "CHAR(20)", "sqlite": "TEXT"}
_ANALYZE: Final = {
    "postgresql": "VACUUM ANALYZE orders",
    "mysql": "ANALYZE TABLE orders",
    "sqlite": "ANALYZE",
}


def fill(url: str, rows: int) -> None:
    """Make the table in an empty database, its indexes and the server's statistics of it."""
    kind = make_url(url).get_backend_name()
    create = str(CreateTable(ORDERS))
    execute_outside_transactions(url, create, _insert(kind, rows), *_INDEX, _ANALYZE[kind])


def _insert(kind: str, rows: int) -> str:
    """Count by a join of digits, which all servers take without a limit of their own."""
    places = range(len(str(rows - 1)))
    number = " + ".join(f"{10**place} * d{place}.d" for place in places)
    joined = ", ".join(f"digits AS d{place}" for place in reversed(places))
    digits = " UNION ALL ".join(f"SELECT {digit}" for digit in range(1, 10))
    as_text = f"CAST(n % {_CUSTOMERS} AS {_TEXT[kind]})"
    # MySQL has no || for texts by default, SQLite has CONCAT from 3.44 on only.
    customer = f"CONCAT('customer ', {as_text})" if kind == "mysql" else f"'customer ' || {as_text}"
    return (
        "INSERT INTO orders (id, customer, product, quantity, note, placed_on) "  # noqa: S608  # no values of others
        f"WITH digits AS (SELECT 0 AS d UNION ALL {digits}), "
        f"numbers AS (SELECT {number} AS n FROM {joined}) "
        f"SELECT n + 1, {customer}, 'a product of the catalogue', n % 9 + 1, NULL, {_DAY[kind]} "
        f"FROM numbers WHERE n < {rows} ORDER BY n"
    )
