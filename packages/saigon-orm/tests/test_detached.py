import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.detached import DetachedTransaction
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


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


def test_statements_of_worker_threads_run_one_after_the_other(connector: DbConnector) -> None:
    inside: list[int] = []
    most: list[int] = []

    def busy(value: int) -> int:
        inside.append(value)
        time.sleep(0.01)
        most.append(len(inside))
        inside.remove(value)
        return value

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent() as lent:
            driver: Any = lent.connection.connection.dbapi_connection
            driver.create_function("busy", 1, busy)
            statement = text("SELECT busy(:value)")
            reads = (
                asyncio.to_thread(connector.fetch_scalar, statement, {"value": value})
                for value in range(4)
            )
            assert await asyncio.gather(*reads) == [0, 1, 2, 3]
        await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert most == [1, 1, 1, 1]


def test_the_loop_does_not_wait_for_a_worker_thread_and_the_end_does(
    connector: DbConnector,
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        go_on.wait(10)
        return 7

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent() as lent:
            driver: Any = lent.connection.connection.dbapi_connection
            driver.create_function("slow", 0, slow)
            reading = asyncio.create_task(
                asyncio.to_thread(connector.fetch_scalar, text("SELECT slow()"))
            )
            await asyncio.to_thread(started.wait, 10)
            with pytest.raises(TransactionUsageError, match="await it"):
                count(connector)
        ending = asyncio.create_task(asyncio.to_thread(detached.end))
        await asyncio.sleep(0.01)
        assert not ending.done()
        go_on.set()
        await ending
        assert await reading == 7

    asyncio.run(main())


def test_overlapping_savepoints_of_two_threads_abort_the_transaction(
    connector: DbConnector,
) -> None:
    first, second = threading.Event(), threading.Event()

    def outlasting() -> None:
        with transaction_context(connector, savepoint=True):
            first.set()
            second.wait(10)

    def outlasted() -> None:
        first.wait(10)
        with transaction_context(connector, savepoint=True):
            add(connector, 1)
            second.set()
            overlapped.wait(10)

    overlapped = threading.Event()

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            other = asyncio.create_task(asyncio.to_thread(outlasted))
            with pytest.raises(TransactionUsageError, match="overlap"):
                await asyncio.to_thread(outlasting)
            overlapped.set()
            with pytest.raises(DbExecutionError, match="overlap"):
                await other
        with pytest.raises(DbExecutionError, match="overlap"):
            await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert count(connector) == 0


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
            assert inner == outer
            assert detached.joins
            add(connector, 1)
        detached.end()
        add(connector, 2)
    assert count(connector) == 2
