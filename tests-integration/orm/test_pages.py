"""Pages by key: nothing lost, nothing twice, and an index behind each."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    and_,
    asc,
    desc,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import PaginationError

START = datetime(2024, 1, 1, tzinfo=UTC)


Pages = Callable[..., list[Any]]


class Order(BaseModelNoExtra):
    id: int
    placed_at: datetime
    total: Decimal
    customer: str


class Pair(BaseModelNoExtra):
    id: int
    other: int | None


class Group(BaseModelNoExtra):
    customer: str
    total: Decimal
    count: int


class Named(BaseModelNoExtra):
    id: int
    name: str


class Base(DeclarativeBase): ...


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    dogs: Mapped[list["Dog"]] = relationship(lazy="joined")


class Dog(Base):
    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))


@pytest.fixture(scope="module")
def db(module_db: DbConnector) -> DbConnector:
    return module_db


@pytest.fixture(scope="module")
def orders(db: DbConnector) -> Table:
    moment = DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    table = Table(
        "orders",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("placed_at", moment, nullable=False),
        Column("total", Numeric(10, 2), nullable=False),
        Column("customer", String(30), nullable=False),
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
    db: DbConnector, all_pages: Pages, orders: Table, names: list[str], reflected: bool
) -> None:
    table = db.reflect(["orders"]).tables["orders"] if reflected else orders
    order_by = [
        desc(table.c[name[1:]]) if name.startswith("-") else asc(table.c[name]) for name in names
    ]
    tie = table.c.id.desc() if names and names[-1].startswith("-") else table.c.id
    whole = db.fetch_all(select(table).order_by(*order_by, tie), model=Order)
    assert all_pages(Order, select(table), order_by, 10) == whole
    assert len(whole) == 97


def test_the_total_is_of_all_pages_of_a_join(db: DbConnector, orders: Table) -> None:
    other = orders.alias()
    pairs = select(orders.c.id, other.c.id.label("other")).join_from(
        orders, other, and_(orders.c.customer == other.c.customer, other.c.total > 1)
    )
    params = QueryDataParams[None](max_count=3)
    page = db.fetch_page(
        Pair, pairs.where(orders.c.total < 1), params, order_by=[], with_total=True
    )
    assert page.total == len(db.fetch_all(pairs.where(orders.c.total < 1))) > 3


def test_a_join_of_a_table_with_itself_is_paged_to_the_end(
    db: DbConnector, all_pages: Pages, orders: Table
) -> None:
    other = orders.alias()
    pairs = select(orders.c.id, other.c.id.label("other")).join_from(
        orders, other, orders.c.customer == other.c.customer
    )
    order = [other.c.total.desc(), orders.c.placed_at]
    whole = db.fetch_all(pairs.order_by(*order, orders.c.id, other.c.id), model=Pair)
    assert all_pages(Pair, pairs.where(orders.c.id < 1_000), order, 333) == whole


def test_an_outer_join_by_a_whole_key_is_paged_to_the_end(
    db: DbConnector, all_pages: Pages, orders: Table
) -> None:
    other = orders.alias()
    follows = other.c.id == orders.c.id + 0  # an expression is no key
    with pytest.raises(PaginationError, match="outer join"):
        all_pages(Pair, select(orders.c.id).outerjoin_from(orders, other, follows), [], 10)
    half = orders.select().where(orders.c.total < 1).subquery()
    halves = select(orders.c.id, half.c.id.label("other")).outerjoin_from(
        orders, half, half.c.id == orders.c.id
    )
    found = all_pages(Pair, halves, [orders.c.placed_at.desc()], 10)
    assert len(found) == 97
    assert {pair.other for pair in found} >= {None}
    tie = [orders.c.placed_at.desc(), orders.c.id.desc()]
    assert found == db.fetch_all(halves.order_by(*tie), model=Pair)


def test_groups_are_paged_within_a_subquery(
    db: DbConnector, all_pages: Pages, orders: Table
) -> None:
    groups = select(orders.c.customer, orders.c.total, func.count().label("count"))
    sums = groups.group_by(orders.c.customer, orders.c.total).subquery()
    found = all_pages(Group, select(sums), [sums.c.total.desc()], 4)
    ties = [sums.c.total.desc(), sums.c.customer.desc()]
    assert found == db.fetch_all(select(sums).order_by(*ties), model=Group)
    assert sum(group.count for group in found) == 97


def test_mapped_classes_are_paged_without_what_they_load_with_them(
    db: DbConnector, all_pages: Pages
) -> None:
    Base.metadata.create_all(db.engine)
    db.execute(insert(Owner), [{"id": at, "name": f"n{at % 4}"} for at in range(1, 22)])
    db.execute(insert(Dog), [{"id": at, "owner_id": at % 7 + 1} for at in range(1, 22)])
    found = all_pages(Named, select(Owner), [Owner.name.desc()], 5)
    assert [row.id for row in found[:6]] == [19, 15, 11, 7, 3, 18]
    assert len(found) == 21
    dogs = select(Dog.id, Owner.name).join(Owner).where(Owner.name > "n0")
    assert len(all_pages(Named, dogs, [Owner.name, Dog.id], 2)) == 18
