"""What type checkers make of the public names; checked, not run."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, assert_type

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select

    from saigon.model import BaseModelNoExtra, QueryDataParams, QueryDataResult
    from saigon.orm.connection import (
        AbstractDbManager,
        DbConnector,
        ExecuteResult,
        IsolationLevel,
        Transaction,
        transaction_context,
        transactional,
    )

    class Order(BaseModelNoExtra):
        id: int

    class Orders(AbstractDbManager):
        @transactional()
        def place(self, item: str, *, count: int = 1) -> Order:
            return Order(id=len(item) * count)

    def statements(db: DbConnector, query: Select[Any]) -> None:
        assert_type(db.execute(query), ExecuteResult)
        assert_type(db.execute(query, [{"id": 1}]).rows, tuple[Row[Any], ...])
        assert_type(db.fetch_one(query), Row[Any] | None)
        assert_type(db.fetch_one(query, {"id": 1}, model=Order), Order | None)
        assert_type(db.fetch_all(query), list[Row[Any]])
        assert_type(db.fetch_all(query, model=Order), list[Order])
        assert_type(db.fetch_iter(query), Generator[Row[Any], None, None])
        assert_type(db.fetch_iter(query, model=Order), Generator[Order, None, None])
        assert_type(db.fetch_scalar(query), Any)
        db.execute("SELECT 1")  # type: ignore[arg-type]  # text() is missing
        db.fetch_one(query, model=int)  # type: ignore[type-var]  # not a model

    def pages(
        db: DbConnector, query: Select[Any], by: ColumnElement[int], params: QueryDataParams[None]
    ) -> None:
        page = db.fetch_page(Order, query, params, order_by=[by])
        assert_type(page, QueryDataResult[Order])
        assert_type(page.data, list[Order])

    def transactions(db: DbConnector) -> None:
        with transaction_context(db, savepoint=True) as transaction:
            assert_type(transaction, Transaction)
            assert_type(transaction.connection, Connection)
            assert_type(transaction.isolation, IsolationLevel | None)
        transaction_context(db, isolation="FAST")  # type: ignore[call-overload]  # no such level

        def count(_transaction: Transaction) -> int:
            return 1

        assert_type(db.run_in_transaction(count, retries=3), int)
        assert_type(db.run_in_transaction(lambda tx: tx.read_only), bool)

    def decorated(db: DbConnector, orders: Orders) -> None:
        def scale(number: int, *, factor: float = 2.0) -> float:
            return number * factor

        unit = transactional(db, retries=1)(scale)
        assert_type(unit(2, factor=1.5), float)
        unit("2")  # type: ignore[arg-type]  # not a number
        unit(2, faktor=1)  # type: ignore[call-arg]  # no such option
        assert_type(orders.place("tea", count=2), Order)
        orders.place(1)  # type: ignore[arg-type]  # not an item
        as_value: Callable[[str], Order] = orders.place
        assert_type(as_value("tea"), Order)


def test_the_types_are_checked_by_mypy() -> None:
    assert not TYPE_CHECKING
