# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import asyncio
import contextvars
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Table, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm.connection import (
    AbstractAsyncDbManager,
    AbstractDbManager,
    AsyncDbConnector,
    AsyncTransaction,
    DbConnector,
    transaction_context,
    transactional,
)
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError

Work = Callable[[AsyncDbConnector], Awaitable[None]]
WithDb = Callable[[Work], None]


async def names(db: AsyncDbConnector) -> list[str]:
    return [row.name for row in await db.fetch_all(text("SELECT name FROM staff ORDER BY name"))]


async def add(db: AsyncDbConnector, name: str) -> None:
    await db.execute(text("INSERT INTO staff (name) VALUES (:name)"), {"name": name})


def test_a_block_is_committed_or_rolled_back_as_one(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db):
            await add(db, "Ada")
            await add(db, "Bob")
        with pytest.raises(KeyError):
            async with transaction_context(db):
                await add(db, "Cleo")
                raise KeyError
        async with transaction_context(db):
            pass
        assert await names(db) == ["Ada", "Bob"]

    with_db(work)


def test_an_inner_block_joins(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db) as outer:
            await add(db, "Ada")
            async with transaction_context(db) as inner:
                await add(db, "Bob")
            assert inner == outer
            assert (outer.isolation, outer.read_only) == (None, False)
        assert await names(db) == ["Ada", "Bob"]

    with_db(work)


def test_an_inner_failure_that_is_caught_still_ends_the_whole(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        with pytest.raises(DbExecutionError, match="KeyError") as caught:
            async with transaction_context(db):
                await add(db, "Ada")
                with suppress(KeyError):
                    async with transaction_context(db):
                        raise KeyError
        assert caught.value.kind == "aborted"
        assert isinstance(caught.value.__cause__, KeyError)
        assert await names(db) == []

    with_db(work)


def test_a_savepoint_fails_by_itself(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db):
            await add(db, "Ada")
            with suppress(DbExecutionError):
                async with transaction_context(db, savepoint=True):
                    await add(db, "Bob")
                    await add(db, "Ada")
            async with transaction_context(db, savepoint=True):
                await add(db, "Cleo")
        assert await names(db) == ["Ada", "Cleo"]

    with_db(work)


def test_an_error_that_ends_the_transaction_is_never_a_success(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await add(db, "Ada")
        with pytest.raises(DbExecutionError) as caught:
            async with transaction_context(db):
                await add(db, "Bob")
                with suppress(DbExecutionError):
                    await db.execute(text("INSERT OR ROLLBACK INTO staff (name) VALUES ('Ada')"))
                with pytest.raises(DbExecutionError, match="aborted"):
                    await add(db, "Cleo")
        assert caught.value.kind == "aborted"
        assert isinstance(caught.value.__cause__, DbExecutionError)
        assert caught.value.__cause__.kind == "unique"
        assert await names(db) == ["Ada"]

    with_db(work)


def test_a_rollback_by_hand_is_refused(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        with pytest.raises(TransactionUsageError, match="leave the block to commit"):
            async with transaction_context(db):
                await add(db, "Ada")
                await db.execute(text("ROLLBACK"))
        assert await names(db) == []

    with_db(work)


def test_sqlalchemys_connection_is_at_hand(with_db: WithDb, staff: Table) -> None:
    def insert_twice(connection: Connection, first: str, *, second: str) -> int:
        connection.execute(insert(staff), {"name": first})
        return connection.execute(insert(staff), {"name": second}).rowcount

    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db) as transaction:
            assert await transaction.run_sync(insert_twice, "Ada", second="Bob") == 1
        assert await names(db) == ["Ada", "Bob"]
        with pytest.raises(TransactionUsageError, match="ended"):
            await transaction.run_sync(insert_twice, "Cleo", second="Dan")
        with pytest.raises(DbExecutionError) as caught:
            async with transaction_context(db) as transaction:
                with pytest.raises(SQLAlchemyError):
                    await transaction.run_sync(insert_twice, "Eve", second="Ada")
                await transaction.run_sync(insert_twice, "Fay", second="Ada")
        assert caught.value.kind == "unique"
        assert await names(db) == ["Ada", "Bob"]

    with_db(work)


def test_an_error_says_where_it_was_raised(with_db: WithDb) -> None:
    """The driver's error is its cause, and the caller's line is in its traceback."""

    async def work(db: AsyncDbConnector) -> None:
        await add(db, "Ada")
        with pytest.raises(DbExecutionError) as caught:
            await add(db, "Ada")
        assert type(caught.value.__cause__).__name__ == "IntegrityError"
        assert "add" in [entry.name for entry in caught.traceback]

    with_db(work)


def test_two_connectors_have_two_transactions(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with AsyncDbConnector("sqlite://") as other:
            async with transaction_context(other):
                await other.execute(text("CREATE TABLE t (i INTEGER)"))
                with suppress(KeyError):
                    async with transaction_context(db):
                        await add(db, "Ada")
                        await other.execute(text("INSERT INTO t VALUES (1)"))
                        raise KeyError
            assert await other.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 1
        assert await names(db) == []

    with_db(work)


def test_a_read_only_block_refuses_to_write(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        for _ in range(2):
            with pytest.raises(DbExecutionError) as caught:
                async with transaction_context(db, read_only=True) as transaction:
                    assert transaction.read_only
                    await add(db, "Ada")
            assert caught.value.kind == "read_only"
            async with transaction_context(db):
                await add(db, "Bob")
                await db.execute(text("DELETE FROM staff"))

    with_db(work)


def test_a_join_cannot_change_the_transaction(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db, isolation="SERIALIZABLE", read_only=True) as whole:
            assert whole.isolation == "SERIALIZABLE"
            async with transaction_context(db, isolation="SERIALIZABLE"):
                pass
            with pytest.raises(TransactionUsageError, match="isolation"):
                async with transaction_context(db, isolation="READ COMMITTED"):
                    pass
        async with transaction_context(db):
            with pytest.raises(TransactionUsageError, match="read-only"):
                async with transaction_context(db, read_only=True):
                    pass

    with_db(work)


def test_a_transaction_is_of_no_use_after_its_block(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        ended = asyncio.Event()
        async with transaction_context(db):
            task = asyncio.create_task(late(db, ended))
        ended.set()
        with pytest.raises(TransactionUsageError, match="ended"):
            await task

    async def late(db: AsyncDbConnector, ended: asyncio.Event) -> None:
        await ended.wait()
        await db.fetch_scalar(text("SELECT 1"))

    with_db(work)


Start = Callable[[], Awaitable[Any]]


async def in_a_task(work: Start) -> None:
    async def task() -> None:
        await work()

    await asyncio.create_task(task())


async def in_a_group(work: Start) -> None:
    async def task() -> None:
        await work()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(task())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def in_a_gathering(work: Start) -> None:
    await asyncio.gather(work(), work())


async def in_a_thread(work: Start) -> None:
    async def task() -> None:
        await work()

    await asyncio.to_thread(lambda: asyncio.run(task()))


@pytest.mark.parametrize("start", [in_a_task, in_a_group, in_a_gathering, in_a_thread])
@pytest.mark.parametrize("is_block", [False, True])
def test_who_is_started_inside_a_block_has_no_part_in_it(
    with_db: WithDb,
    start: Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]],
    is_block: bool,
) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async def use() -> None:
            if not is_block:
                await add(db, "Bob")
                return
            async with transaction_context(db):
                await add(db, "Bob")

        async with transaction_context(db):
            await add(db, "Ada")
            with pytest.raises(TransactionUsageError, match="another process, thread or task"):
                await start(use)
            await add(db, "Cleo")
        assert await names(db) == ["Ada", "Cleo"]

    with_db(work)


def test_who_has_a_context_of_its_own_has_a_transaction_of_its_own(
    run: Callable[[Any], None], tmp_path: Any
) -> None:
    async def work() -> None:
        async with AsyncDbConnector(f"sqlite:///{tmp_path / 'own.db'}") as db:
            await db.execute(text("CREATE TABLE staff (name TEXT)"))
            async with transaction_context(db, read_only=True):
                assert await names(db) == []
                task = asyncio.create_task(add(db, "Ada"), context=contextvars.Context())
            await task
            assert await names(db) == ["Ada"]

    run(work())


def test_a_coroutine_awaited_in_the_block_may_use_it(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        with suppress(KeyError):
            async with transaction_context(db), asyncio.timeout(10):
                await add(db, "Ada")
                raise KeyError
        assert await names(db) == []

    with_db(work)


def test_blocks_for_threads_and_for_tasks_do_not_mix(with_db: WithDb) -> None:
    """With another database each, so that none waits for a lock of the other."""

    async def work(db: AsyncDbConnector) -> None:
        with DbConnector("sqlite://") as other:
            other.execute(text("CREATE TABLE t (i INTEGER)"))
            async with transaction_context(db):
                await add(db, "Ada")
                with suppress(KeyError), transaction_context(other):
                    other.execute(text("INSERT INTO t VALUES (1)"))
                    await add(db, "Bob")
                    raise KeyError
                await asyncio.to_thread(other.execute, text("INSERT INTO t VALUES (2)"))
            assert other.fetch_scalar(text("SELECT SUM(i) FROM t")) == 2
        assert await names(db) == ["Ada", "Bob"]

    with_db(work)


def test_the_kind_of_with_goes_with_the_kind_of_connector(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        block: Any = transaction_context(db)
        with pytest.raises(TypeError), block:
            pass
        with DbConnector("sqlite://") as other:
            block = transaction_context(other)
            with pytest.raises(TypeError):
                async with block:
                    pass

    with_db(work)


def failing(times: int, kind: str = "deadlock") -> Callable[[AsyncTransaction], Awaitable[int]]:
    calls: list[AsyncTransaction] = []

    async def work(transaction: AsyncTransaction) -> int:
        calls.append(transaction)
        if len(calls) <= times:
            raise DbExecutionError("x", kind=kind, retryable=kind == "deadlock")  # type: ignore[arg-type]  # one of them
        return len(calls)

    return work


def test_a_transaction_runs_again_only_where_asked(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        assert await db.run_in_transaction(failing(0)) == 1
        assert await db.run_in_transaction(failing(2), retries=2) == 3
        for fn, retries in ((failing(1), 0), (failing(3), 2), (failing(1, "unique"), 5)):
            with pytest.raises(DbExecutionError):
                await db.run_in_transaction(fn, retries=retries)
        with pytest.raises(ValueError, match="retries"):
            await db.run_in_transaction(failing(0), retries=-1)
        async with transaction_context(db):
            assert await db.run_in_transaction(failing(0)) == 1
            with pytest.raises(TransactionUsageError, match="outermost"):
                await db.run_in_transaction(failing(0), retries=1)

    with_db(work)


def test_a_function_that_is_not_async_is_refused_and_rolled_back(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        fn: Any = lambda _: 1  # noqa: E731
        with pytest.raises(TypeError, match="async def"):
            await db.run_in_transaction(fn)

    with_db(work)


class Staff(AbstractAsyncDbManager):
    @transactional()
    async def hire(self, *hired: str) -> int:
        """Hire them all, or nobody."""
        for name in hired:
            await add(self.db_connector, name)
        return len(hired)


def test_a_coroutine_function_can_be_a_unit_of_work(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async def hire_all(*hired: str) -> int:
            for name in hired:
                await add(db, name)
            return len(hired)

        hire = transactional(db, retries=1)(hire_all)
        for call in (hire, Staff(db).hire, transactional(db)(functools.partial(hire_all, "Zoe"))):
            assert await call("Ada", "Bob") >= 2
            with pytest.raises(DbExecutionError):
                await call("Cleo", "Ada")
            assert (await names(db))[:2] == ["Ada", "Bob"]
            await db.execute(text("DELETE FROM staff"))
        assert (hire.__name__, Staff.hire.__doc__) == ("hire_all", "Hire them all, or nobody.")

    with_db(work)


class Plain:
    def __call__(self) -> None: ...


class Async:
    async def __call__(self) -> None: ...


class Generating:
    def __call__(self) -> Iterator[None]:
        yield


def plain() -> None: ...


async def coroutine() -> None: ...


def generator() -> Iterator[None]:
    yield


async def async_generator() -> AsyncIterator[None]:
    yield


SYNC, ASYNC = DbConnector("sqlite://"), AsyncDbConnector("sqlite://")


@pytest.mark.parametrize(
    ("connector", "function", "reason"),
    [
        (ASYNC, plain, "async def"),
        (ASYNC, Plain(), "async def"),
        (ASYNC, functools.partial(plain), "async def"),
        (SYNC, coroutine, "after the commit"),
        (SYNC, Async(), "after the commit"),
        (SYNC, functools.partial(coroutine), "after the commit"),
        *((ASYNC, function, "generator") for function in (generator, async_generator)),
        *((SYNC, function, "generator") for function in (generator, async_generator)),
        *((None, function, "generator") for function in (generator, async_generator)),
        (None, Generating(), "generator"),
        (SYNC, staticmethod(plain), "below"),
        (ASYNC, staticmethod(coroutine), "below"),
        (SYNC, classmethod(cast("Any", plain)), "below"),
        (ASYNC, classmethod(cast("Any", coroutine)), "below"),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_a_unit_of_work_is_refused(
    connector: Any, function: Any, reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        transactional(connector)(function)


def test_objects_and_static_methods_can_be_units_of_work(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        class Hiring:
            async def __call__(self, name: str) -> None:
                await add(db, name)
                await add(db, "Ada")

            @staticmethod
            @transactional(db)
            async def hire(name: str) -> None:
                await Hiring()(name)

        await add(db, "Ada")
        hiring: Any = Hiring()
        for call in (transactional(db)(hiring), Hiring.hire):
            with pytest.raises(DbExecutionError):
                await call("Bob")
            assert await names(db) == ["Ada"]

    with_db(work)


def test_a_method_needs_an_object_with_such_a_database(with_db: WithDb) -> None:
    class Wrong(AbstractDbManager):
        @transactional()
        async def hire(self) -> None: ...

    async def work(db: AsyncDbConnector) -> None:
        for call in (Wrong(SYNC).hire, transactional()(coroutine)):
            with pytest.raises(TypeError, match="AsyncDbConnector"):
                await call()

    with_db(work)


def test_a_block_of_a_generator_that_nobody_ends_is_rolled_back(with_db: WithDb) -> None:
    """The loop ends it in a task of its own."""

    async def work(db: AsyncDbConnector) -> None:
        async def block() -> AsyncIterator[None]:
            async with transaction_context(db):
                await add(db, "Ada")
                yield

        async def abandon() -> None:
            async for _ in block():
                break

        await asyncio.create_task(abandon())
        await asyncio.sleep(0)  # the loop makes a task that ends it
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        assert await names(db) == []

    with_db(work)


def test_blocks_of_generators_may_end_in_any_order(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async def block(connector: AsyncDbConnector) -> AsyncIterator[None]:
            async with transaction_context(connector):
                yield

        async with AsyncDbConnector("sqlite://") as other:
            first, second = block(db), block(other)
            await anext(first)
            await anext(second)
            await add(db, "Ada")
            for running in (first, second):
                assert [item async for item in running] == []
            await add(db, "Bob")
        assert await names(db) == ["Ada", "Bob"]

    with_db(work)


def test_a_select_in_a_block_sees_its_own_work(with_db: WithDb, staff: Table) -> None:
    async def work(db: AsyncDbConnector) -> None:
        with suppress(KeyError):
            async with transaction_context(db):
                await add(db, "Ada")
                found = await db.fetch_one(select(staff.c.name))
                assert found is not None
                assert found.name == "Ada"
                raise KeyError
        assert await db.fetch_one(select(staff)) is None

    with_db(work)
