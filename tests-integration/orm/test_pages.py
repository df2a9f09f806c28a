"""Pages by key: nothing lost, nothing twice, and an index behind each."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    asc,
    delete,
    desc,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.mysql import DATETIME

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm._keyset import keyset_order, page_statement
from saigon.orm.connection import DbConnector

START = datetime(2024, 1, 1, tzinfo=UTC)


class Order(BaseModelNoExtra):
    id: int
    placed_at: datetime
    total: Decimal
    customer: str


@pytest.fixture
def orders(db: DbConnector) -> Table:
    moment = DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    table = Table(
        "orders",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("placed_at", moment, nullable=False),
        Column("total", Numeric(10, 2), nullable=False),
        Column("customer", String(30), nullable=False),
        Index("ix_placed", "placed_at", "id"),
    )
    table.metadata.create_all(db.engine)
    chance = random.Random(7)  # the same rows each time
    rows = [
        {
            "id": number,
            "placed_at": START + timedelta(microseconds=chance.randrange(12)),
            "total": Decimal(chance.randrange(8)) / 4,
            "customer": chance.choice(["ada", "Ada", "Đức", "ß", "z_%"]),
        }
        for number in chance.sample(range(1, 1_000), 97)
    ]
    db.execute(insert(table), rows)
    return table


def all_pages(db: DbConnector, table: Table, order_by: list[Any], *, size: int = 10) -> list[Order]:
    found: list[Order] = []
    params = QueryDataParams[None](max_count=size)
    while True:
        page = db.fetch_page(Order, select(table), params, order_by=order_by)
        found.extend(page.data)
        if page.page_token is None:
            return found
        assert len(page) == size
        params = QueryDataParams[None](max_count=size, page_token=page.page_token)


ORDERS = {
    "none": [],
    "up": ["placed_at"],
    "down": ["-placed_at"],
    "mixed": ["placed_at", "-total"],
    "three mixed": ["-customer", "total", "-placed_at"],
    "text": ["customer"],
    "decimal": ["-total"],
    "key first": ["-id", "total"],
}


@pytest.mark.parametrize("reflected", [False, True])
@pytest.mark.parametrize("names", ORDERS.values(), ids=ORDERS.keys())
def test_all_pages_are_the_whole_in_order(
    db: DbConnector, orders: Table, names: list[str], reflected: bool
) -> None:
    table = db.reflect(["orders"]).tables["orders"] if reflected else orders
    order_by = [
        desc(table.c[name[1:]]) if name.startswith("-") else asc(table.c[name]) for name in names
    ]
    tie = table.c.id.desc() if names and names[-1].startswith("-") else table.c.id
    whole = db.fetch_all(select(table).order_by(*order_by, tie), model=Order)
    assert all_pages(db, table, order_by) == whole
    assert len(whole) == 97


def test_a_page_of_exactly_the_rest_is_the_last(db: DbConnector, orders: Table) -> None:
    assert len(all_pages(db, orders, [], size=97)) == 97
    assert len(all_pages(db, orders, [], size=96)) == 97


def test_what_happens_between_pages_moves_nothing(db: DbConnector, orders: Table) -> None:
    params = QueryDataParams[None](max_count=10)
    first = db.fetch_page(Order, select(orders), params, order_by=[orders.c.id])
    db.execute(delete(orders).where(orders.c.id.in_([first.data[0].id, first.data[-1].id])))
    db.execute(
        insert(orders), {"id": 0, "placed_at": START, "total": Decimal(1), "customer": "new"}
    )
    following = params.model_copy(update={"page_token": first.page_token})
    second = db.fetch_page(Order, select(orders), following, order_by=[orders.c.id])
    assert second.data[0].id > first.data[-1].id
    rest = select(orders).where(orders.c.id > first.data[-1].id).order_by(orders.c.id).limit(10)
    assert second.data == db.fetch_all(rest, model=Order)


def test_the_total_is_counted_where_asked(db: DbConnector, orders: Table) -> None:
    params = QueryDataParams[None](max_count=1)
    cheap = select(orders).where(orders.c.total < 1)
    page = db.fetch_page(Order, cheap, params, order_by=[], with_total=True)
    assert page.total == len(db.fetch_all(cheap))
    assert db.fetch_page(Order, cheap, params, order_by=[]).total is None


def test_a_uuid_key_is_paged(db: DbConnector) -> None:
    table = Table("t", MetaData(), Column("id", Uuid, primary_key=True))
    table.metadata.create_all(db.engine)
    generator = random.Random(3)  # the same rows each time
    keys = [UUID(int=generator.getrandbits(128), version=4) for _ in range(25)]
    db.execute(insert(table), [{"id": key} for key in keys])

    class Row(BaseModelNoExtra):
        id: UUID

    found, params = [], QueryDataParams[None](max_count=7)
    while True:
        page = db.fetch_page(Row, select(table), params, order_by=[])
        found += [row.id for row in page]
        if page.page_token is None:
            break
        params = QueryDataParams[None](max_count=7, page_token=page.page_token)
    whole = db.fetch_all(select(table).order_by(table.c.id), model=Row)
    assert found == [row.id for row in whole]


@pytest.fixture
def many_orders(db: DbConnector, orders: Table) -> Table:
    db.execute(delete(orders))
    rows = [
        {
            "id": number,
            "placed_at": START + timedelta(seconds=number // 3),
            "total": Decimal(1),
            "customer": "x",
        }
        for number in range(1, 20_001)
    ]
    db.execute(insert(orders), rows)
    db.execute(
        text({"postgresql": "ANALYZE orders", "sqlite": "ANALYZE"}.get(db.dialect_name, ANALYZE))
    )
    return orders


ANALYZE = "ANALYZE TABLE orders"


@pytest.mark.parametrize("descending", [False, True])
def test_a_far_page_enters_the_index_at_its_place(
    db: DbConnector, many_orders: Table, descending: bool
) -> None:
    column = many_orders.c.placed_at
    query = select(many_orders)
    ordered = keyset_order(query, [column.desc() if descending else column])
    place = (START + timedelta(seconds=3_000), 9_001)
    statement = page_statement(query, ordered, place, 50, db.engine.dialect)
    compiled = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
    explain = {
        "postgresql": "EXPLAIN ",
        "mysql": "EXPLAIN FORMAT=JSON ",
        "sqlite": "EXPLAIN QUERY PLAN ",
    }[db.dialect_name]
    sql = str(compiled).replace("+00:00", "") if db.dialect_name == "mysql" else str(compiled)
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(explain + sql).all()
    plan = "\n".join(str(value) for row in rows for value in row)
    assert "ix_placed" in plan
    assert index_is_entered(plan, db.dialect_name), plan


def index_is_entered(plan: str, dialect_name: str) -> bool:
    match dialect_name:
        case "postgresql":
            return "Index Cond: (ROW(placed_at, id)" in plan and "Sort" not in plan
        case "mysql":
            return '"access_type": "range"' in plan and "filesort" not in plan
        case _:
            return "SEARCH orders USING INDEX" in plan and "TEMP B-TREE" not in plan
