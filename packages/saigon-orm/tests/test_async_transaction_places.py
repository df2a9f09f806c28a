"""Where a transaction of asyncio may be used."""

# the whole block must fail, that is what it is for
import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from saigon.orm.connection import (
    AsyncDbConnector,
    DbConnector,
    transaction_context,
)
from saigon.orm.exceptions import TransactionUsageError

Work = Callable[[AsyncDbConnector], Awaitable[None]]
WithDb = Callable[[Work], None]


async def names(db: AsyncDbConnector) -> list[str]:
    return [row.name for row in await db.fetch_all(text("SELECT name FROM staff ORDER BY name"))]


async def add(db: AsyncDbConnector, name: str) -> None:
    await db.execute(text("INSERT INTO staff (name) VALUES (:name)"), {"name": name})


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
