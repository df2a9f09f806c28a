# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import (
    AbstractAsyncDbManager,
    AsyncDbConnector,
    DbConnector,
    transaction_context,
)
from saigon.orm.exceptions import DbExecutionError, MultipleRowsError, TransactionUsageError

WithDb = Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]


class Person(BaseModelNoExtra):
    id: int
    name: str
    boss: int | None


async def add(db: AsyncDbConnector, name: str) -> None:
    await db.execute(text("INSERT INTO people (name) VALUES (:name)"), {"name": name})


async def names(db: AsyncDbConnector) -> list[str]:
    return [row.name for row in await db.fetch_all(text("SELECT name FROM people ORDER BY name"))]


def test_statements_do_what_they_do_for_threads(with_async_db: WithDb, people: Table) -> None:
    async def work(db: AsyncDbConnector) -> None:
        assert (await db.execute(insert(people), {"name": "Ada"})).rowcount == 1
        await db.execute(insert(people), [{"name": "Bob"}, {"name": "Cleo"}])
        found = await db.fetch_one(select(people).where(people.c.name == "Ada"), model=Person)
        assert found == Person(id=1, name="Ada", boss=None)
        assert await db.fetch_one(select(people).where(people.c.id == 99)) is None
        with pytest.raises(MultipleRowsError):
            await db.fetch_one(select(people))
        everybody = await db.fetch_all(select(people).order_by(people.c.id), model=Person)
        assert [person.name for person in everybody] == ["Ada", "Bob", "Cleo"]
        assert await db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 3
        with pytest.raises(TransactionUsageError):
            await db.execute(insert(people), {"name": "Dan"}, require_transaction=True)
        with pytest.raises(DbExecutionError) as caught:
            await db.execute(insert(people), {"name": "Ada"})
        assert caught.value.kind == "unique"
        await db.ping()

    with_async_db(work)


def test_a_token_fits_both_connectors(
    with_async_db: WithDb, db: DbConnector, people: Table
) -> None:
    db.execute(insert(people), [{"name": f"{n:02}"} for n in range(7)])

    async def work(async_db: AsyncDbConnector) -> None:
        seen: list[str] = []
        token: str | None = None
        for turn in range(10):
            params: QueryDataParams[Any] = QueryDataParams(max_count=2, page_token=token)
            if turn % 2:
                page = db.fetch_page(Person, select(people), params, order_by=[people.c.name])
            else:
                page = await async_db.fetch_page(
                    Person, select(people), params, order_by=[people.c.name]
                )
            seen += [person.name for person in page]
            token = page.page_token
            if token is None:
                break
        assert seen == [f"{n:02}" for n in range(7)]

    with_async_db(work)


def test_a_manager_reads_its_tables(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        manager = AbstractAsyncDbManager(db)
        await add(db, "Ada")
        tables = await asyncio.gather(*(manager.table("people") for _ in range(4)))
        assert all(table is tables[0] for table in tables)
        assert await manager.get_entity(Person, "people", 1) == Person(id=1, name="Ada", boss=None)
        assert await manager.delete_entity("people", 1) is True
        assert await manager.delete_entity("people", 1) is False

    with_async_db(work)


def test_work_is_committed_or_rolled_back_as_one(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db):
            await add(db, "Ada")
            for name in ("Bob", "Ada"):
                with suppress(DbExecutionError):
                    async with transaction_context(db, savepoint=True):
                        await add(db, name + "x")
                        await add(db, name)
        with pytest.raises(KeyError):
            async with transaction_context(db):
                await add(db, "Cleo")
                raise KeyError
        assert await names(db) == ["Ada", "Bob", "Bobx"]

    with_async_db(work)


def test_a_swallowed_error_is_a_commit_without_it_or_an_error(with_async_db: WithDb) -> None:
    async def swallow(db: AsyncDbConnector) -> None:
        async with transaction_context(db):
            await add(db, "Bob")
            with suppress(DbExecutionError):
                await add(db, "Ada")

    async def work(db: AsyncDbConnector) -> None:
        await add(db, "Ada")
        if db.dialect_name != "postgresql":
            await swallow(db)
            assert await names(db) == ["Ada", "Bob"]
            return
        with pytest.raises(DbExecutionError) as caught:
            await swallow(db)
        assert caught.value.kind == "aborted"
        assert isinstance(caught.value.__cause__, DbExecutionError)
        assert caught.value.__cause__.kind == "unique"
        assert await names(db) == ["Ada"]

    with_async_db(work)


def test_a_read_only_block_refuses_to_write(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        with pytest.raises(DbExecutionError) as caught:
            async with transaction_context(db, read_only=True):
                await add(db, "Ada")
        assert caught.value.kind == "read_only"
        async with transaction_context(db, isolation="SERIALIZABLE"):
            await add(db, "Ada")

    with_async_db(work)


def test_connectors_of_both_kinds_do_not_mix_up_their_transactions(
    with_async_db: WithDb, db: DbConnector, people: Table
) -> None:
    """In each other, in one task, and in a thread that the task starts."""
    count = text("SELECT COUNT(*) FROM people")

    async def work(async_db: AsyncDbConnector) -> None:
        is_file = async_db.dialect_name == "sqlite"
        async with transaction_context(async_db, read_only=is_file):
            assert await async_db.fetch_scalar(count) == 0
            with transaction_context(db, read_only=is_file):
                assert await async_db.fetch_scalar(count) == 0
                if not is_file:  # there, one of the two would wait
                    await add(async_db, "Ada")
                    assert db.fetch_scalar(count) == 0
                    db.execute(insert(people), {"name": "Bob"})
                    assert await async_db.fetch_scalar(count) == 1
                with pytest.raises(TransactionUsageError, match="thread"):
                    await asyncio.to_thread(db.fetch_scalar, count)
            assert await asyncio.to_thread(db.fetch_scalar, count) == db.fetch_scalar(count)
        expected = [] if is_file else ["Ada", "Bob"]
        assert await names(async_db) == expected

    with_async_db(work)


def test_who_is_started_inside_a_block_has_no_part_in_it(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        async with transaction_context(db):
            await add(db, "Ada")
            results = await asyncio.gather(names(db), names(db), return_exceptions=True)
            assert [type(result) for result in results] == [TransactionUsageError] * 2
            if db.dialect_name != "sqlite":
                own = asyncio.create_task(add(db, "Bob"), context=contextvars.Context())
                await own
            await add(db, "Cleo")
        expected = ["Ada", "Cleo"] if db.dialect_name == "sqlite" else ["Ada", "Bob", "Cleo"]
        assert await names(db) == expected

    with_async_db(work)


def test_a_table_is_read_once_the_database_answers(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        tables = (await db.reflect(["people"], retries=2, backoff=0.01)).tables
        assert list(tables) == ["people"]

    with_async_db(work)
