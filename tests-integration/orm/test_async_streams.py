"""Rows that asyncio reads one after the other."""

# the whole block must fail, that is what it is for
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.model import BaseModelNoExtra
from saigon.orm.connection import (
    AsyncDbConnector,
    transaction_context,
)
from saigon.orm.exceptions import TransactionUsageError

WithDb = Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]


class Person(BaseModelNoExtra):
    id: int
    name: str
    boss: int | None


async def add(db: AsyncDbConnector, name: str) -> None:
    await db.execute(text("INSERT INTO people (name) VALUES (:name)"), {"name": name})


@pytest.mark.parametrize("in_block", [False, True])
def test_a_stream_is_read_in_batches_and_may_be_left_early(
    with_async_db: WithDb, people: Table, in_block: bool
) -> None:
    async def read(db: AsyncDbConnector) -> None:
        rows = [row.id async for row in db.fetch_iter(select(people).order_by(people.c.id))]
        assert rows == list(range(1, 3_001))
        async with aclosing(db.fetch_iter(select(people), model=Person)) as stream:
            async for person in stream:
                assert isinstance(person, Person)
                break
        assert await db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 3_000

    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
        if in_block:
            async with transaction_context(db):
                await read(db)
        else:
            await read(db)

    with_async_db(work)


def test_a_stream_on_mysql_has_its_connection_to_itself(
    with_async_db: WithDb, people: Table
) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
        async with transaction_context(db):
            stream = db.fetch_iter(select(people))
            await anext(stream)
            if db.dialect_name == "mysql":
                with pytest.raises(TransactionUsageError, match="fetch_iter"):
                    await db.fetch_scalar(text("SELECT 1"))
            else:
                assert await db.fetch_scalar(text("SELECT 1")) == 1
            await stream.aclose()
            assert await db.fetch_scalar(text("SELECT 1")) == 1

    with_async_db(work)


def test_a_stream_that_is_not_read_to_its_end_does_not_hinder_the_commit(
    with_async_db: WithDb, people: Table
) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
        async with transaction_context(db):
            await add(db, "Ada")
            stream = db.fetch_iter(select(people))
            await anext(stream)
        with pytest.raises(TransactionUsageError):
            [row async for row in stream]
        assert await db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 3_001

    with_async_db(work)


async def abandon(db: AsyncDbConnector) -> None:
    async for _ in db.fetch_iter(text("SELECT * FROM people")):
        break


def test_a_stream_that_nobody_ends_gives_back_its_connection(
    with_async_db: WithDb, people: Table
) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
        for _ in range(4):  # more often than there are connections
            await abandon(db)
        await asyncio.sleep(0)  # the loop makes tasks that end them
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    with_async_db(work)


def test_a_stream_that_nobody_ends_does_not_disturb_its_transaction(
    with_async_db: WithDb, people: Table
) -> None:
    """A task of the loop's ends it, while statements of the block's own go on."""

    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(people), [{"name": str(n)} for n in range(20_000)])
        async with transaction_context(db):
            await abandon(db)
            refused = True
            while refused:
                await asyncio.sleep(0)
                try:
                    assert await db.fetch_scalar(text("SELECT 1")) == 1
                    refused = False
                except TransactionUsageError:  # MySQL is still sending
                    assert db.dialect_name == "mysql"
            await add(db, "Ada")
        assert await db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 20_001

    with_async_db(work)
