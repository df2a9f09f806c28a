"""Threads that one detached transaction is lent to."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
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


def test_savepoints_of_two_threads_come_one_after_the_other(connector: DbConnector) -> None:
    inside, waiting, go_on = threading.Event(), threading.Event(), threading.Event()

    def failing() -> None:
        with transaction_context(connector, savepoint=True):
            add(connector, 1)
            inside.set()
            go_on.wait(10)
            raise ZeroDivisionError

    def plain() -> None:
        waiting.set()
        add(connector, 2)

    def saving() -> None:
        with transaction_context(connector, savepoint=True):
            add(connector, 3)

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            first = asyncio.create_task(asyncio.to_thread(failing))
            await asyncio.to_thread(inside.wait, 10)
            others = asyncio.gather(asyncio.to_thread(plain), asyncio.to_thread(saving))
            await asyncio.to_thread(waiting.wait, 10)
            with pytest.raises(TransactionUsageError, match="savepoint open"):
                add(connector, 4)
            go_on.set()
            with pytest.raises(ZeroDivisionError):
                await first
            await others
        await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert connector.fetch_all(text("SELECT id FROM orders ORDER BY id")) == [(2,), (3,)]


def test_a_block_that_joins_is_not_healed_by_the_savepoint_of_another_thread(
    connector: DbConnector,
) -> None:
    inside, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def saving() -> None:
        with suppress(ZeroDivisionError), transaction_context(connector, savepoint=True):
            inside.set()
            go_on.wait(10)
            raise ZeroDivisionError

    def joining() -> None:
        try:
            with suppress(KeyError), transaction_context(connector):
                raise KeyError
        finally:
            over.set()

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            first = asyncio.create_task(asyncio.to_thread(saving))
            await asyncio.to_thread(inside.wait, 10)
            second = asyncio.create_task(asyncio.to_thread(joining))
            assert not await asyncio.to_thread(over.wait, 0.1)
            go_on.set()
            await asyncio.gather(first, second)
        with pytest.raises(DbExecutionError, match="KeyError"):
            await asyncio.to_thread(detached.end)

    asyncio.run(main())


def test_threads_started_in_a_savepoint_belong_to_it(connector: DbConnector) -> None:
    started, go_on = threading.Event(), threading.Event()

    def late() -> None:
        started.set()
        go_on.wait(10)
        add(connector, 2)

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            with suppress(ZeroDivisionError), transaction_context(connector, savepoint=True):
                await asyncio.to_thread(add, connector, 1)
                task = asyncio.create_task(asyncio.to_thread(late))
                await asyncio.to_thread(started.wait, 10)
                raise ZeroDivisionError
            go_on.set()
            with pytest.raises(TransactionUsageError, match="has ended"):
                await task
            add(connector, 3)
        await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert connector.fetch_all(text("SELECT id FROM orders")) == [(3,)]


def test_a_savepoint_that_ends_before_one_inside_it_aborts_the_transaction(
    connector: DbConnector,
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def inner() -> None:
        with transaction_context(connector, savepoint=True):
            add(connector, 1)
            inside.set()
            go_on.wait(10)

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            with pytest.raises(TransactionUsageError, match="savepoint open"):
                with transaction_context(connector, savepoint=True):
                    task = asyncio.create_task(asyncio.to_thread(inner))
                    await asyncio.to_thread(inside.wait, 10)
            go_on.set()
            with pytest.raises(TransactionUsageError, match="has ended"):
                await task
            with pytest.raises(DbExecutionError, match="aborted"):
                add(connector, 2)
        with pytest.raises(DbExecutionError, match="aborted"):
            await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert count(connector) == 0
