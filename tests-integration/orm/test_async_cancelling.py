# ruff: noqa: PT012  # the whole block must fail, that is what it is for
"""Cancelled tasks leave neither half of their work nor a connection behind."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from sqlalchemy import text

from saigon.orm.connection import AsyncDbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError

Run = Callable[[Any], None]
ADD = text("INSERT INTO people (name) VALUES (:name)")
COUNT = text("SELECT COUNT(*) FROM people")


@asynccontextmanager
async def narrow(url: str) -> AsyncIterator[AsyncDbConnector]:
    """Give a connector of one connection, which must be free at the end."""
    async with AsyncDbConnector(url, pool_size=1, max_overflow=0, pool_timeout=5) as db:
        yield db
        assert "checked out connections: 0" in db.engine.pool.status().lower()


async def block(db: AsyncDbConnector) -> None:
    async with transaction_context(db):
        await db.execute(ADD, {"name": "Ada"})
        async with transaction_context(db, savepoint=True):
            await db.execute(ADD, {"name": "Bob"})
        async with aclosing(db.fetch_iter(text("SELECT * FROM people"))) as rows:
            async for _ in rows:
                break


async def single(db: AsyncDbConnector) -> None:
    await db.execute(text("INSERT INTO people (name) VALUES ('Ada'), ('Bob')"))


async def once(task: "asyncio.Task[None]") -> None:
    task.cancel()


async def twice(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()


async def again_and_again(task: "asyncio.Task[None]") -> None:
    """Cancel as anyio's scopes do."""
    for _ in range(1_000):
        if task.done():
            break
        task.cancel()
        await asyncio.sleep(0)


@pytest.mark.parametrize("cancel", [once, twice, again_and_again])
@pytest.mark.parametrize("work", [block, single])
def test_a_cancelled_task_leaves_nothing_behind(
    database_url: str,
    people: Any,
    run_async: Run,
    cancel: Callable[["asyncio.Task[None]"], Awaitable[None]],
    work: Callable[[AsyncDbConnector], Awaitable[None]],
) -> None:
    """It is cancelled a little later each time, until it comes to its end before."""

    async def main() -> None:
        async with narrow(database_url) as db:
            cancelled, delay = True, 0.0
            while cancelled:
                task = asyncio.ensure_future(work(db))
                await asyncio.wait([task], timeout=delay)
                await cancel(task)
                await asyncio.wait([task])
                cancelled = task.cancelled()
                delay = 1.1 * delay + 0.0005
                assert await db.fetch_scalar(COUNT) in {0, 2}  # all of it, or nothing
                await db.execute(text("DELETE FROM people"))

    run_async(main())


def test_a_scope_that_is_cancelled_leaves_nothing_behind(
    database_url: str, people: Any, run_async: Run
) -> None:
    """It cancels again and again, and yet the connection is kept."""

    async def main() -> None:
        async with narrow(database_url) as db:
            before = await session_of(db)
            for _ in range(3):
                with anyio.CancelScope() as scope:
                    async with transaction_context(db):
                        await db.execute(ADD, {"name": "Ada"})
                        scope.deadline = anyio.current_time()  # the statement would lose it
                        await anyio.sleep_forever()
                assert await db.fetch_scalar(COUNT) == 0
            assert await session_of(db) == before

    run_async(main())


@pytest.mark.parametrize("swallow", [False, True])
def test_a_statement_that_takes_too_long_is_given_up(
    database_url: str, people: Any, run_async: Run, swallow: bool
) -> None:
    slow = {
        "postgresql": "SELECT pg_sleep(60)",
        "mysql": "SELECT SLEEP(60)",
        "sqlite": (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
        ),
    }

    async def main() -> None:
        async with narrow(database_url) as db:
            statement = text(slow[db.dialect_name])
            kind: type[BaseException] = DbExecutionError if swallow else TimeoutError
            before = time.monotonic()
            with pytest.raises(kind) as caught:
                async with transaction_context(db):
                    await db.execute(ADD, {"name": "Ada"})
                    with suppress(TimeoutError) if swallow else contextlib.nullcontext():
                        async with asyncio.timeout(0.2):
                            await db.execute(statement)
            assert time.monotonic() - before < 10
            if isinstance(caught.value, DbExecutionError):
                assert caught.value.kind == "aborted"
                assert "CancelledError" in str(caught.value)
            assert await db.fetch_scalar(COUNT) == 0

    run_async(main())


def test_who_waits_for_a_connection_may_be_cancelled(
    database_url: str, people: Any, run_async: Run
) -> None:
    async def main() -> None:
        async with narrow(database_url) as db:
            holding = asyncio.Event()

            async def hold() -> None:
                async with transaction_context(db):
                    await db.execute(ADD, {"name": "Ada"})
                    holding.set()
                    await asyncio.Event().wait()

            holder = asyncio.create_task(hold())
            await holding.wait()
            waiters = [asyncio.create_task(single(db)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in (*waiters, holder):
                task.cancel()
            await asyncio.wait([*waiters, holder])
            assert await db.fetch_scalar(COUNT) == 0

    run_async(main())


async def session_of(db: AsyncDbConnector) -> int:
    calls = {"postgresql": "pg_backend_pid()", "mysql": "CONNECTION_ID()", "sqlite": "0"}
    call = calls[db.dialect_name]
    return int(await db.fetch_scalar(text(f"SELECT {call}")))
