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
        pytest.skip("MySQL commits before it makes a table: aborted, see below")
    with suppress(KeyError), transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        raise KeyError
    assert names(db, people) == []
    with transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("CREATE TABLE t (i INTEGER)"))
    assert names(db, people) == ["Ada"]


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE t (i INTEGER)", "TRUNCATE people", "CREATE OR REPLACE VIEW v AS SELECT 1"],
)
def test_a_commit_that_mysql_makes_by_itself_is_no_success(mysql_url: str, statement: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        with pytest.raises(DbExecutionError, match="as DDL does on MySQL") as caught:
            with transaction_context(db):
                db.execute(text("INSERT INTO people VALUES ('Ada')"))
                db.execute(text(statement))
                db.execute(text("INSERT INTO people VALUES ('Bob')"))
        assert caught.value.kind == "aborted"
        assert not caught.value.retryable
        assert db.fetch_all(text("SELECT * FROM people WHERE name = 'Bob'")) == []


@pytest.mark.parametrize("statement", ["SET autocommit = 1", "LOCK TABLES people WRITE"])
def test_mysql_is_not_told_to_commit_in_other_words(mysql_url: str, statement: str) -> None:
    with DbConnector(mysql_url) as db:
        with transaction_context(db), pytest.raises(TransactionUsageError):
            db.execute(text(statement))


def test_mysql_commits_nothing_for_temporary_tables_and_tables_made_first(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        with transaction_context(db):
            db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
            db.execute(text("INSERT INTO people VALUES ('Ada')"))
            db.execute(text("CREATE TEMPORARY TABLE t AS SELECT * FROM people"))
            db.execute(text("SET @x = 1"))
            db.execute(text("DROP TEMPORARY TABLE t"))
            db.execute(text("SAVEPOINT mark"))
            db.execute(text("ROLLBACK TO mark"))
        assert db.fetch_scalar(text("SELECT name FROM people")) == "Ada"


def test_a_procedure_that_commits_on_mysql_is_no_success(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        db.execute(
            text("CREATE PROCEDURE half() BEGIN COMMIT; INSERT INTO people VALUES ('Bob'); END")
        )
        with pytest.raises(DbExecutionError, match="ended inside"):
            with transaction_context(db):
                db.execute(text("INSERT INTO people VALUES ('Ada')"))
                db.execute(text("CALL half()"))


def test_a_procedure_that_commits_nothing_may_be_called(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        db.execute(text("CREATE PROCEDURE p() INSERT INTO people VALUES ('Bob')"))
        db.execute(text("CREATE PROCEDURE q() BEGIN SELECT 1; SELECT name FROM people; END"))
        with transaction_context(db):
            db.execute(text("CALL p()"))
            with suppress(KeyError), transaction_context(db, savepoint=True):
                db.execute(text("CALL p()"))
                raise KeyError
            assert db.fetch_all(text("CALL q()")) == [(1,)]
            db.execute(text("CALL p()"))
        assert len(db.fetch_all(text("SELECT name FROM people"))) == 2


@pytest.mark.parametrize("statement", ["CREATE TABLE t (i INTEGER)", "TRUNCATE people"])
def test_behind_a_proxy_a_table_made_first_is_no_success(mysql_url: str, statement: str) -> None:
    """The session commits each statement by itself there, once the transaction is over."""
    with DbConnector(mysql_url, proxy="rds") as db:
        db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        with pytest.raises(DbExecutionError, match="ended inside"):
            with transaction_context(db):
                db.execute(text(statement))
                with suppress(DbExecutionError):
                    db.execute(text("INSERT INTO people VALUES ('Ada')"))
        assert db.fetch_all(text("SELECT * FROM people")) == []
