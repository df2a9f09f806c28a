"""What is sent by hand inside a block, and what ends its transaction without an error."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


@pytest.fixture(params=["postgresql", "mysql"])
def any_server_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


ENDINGS = [
    "COMMIT",
    "COMMIT AND CHAIN",
    "ROLLBACK",
    "ROLLBACK WORK",
    "ROLLBACK AND CHAIN",
    "BEGIN",
    "START TRANSACTION READ ONLY",
    "/* all */ commit",
]


@pytest.mark.parametrize("statement", ENDINGS)
def test_a_transaction_is_not_ended_by_hand(db: DbConnector, people: Table, statement: str) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        with pytest.raises(TransactionUsageError, match="leave the block"):
            db.execute(text(statement))
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


def test_savepoints_by_hand_are_allowed(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("SAVEPOINT mark"))
        add(db, people, "Bob")
        db.execute(text("ROLLBACK TO mark"))
        db.execute(text("RELEASE SAVEPOINT mark"))
    assert names(db, people) == ["Ada"]


@pytest.mark.parametrize("end", ["ROLLBACK", "COMMIT"])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_transaction_that_the_driver_ended_is_no_success(
    db: DbConnector, people: Table, end: str, goes_on: bool
) -> None:
    with pytest.raises(DbExecutionError) as caught:
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            transaction.connection.connection.cursor().execute(end)
            if goes_on:
                with suppress(DbExecutionError):
                    add(db, people, "Bob")
                with suppress(DbExecutionError):
                    add(db, people, "Cleo")
    assert caught.value.kind == "aborted"
    assert "Cleo" not in names(db, people)


@pytest.mark.parametrize("way", ["commit", "rollback"])
def test_the_connection_of_a_block_ends_nothing(db: DbConnector, people: Table, way: str) -> None:
    with pytest.raises(DbExecutionError, match="by hand"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            with suppress(TransactionUsageError):
                getattr(transaction.connection, way)()
            with pytest.raises(DbExecutionError, match="aborted"):
                add(db, people, "Bob")
    assert names(db, people) == []


def test_several_statements_in_one_text_hide_no_commit(postgresql_url: str) -> None:
    with DbConnector(postgresql_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        for end in ("COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN"):
            with pytest.raises(DbExecutionError, match="ended inside"):
                with transaction_context(db):
                    db.execute(text(f"INSERT INTO t VALUES (1); {end}"))
                    with suppress(DbExecutionError):
                        db.execute(text("INSERT INTO t VALUES (2)"))
        assert db.fetch_all(text("SELECT * FROM t WHERE i = 2")) == []
        with transaction_context(db):
            db.execute(text("INSERT INTO t VALUES (3); INSERT INTO t VALUES (3)"))


def test_several_statements_in_one_text_hide_no_commit_from_asyncio(
    any_server_url: str,
) -> None:
    several = text("INSERT INTO t VALUES (1); COMMIT; BEGIN")

    async def main() -> None:
        async with AsyncDbConnector(any_server_url) as db:
            await db.execute(text("CREATE TABLE t (i INTEGER)"))
            with pytest.raises(DbExecutionError):
                async with transaction_context(db):
                    await db.execute(several)

    asyncio.run(main())


def test_tables_are_made_inside_a_transaction(db: DbConnector, people: Table) -> None:
    if db.dialect_name == "mysql":
        pytest.skip("MySQL commits before it makes a table: aborted then")
    with suppress(KeyError), transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        raise KeyError
    assert names(db, people) == []
    with transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("CREATE TABLE t (i INTEGER)"))
    assert names(db, people) == ["Ada"]
