"""A unit of work as a coroutine function: run again, and decorated."""

# the whole block must fail, that is what it is for
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

import pytest
from sqlalchemy import text

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
