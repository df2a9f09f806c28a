"""Blocks that a generator holds open."""

# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_a_generator_holds_its_block_open_for_the_code_around_it(
    db: DbConnector, people: Table
) -> None:
    def block() -> Generator[None, None, None]:
        with transaction_context(db):
            add(db, people, "Ada")
            yield
            add(db, people, "Bob")

    running = block()
    next(running)
    add(db, people, "Cleo")
    assert list(running) == []
    assert names(db, people) == ["Ada", "Bob", "Cleo"]
    abandoned = block()
    db.execute(people.delete())
    next(abandoned)
    abandoned.close()
    assert names(db, people) == []


def test_an_async_generator_holds_its_block_open_in_its_task(
    db: DbConnector, people: Table
) -> None:
    async def block() -> AsyncIterator[None]:
        with transaction_context(db):
            add(db, people, "Ada")
            yield

    async def main() -> None:
        async for _ in block():
            add(db, people, "Bob")
        assert names(db, people) == ["Ada", "Bob"]
        db.execute(people.delete())
        running = block()
        await asyncio.create_task(anext(running))  # type: ignore[arg-type]  # a coroutine
        with pytest.raises(TransactionUsageError, match="task"):
            await anext(running)

    asyncio.run(main())
    assert names(db, people) == []


def test_savepoints_of_generators_that_overlap_are_no_success(
    db: DbConnector, people: Table
) -> None:
    def block(name: str) -> Iterator[None]:
        with transaction_context(db, savepoint=True):
            add(db, people, name)
            yield

    with pytest.raises(DbExecutionError, match="overlap"), transaction_context(db):
        first, second = block("Ada"), block("Bob")
        next(first)
        next(second)
        with pytest.raises(TransactionUsageError, match="inner one"):
            next(first)
        with suppress(DbExecutionError):
            next(second)
    assert names(db, people) == []
