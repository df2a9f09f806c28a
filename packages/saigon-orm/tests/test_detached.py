import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.detached import DetachedTransaction
from saigon.orm.exceptions import TransactionUsageError


@pytest.fixture
def connector(tmp_path: Path) -> Iterator[DbConnector]:
    with DbConnector(f"sqlite+pysqlite:///{tmp_path / 'orders.db'}") as connector:
        connector.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY)"))
        yield connector


def add(connector: DbConnector, order_id: int) -> None:
    statement = text("INSERT INTO orders VALUES (:id)")
    connector.execute(statement, {"id": order_id}, require_transaction=True)


def count(connector: DbConnector) -> object:
    return connector.fetch_scalar(text("SELECT count(*) FROM orders"))


def in_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_work_between_two_threads_is_committed(connector: DbConnector) -> None:
    detached = DetachedTransaction(connector)
    in_thread(detached.begin)
    with detached.lent():
        add(connector, 1)
    in_thread(detached.end)
    assert count(connector) == 1


def test_error_rolls_back(connector: DbConnector) -> None:
    detached = DetachedTransaction(connector)
    detached.begin()
    with detached.lent():
        add(connector, 1)
    detached.end(ZeroDivisionError())
    assert count(connector) == 0


def test_worker_threads_of_the_task_belong_to_it(connector: DbConnector) -> None:
    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            await asyncio.to_thread(add, connector, 1)
            add(connector, 2)
        await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert count(connector) == 2


def test_other_tasks_are_refused(connector: DbConnector) -> None:
    async def other() -> None:
        add(connector, 1)

    async def main() -> None:
        detached = DetachedTransaction(connector)
        detached.begin()
        with detached.lent(), pytest.raises(TransactionUsageError):
            await asyncio.create_task(other())
        detached.end()

    asyncio.run(main())


def test_nothing_is_lent_before_the_beginning(connector: DbConnector) -> None:
    with (
        pytest.raises(TransactionUsageError, match="not begun"),
        DetachedTransaction(connector).lent(),
    ):
        pass


def test_nothing_is_left_behind(connector: DbConnector) -> None:
    detached = DetachedTransaction(connector)
    detached.begin()
    with detached.lent():
        add(connector, 1)
    detached.end()
    with pytest.raises(TransactionUsageError):
        add(connector, 2)


def test_it_joins_a_surrounding_transaction(connector: DbConnector) -> None:
    with transaction_context(connector) as outer:
        detached = DetachedTransaction(connector)
        detached.begin()
        with detached.lent() as inner:
            assert inner is outer
            assert detached.joins
            add(connector, 1)
        detached.end()
        add(connector, 2)
    assert count(connector) == 2
