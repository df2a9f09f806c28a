"""A far page enters its index at its place: the plans of the statements that are really sent."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    event,
    insert,
    select,
    text,
)

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import DbConnector

METADATA = MetaData()
CUSTOMERS = Table(
    "customers",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(20), nullable=False),
)
ORDERS = Table(
    "orders",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("day", Integer, nullable=False),
    Column("shop", Integer, nullable=False),
    Column("note", String(200), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
)
Index("ix_day", ORDERS.c.day, ORDERS.c.id)
Index("ix_mixed", ORDERS.c.day.desc(), ORDERS.c.id)
Index("ix_shop", ORDERS.c.shop, ORDERS.c.day, ORDERS.c.id)
PLAIN = select(ORDERS.c.id, ORDERS.c.note)


class Order(BaseModelNoExtra):
    id: int
    note: str


@pytest.fixture(scope="module")
def filled(module_db: DbConnector) -> DbConnector:
    db = module_db
    METADATA.create_all(db.engine)
    db.execute(insert(CUSTOMERS), [{"id": at, "name": f"c{at}"} for at in range(1, 2_001)])
    rows = [
        {
            "id": at,
            "day": at // 3,
            "shop": at % 20,
            "note": "x" * 200,
            "customer_id": at % 2_000 + 1,
        }
        for at in range(1, 20_001)
    ]
    db.execute(insert(ORDERS), rows)
    analyze = {"mysql": "ANALYZE TABLE orders, customers"}.get(db.dialect_name, "ANALYZE")
    db.execute(text(analyze))
    return db


@pytest.fixture
def sent(filled: DbConnector) -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, sql: str, parameters: Any, *___: Any) -> None:
        statements.append((sql, parameters))

    event.listen(filled.engine, "before_cursor_execute", note)
    yield statements
    event.remove(filled.engine, "before_cursor_execute", note)


EXPLAIN = {
    "postgresql": "EXPLAIN ",
    "mysql": "EXPLAIN FORMAT=JSON ",
    "sqlite": "EXPLAIN QUERY PLAN ",
}
JOINED = PLAIN.join_from(ORDERS, CUSTOMERS, ORDERS.c.customer_id == CUSTOMERS.c.id)
LISTINGS: dict[str, tuple[Select[Any], list[Any], str, int]] = {
    "the key": (PLAIN, [], "(?i)orders_pkey|PRIMARY", 9_000),
    "up": (PLAIN, [ORDERS.c.day], "ix_day", 9_000),
    "down": (PLAIN, [ORDERS.c.day.desc()], "ix_day", 9_000),
    "mixed": (PLAIN, [ORDERS.c.day.desc(), ORDERS.c.id.asc()], "ix_mixed", 9_000),
    "filtered": (PLAIN.where(ORDERS.c.shop == 1), [ORDERS.c.day], "ix_shop", 900),
    "joined": (JOINED, [ORDERS.c.day], "ix_day", 9_000),
}


@pytest.mark.parametrize(
    ("statement", "order_by", "index", "count"), LISTINGS.values(), ids=LISTINGS
)
def test_a_far_page_enters_the_index_at_its_place(
    *,
    filled: DbConnector,
    sent: list[tuple[str, Any]],
    statement: Select[Any],
    order_by: list[Any],
    index: str,
    count: int,
) -> None:
    # MariaDB reads an index's equal part from its start while more than half of it is still ahead.
    first = QueryDataParams[None](max_count=count)
    token = filled.fetch_page(Order, statement, first, order_by=order_by).page_token
    far = QueryDataParams[None](max_count=50, page_token=token)
    filled.fetch_page(Order, statement, far, order_by=order_by)
    (sql, parameters) = sent[-1]
    with filled.engine.connect() as connection:
        rows = connection.exec_driver_sql(EXPLAIN[filled.dialect_name] + sql, parameters).all()
    plan = "\n".join(str(value) for row in rows for value in row)
    assert re.search(index, plan), plan
    ENTERED[filled.dialect_name](plan)


def entered_on_postgresql(plan: str) -> None:
    assert "Index Cond: (" in plan, plan
    assert "Sort" not in plan, plan


def entered_on_mysql(plan: str) -> None:
    assert '"access_type": "range"' in plan, plan
    assert "filesort" not in plan, plan
    assert "temporary" not in plan, plan


def entered_on_sqlite(plan: str) -> None:
    assert "SEARCH orders USING" in plan, plan
    assert "TEMP B-TREE" not in plan, plan


ENTERED: dict[str, Callable[[str], None]] = {
    "postgresql": entered_on_postgresql,
    "mysql": entered_on_mysql,
    "sqlite": entered_on_sqlite,
}
