# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text, update

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import (
    AbstractAsyncDbManager,
    AsyncDbConnector,
    AsyncTransaction,
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


def test_a_table_is_read_once_the_database_answers(with_async_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        tables = (await db.reflect(["people"], retries=2, backoff=0.01)).tables
        assert list(tables) == ["people"]

    with_async_db(work)


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
