# the whole block must fail, that is what it is for
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


def test_a_savepoint_may_begin_and_end_in_two_threads(connector: DbConnector) -> None:
    """As FastAPI runs a dependency that is a generator."""

    def dependency() -> Iterator[None]:
        with transaction_context(connector, savepoint=True):
            add(connector, 1)
            yield

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            running = dependency()
            await asyncio.to_thread(next, running)
            with pytest.raises(TransactionUsageError, match="savepoint open"):
                add(connector, 2)
            await asyncio.to_thread(next, running, None)
            add(connector, 3)
        await asyncio.to_thread(detached.end)

    asyncio.run(main())
    assert count(connector) == 2


def test_a_thread_that_is_given_up_inside_a_block_leaves_nothing_behind(
    connector: DbConnector,
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def half() -> None:
        with transaction_context(connector):
            add(connector, 1)
            inside.set()
            go_on.wait(10)
            add(connector, 2)

    async def main() -> None:
        detached = DetachedTransaction(connector)
        await asyncio.to_thread(detached.begin)
        with detached.lent():
            task = asyncio.create_task(asyncio.to_thread(half))
            await asyncio.to_thread(inside.wait, 10)
        with pytest.raises(TransactionUsageError, match="inside this one"):
            await asyncio.to_thread(detached.end)
        go_on.set()
        with pytest.raises(TransactionUsageError, match="has ended"):
            await task

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
