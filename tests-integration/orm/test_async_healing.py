# ruff: noqa: PT012  # the whole block must fail, that is what it is for
"""Killed sessions, refused logins and many event loops."""

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from saigon.model.interface import DbLogin
from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
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


async def single(db: AsyncDbConnector) -> None:
    await db.execute(text("INSERT INTO people (name) VALUES ('Ada'), ('Bob')"))


class Slow:
    """A provider that blocks, and knows the login only when it is asked again."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.asked: list[bool] = []

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        self.asked.append(refresh)
        time.sleep(0.5)
        name = (self._url.username or "") if refresh else "nobody_of_that_name"
        return DbLogin(name, SecretStr(self._url.password or ""))


def test_a_loop_turns_while_others_wait(database_url: str, people: Any, run_async: Run) -> None:
    """For the pool, a provider that blocks, a login that is refused first."""
    gaps: list[float] = []
    provider = Slow(database_url)

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - before)

    async def main() -> None:
        async with AsyncDbConnector(
            database_url,
            credentials_provider=provider,
            pool_size=1,
            max_overflow=0,
            pool_timeout=0.3,
        ) as db:
            ticking = asyncio.create_task(tick())
            async with transaction_context(db):
                await db.execute(ADD, {"name": "Ada"})
                waiting = asyncio.create_task(single(db), context=contextvars.Context())
                with pytest.raises(DbExecutionError, match="held longest by task") as caught:
                    await waiting
                assert caught.value.kind == "timeout"
            ticking.cancel()
            await asyncio.wait([ticking])
        assert max(gaps) < 0.3
        assert provider.asked == ([] if db.dialect_name == "sqlite" else [False, True])

    run_async(main())


def kill(url: str, session: int) -> None:
    engine = create_engine(url, poolclass=NullPool)
    command = {
        "postgresql": f"SELECT pg_terminate_backend({session}, 5000)",
        "mysql": f"KILL {session}",
    }[engine.dialect.name]
    with engine.begin() as connection:
        connection.execute(text(command))


async def session_of(db: AsyncDbConnector) -> int:
    calls = {"postgresql": "pg_backend_pid()", "mysql": "CONNECTION_ID()", "sqlite": "0"}
    call = calls[db.dialect_name]
    return int(await db.fetch_scalar(text(f"SELECT {call}")))


def test_a_killed_session_heals_unseen_or_ends_its_transaction(
    database_url: str, people: Any, run_async: Run
) -> None:
    async def main() -> None:
        async with narrow(database_url) as db:
            if db.dialect_name == "sqlite":
                return
            before = await session_of(db)
            kill(database_url, before)
            assert await session_of(db) != before
            with pytest.raises(DbExecutionError) as caught:
                async with transaction_context(db):
                    await db.execute(ADD, {"name": "Ada"})
                    kill(database_url, await session_of(db))
                    with suppress(DbExecutionError):
                        await db.execute(ADD, {"name": "Bob"})
            assert caught.value.kind == "aborted"
            assert await db.fetch_scalar(COUNT) == 0

    run_async(main())


def test_each_event_loop_has_connections_of_its_own(database_url: str, people: Any) -> None:
    """One after the other, and in threads at the same time, closed or left open."""
    db = AsyncDbConnector(database_url, pool_size=1, max_overflow=0)
    start = threading.Barrier(3)

    async def use() -> None:
        for _ in range(3):
            async with transaction_context(db, read_only=True):
                assert await db.fetch_scalar(COUNT) == 0
            await asyncio.sleep(0)
        await db.dispose()

    def in_thread() -> None:
        start.wait()
        asyncio.run(use())

    for _ in range(3):
        asyncio.run(use())
    threads = [threading.Thread(target=in_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db._core._engines == {}
    asyncio.run(use())


def test_blocking_and_asyncio_connectors_lose_no_update(database_url: str, run_async: Run) -> None:
    with DbConnector(database_url) as db:
        db.execute(text("CREATE TABLE counter (n INTEGER)"))
        db.execute(text("INSERT INTO counter VALUES (0)"))
        read = text("SELECT n FROM counter" + " FOR UPDATE" * (db.dialect_name != "sqlite"))
        write = text("UPDATE counter SET n = :n")

        def increment() -> None:
            with transaction_context(db):
                db.execute(write, {"n": db.fetch_scalar(read) + 1})

        async def increment_too(async_db: AsyncDbConnector) -> None:
            async with transaction_context(async_db):
                await async_db.execute(write, {"n": await async_db.fetch_scalar(read) + 1})

        async def main() -> None:
            async with AsyncDbConnector(database_url) as async_db:
                for _ in range(5):
                    await asyncio.gather(
                        *(asyncio.to_thread(increment) for _ in range(4)),
                        *(increment_too(async_db) for _ in range(4)),
                    )

        run_async(main())
        assert db.fetch_scalar(text("SELECT n FROM counter")) == 40
