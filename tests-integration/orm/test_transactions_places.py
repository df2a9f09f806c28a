"""Where a transaction may be used: connectors, threads, tasks, contexts, generators."""

# the whole block must fail, that is what it is for
import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def in_thread(call: Callable[[], object]) -> None:
    """Run something in another thread, with its error raised here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


@pytest.fixture
def other(db: DbConnector) -> Iterator[DbConnector]:
    """Give a second connector to the same database."""
    with DbConnector(db.engine.url) as connector:
        yield connector


def test_two_connectors_to_one_database_have_two_transactions(
    db: DbConnector, other: DbConnector, people: Table
) -> None:
    if db.dialect_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with suppress(KeyError), transaction_context(db) as outer:
        add(db, people, "Ada")
        with transaction_context(other) as inner:
            assert inner.connection is not outer.connection
            assert names(other, people) == []
            add(other, people, "Bob")
            with transaction_context(db) as again:
                assert again.connection is outer.connection
                add(db, people, "Cleo")
        assert names(other, people) == ["Bob"]
        raise KeyError
    assert names(db, people) == ["Bob"]


def test_the_failure_of_one_connector_leaves_the_other_alone(
    db: DbConnector, other: DbConnector, people: Table
) -> None:
    if db.dialect_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with transaction_context(db):
        add(db, people, "Ada")
        with suppress(DbExecutionError), transaction_context(other):
            add(other, people, "Bob")
            other.execute(text("SELEKT 1"))
        add(db, people, "Cleo")
    assert names(db, people) == ["Ada", "Cleo"]


def test_children_of_gather_are_refused_and_the_parent_goes_on(
    db: DbConnector, people: Table
) -> None:
    async def child(name: str) -> None:
        add(db, people, name)

    async def parent() -> None:
        with transaction_context(db):
            add(db, people, "Ada")
            results = await asyncio.gather(child("Bob"), child("Cleo"), return_exceptions=True)
            assert [type(result) for result in results] == [TransactionUsageError] * 2
            with pytest.raises(TransactionUsageError, match="another process, thread or task"):
                await asyncio.to_thread(add, db, people, "Dora")
            with pytest.raises(TransactionUsageError):
                await asyncio.to_thread(lambda: transaction_context(db).__enter__())
            await child("Eve")

    asyncio.run(parent())
    assert names(db, people) == ["Ada", "Eve"]


def test_a_task_with_a_context_of_its_own_has_a_transaction_of_its_own(
    db: DbConnector, people: Table
) -> None:
    async def child() -> None:
        with transaction_context(db, read_only=True):
            assert names(db, people) == []

    async def parent() -> None:
        with transaction_context(db):
            add(db, people, "Ada")
            if db.dialect_name != "sqlite":  # a reader of SQLite is not let in before the commit
                await asyncio.create_task(child(), context=contextvars.Context())

    asyncio.run(parent())
    assert names(db, people) == ["Ada"]


def test_a_task_that_outlives_the_block_is_refused(db: DbConnector, people: Table) -> None:
    async def parent() -> None:
        go_on = asyncio.Event()

        async def child() -> None:
            await go_on.wait()
            add(db, people, "Bob")

        with transaction_context(db):
            add(db, people, "Ada")
            late = asyncio.create_task(child())
        go_on.set()
        with pytest.raises(TransactionUsageError, match="has ended"):
            await late
        add(db, people, "Cleo")

    asyncio.run(parent())
    assert names(db, people) == ["Ada", "Cleo"]


def test_a_thread_with_a_copied_context_is_refused(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        context = contextvars.copy_context()
        with pytest.raises(TransactionUsageError):
            in_thread(lambda: context.run(add, db, people, "Bob"))
        with pytest.raises(TransactionUsageError):
            in_thread(lambda: list(context.run(db.fetch_iter, select(people))))
        with pytest.raises(TransactionUsageError):
            in_thread(lambda: context.run(db.run_in_transaction, lambda _: None))
    with pytest.raises(TransactionUsageError, match="has ended"):
        in_thread(lambda: context.run(add, db, people, "Bob"))
    assert names(db, people) == ["Ada"]


def test_a_thread_without_the_context_has_its_own(db: DbConnector, people: Table) -> None:
    if db.dialect_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with suppress(KeyError), transaction_context(db):
        add(db, people, "Ada")
        in_thread(lambda: add(db, people, "Bob"))
        raise KeyError
    assert names(db, people) == ["Bob"]


def test_a_stream_is_not_read_on_in_another_thread(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
    with transaction_context(db):
        stream = db.fetch_iter(select(people))
        next(stream)
        with pytest.raises(TransactionUsageError, match="thread"):
            in_thread(lambda: list(stream))


def test_nothing_is_used_after_the_end(db: DbConnector, people: Table) -> None:
    with transaction_context(db) as transaction:
        stream = db.fetch_iter(select(people))
        context = contextvars.copy_context()
    with pytest.raises(TransactionUsageError, match="has ended"):
        _ = transaction.connection
    with pytest.raises(TransactionUsageError):
        list(stream)
    for call in (db.fetch_all, db.execute, db.fetch_scalar, db.fetch_one):
        with pytest.raises(TransactionUsageError, match="has ended"):
            context.run(call, select(people))
    with pytest.raises(TransactionUsageError, match="has ended"):
        context.run(transaction_context(db).__enter__)


def test_a_statement_that_requires_a_transaction_has_one(db: DbConnector, people: Table) -> None:
    statement = insert(people).values(name="Ada")
    with pytest.raises(TransactionUsageError, match="transaction_context"):
        db.execute(statement, require_transaction=True)
    with transaction_context(db):
        db.execute(statement, require_transaction=True)
        with pytest.raises(TransactionUsageError):
            in_thread(lambda: db.execute(statement, require_transaction=True))
    with pytest.raises(TransactionUsageError):
        db.execute(statement, require_transaction=True)
    assert names(db, people) == ["Ada"]


def test_threads_that_begin_at_once_do_not_share(db: DbConnector, people: Table) -> None:
    meet = threading.Barrier(4, timeout=20)
    read_only = db.dialect_name == "sqlite"

    def begin() -> int:
        with transaction_context(db, read_only=read_only) as transaction:
            meet.wait()
            assert names(db, people) == []
            driver = transaction.connection.connection.driver_connection
            meet.wait()
            return id(driver)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: begin(), range(4)))) == 4
