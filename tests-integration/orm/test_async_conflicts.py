"""Tasks that are in each other's way."""

# the whole block must fail, that is what it is for
import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Table, insert, select, text, update

from saigon.orm.connection import (
    AsyncDbConnector,
    AsyncTransaction,
    transaction_context,
)

WithDb = Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]


async def names(db: AsyncDbConnector) -> list[str]:
    return [row.name for row in await db.fetch_all(text("SELECT name FROM people ORDER BY name"))]


async def crossing(db: AsyncDbConnector, people: Table, retries: int) -> list[Any]:
    """Let two tasks update two rows in opposite orders, and return how each ended."""
    meet = asyncio.Barrier(2)

    async def run(first: int) -> None:
        seen: list[int] = []

        async def work(_transaction: AsyncTransaction) -> None:
            await touch(first)
            if not seen:
                seen.append(first)
                await meet.wait()
            await touch(3 - first)

        await db.run_in_transaction(work, retries=retries)

    async def touch(key: int) -> None:
        await db.execute(update(people).where(people.c.id == key).values(boss=key))

    return list(await asyncio.gather(run(1), run(2), return_exceptions=True))


def test_a_deadlock_has_one_victim_and_is_healed_by_a_retry(
    with_async_db: WithDb, people: Table
) -> None:
    async def work(db: AsyncDbConnector) -> None:
        if db.dialect_name == "sqlite":
            return  # its writers wait for each other before they begin
        await db.execute(insert(people), [{"name": "Ada"}, {"name": "Bob"}])
        (error,) = [end for end in await crossing(db, people, retries=0) if end]
        assert (error.kind, error.retryable) == ("deadlock", True)
        assert await crossing(db, people, retries=5) == [None, None]

    with_async_db(work)


def test_a_serialization_failure_is_healed_by_a_retry(
    run_async: Callable[[Any], None], postgresql_url: str
) -> None:
    attempts: list[int] = []

    async def main() -> None:
        async with AsyncDbConnector(postgresql_url) as db:
            await db.execute(text("CREATE TABLE people AS SELECT 'Ada' AS name"))

            async def work(_transaction: AsyncTransaction) -> None:
                await names(db)
                if not attempts:
                    await asyncio.create_task(
                        db.execute(text("UPDATE people SET name = 'Bob'")),
                        context=contextvars.Context(),
                    )
                attempts.append(1)
                await db.execute(text("UPDATE people SET name = 'Cleo'"))

            await db.run_in_transaction(work, retries=1, isolation="REPEATABLE READ")
            assert await names(db) == ["Cleo"]

    run_async(main())
    assert len(attempts) == 2


def test_writers_of_many_tasks_lose_no_update(with_async_db: WithDb, people: Table) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), {"name": "0"})

        async def increment() -> None:
            for _ in range(5):
                async with transaction_context(db):
                    query = select(people.c.name).with_for_update()
                    count = int(await db.fetch_scalar(query))
                    await db.execute(update(people).values(name=str(count + 1)))

        await asyncio.gather(*(increment() for _ in range(6)))
        assert await names(db) == ["30"]

    with_async_db(work)
