# ruff: noqa: PT012  # the whole block must fail, that is what it is for
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm.connection import (
    AsyncDbConnector,
    DbConnector,
    transaction_context,
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
