"""What a page asks the database for, and that a token of another query asks for nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, event, insert, select

from saigon.model import (
    BaseModelNoExtra,
    InvalidPaginationToken,
    PaginationTokenCodec,
    QueryDataParams,
)
from saigon.orm.connection import DbConnector


class Order(BaseModelNoExtra):
    id: int
    total: int
    customer: str


@pytest.fixture(scope="module")
def db(module_db: DbConnector) -> DbConnector:
    return module_db


@pytest.fixture(scope="module")
def orders(db: DbConnector) -> Table:
    table = Table(
        "orders",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("total", Integer, nullable=False),
        Column("customer", String(30), nullable=False),
    )
    table.metadata.create_all(db.engine)
    db.execute(
        insert(table), [{"id": at, "total": at % 8, "customer": "ada"} for at in range(1, 98)]
    )
    return table


def test_the_total_is_counted_where_asked(db: DbConnector, orders: Table) -> None:
    params = QueryDataParams[None](max_count=1)
    cheap = select(orders).where(orders.c.total < 3)
    page = db.fetch_page(Order, cheap, params, order_by=[], with_total=True)
    assert page.total == len(db.fetch_all(cheap))
    assert db.fetch_page(Order, cheap, params, order_by=[]).total is None


@pytest.fixture
def sent(db: DbConnector, orders: Table) -> Iterator[list[str]]:
    """Give the list of the statements that are sent, which grows."""
    statements: list[str] = []

    def note(_: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.startswith("SELECT"):  # SQLite's BEGIN is a statement too
            statements.append(sql)

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def test_a_page_is_one_statement_and_a_total_one_more(
    db: DbConnector, orders: Table, sent: list[str]
) -> None:
    params = QueryDataParams[None](max_count=10)
    token = db.fetch_page(Order, select(orders), params, order_by=[]).page_token
    following = params.model_copy(update={"page_token": token})
    db.fetch_page(Order, select(orders), following, order_by=[])
    assert len(sent) == 2
    assert not any("count(" in sql.lower() for sql in sent)
    db.fetch_page(Order, select(orders), following, order_by=[], with_total=True)
    assert len(sent) == 4
    assert "count(" in sent[-1].lower()


@pytest.mark.parametrize(
    "wrong", ["order", "direction", "caller", "selection", "filter", "columns", "token", "key"]
)
def test_a_token_that_does_not_fit_is_refused_before_anything_is_sent(
    db: DbConnector, orders: Table, sent: list[str], wrong: str
) -> None:
    statement = select(orders).where(orders.c.id > 0)
    order_by: list[Any] = [orders.c.total]
    params = QueryDataParams[int](max_count=5, selection=1)
    token = db.fetch_page(Order, statement, params, order_by=order_by, caller="ada").page_token
    assert token is not None
    params = params.model_copy(update={"page_token": token})
    caller, codec = "ada", PaginationTokenCodec.unsigned()
    sent.clear()
    match wrong:
        case "order":
            order_by = [orders.c.customer]
        case "direction":
            order_by = [orders.c.total.desc()]
        case "caller":
            caller = "eve"
        case "selection":
            params = params.model_copy(update={"selection": 2})
        case "filter":
            statement = select(orders).where(orders.c.id > 1)
        case "columns":
            statement = select(orders.c.id).where(orders.c.id > 0)
        case "token":
            params = params.model_copy(update={"page_token": f"{token[:-1]}!"})
        case "key":
            codec = PaginationTokenCodec(["another key of sixteen bytes"])
    with DbConnector(db.engine.url, page_tokens=codec) as other:
        event.listen(other.engine, "connect", lambda *_: sent.append("a connection"))
        with pytest.raises(InvalidPaginationToken):
            other.fetch_page(Order, statement, params, order_by=order_by, caller=caller)
    assert sent == []
