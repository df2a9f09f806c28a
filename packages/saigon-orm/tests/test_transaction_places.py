"""Where a transaction may be used."""

# the whole block must fail, that is what it is for
import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_a_transaction_is_of_no_use_after_its_block(db: DbConnector) -> None:
    with transaction_context(db) as transaction:
        context = contextvars.copy_context()
    with pytest.raises(TransactionUsageError, match="ended"):
        _ = transaction.connection
    with pytest.raises(TransactionUsageError, match="ended"):
        context.run(db.execute, text("SELECT 1"))


def in_thread(call: Callable[[], object]) -> BaseException | None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except Exception as exc:  # noqa: BLE001  # handed over to the test
            caught.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return caught[0] if caught else None


def test_another_thread_has_no_part_in_a_transaction(file_db: DbConnector) -> None:
    file_db.execute(text("CREATE TABLE t (i INTEGER)"))
    with transaction_context(file_db) as transaction:
        file_db.execute(text("INSERT INTO t VALUES (1)"))
        counted: list[int] = []
        count = text("SELECT COUNT(*) FROM t")
        assert in_thread(lambda: counted.append(file_db.fetch_scalar(count))) is None
        assert counted == [0]
        assert isinstance(in_thread(lambda: transaction.connection), TransactionUsageError)
        context = contextvars.copy_context()
        error = in_thread(lambda: context.run(file_db.fetch_scalar, count))
        assert isinstance(error, TransactionUsageError)


def test_another_task_has_no_part_in_a_transaction(db: DbConnector) -> None:
    async def child() -> None:
        db.fetch_scalar(text("SELECT 1"))

    async def parent() -> None:
        with transaction_context(db):
            with pytest.raises(TransactionUsageError, match="task"):
                await asyncio.create_task(child())
            db.fetch_scalar(text("SELECT 1"))

    asyncio.run(parent())


def test_a_task_awaited_in_the_block_may_use_it(db: DbConnector, people: Table) -> None:
    async def helper() -> None:
        add(db, people, "Ada")

    async def parent() -> None:
        with transaction_context(db):
            await helper()

    asyncio.run(parent())
    assert names(db, people) == ["Ada"]


def test_blocks_of_generators_may_end_in_any_order(db: DbConnector, people: Table) -> None:
    other = DbConnector("sqlite://")

    def block(connector: DbConnector) -> Iterator[None]:
        with transaction_context(connector):
            yield

    first, second = block(db), block(other)
    next(first)
    next(second)
    add(db, people, "Ada")
    assert list(first) == []
    assert list(second) == []
    other.dispose()
    add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


@pytest.mark.parametrize("savepoint", [False, True])
def test_a_block_does_not_end_before_one_inside_it(
    db: DbConnector, people: Table, savepoint: bool
) -> None:
    def block() -> Iterator[None]:
        with transaction_context(db, savepoint=savepoint):
            add(db, people, "Ada")
            yield

    running = block()
    with pytest.raises(TransactionUsageError, match="inside this one"), transaction_context(db):
        next(running)
    with pytest.raises(TransactionUsageError, match="has ended"):
        next(running)
    assert names(db, people) == []


def test_a_block_that_ends_in_another_thread_is_rolled_back(db: DbConnector, people: Table) -> None:
    def block() -> Iterator[None]:
        with transaction_context(db):
            add(db, people, "Ada")
            yield

    running = block()
    in_thread(lambda: next(running))
    with pytest.raises(TransactionUsageError, match="another process, thread or task"):
        next(running)
    assert names(db, people) == []


def test_a_connection_that_is_handed_to_another_thread_is_refused(
    file_db: DbConnector,
) -> None:
    with transaction_context(file_db) as transaction:
        connection = transaction.connection
        error = in_thread(lambda: connection.execute(text("SELECT 1")))
        assert isinstance(error, TransactionUsageError)
