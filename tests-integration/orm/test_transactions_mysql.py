"""Statements with which MySQL and MariaDB commit by themselves, and such with which not."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import text

from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


@pytest.fixture
def db(mysql_url: str) -> Iterator[DbConnector]:
    with DbConnector(mysql_url) as connector:
        connector.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        yield connector


def add(db: DbConnector, name: str) -> None:
    db.execute(text("INSERT INTO people VALUES (:name)"), {"name": name})


def names(db: DbConnector) -> list[str]:
    return [row.name for row in db.fetch_all(text("SELECT name FROM people ORDER BY name"))]


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


@pytest.mark.parametrize(
    "statement",
    ["SET autocommit = 1", "LOCK TABLES people WRITE", "lock table people read"],
)
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


@pytest.mark.parametrize("comment", ["", "/* shop */ ", "-- shop\n", "# shop\n"])
def test_a_procedure_that_commits_on_mysql_is_no_success(mysql_url: str, comment: str) -> None:
    with DbConnector(mysql_url) as db:
        db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
        db.execute(
            text("CREATE PROCEDURE half() BEGIN COMMIT; INSERT INTO people VALUES ('Bob'); END")
        )
        with pytest.raises(DbExecutionError, match="ended inside"):
            with transaction_context(db):
                db.execute(text("INSERT INTO people VALUES ('Ada')"))
                db.execute(text(f"{comment}CALL half()"))


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


@pytest.mark.parametrize("statement", ["ANALYZE TABLE people", "OPTIMIZE TABLE people"])
def test_a_commit_before_an_answer_in_rows_is_no_success(db: DbConnector, statement: str) -> None:
    with pytest.raises(DbExecutionError, match="ended inside"):
        with transaction_context(db):
            add(db, "Ada")
            db.fetch_all(text(statement))
            with suppress(DbExecutionError):
                add(db, "Bob")
    assert names(db) == ["Ada"]


def test_a_commit_among_other_settings_is_no_success(db: DbConnector) -> None:
    with pytest.raises(DbExecutionError, match="ended inside"):
        with transaction_context(db):
            db.execute(text("SET @x = 1, autocommit = 1"))
            with suppress(DbExecutionError):
                add(db, "Ada")
    assert names(db) == []


def test_a_session_that_was_told_to_commit_each_statement_still_has_blocks(
    db: DbConnector,
) -> None:
    db.execute(text("SET autocommit = 1"))
    with pytest.raises(KeyError), transaction_context(db):
        add(db, "Ada")
        raise KeyError
    assert names(db) == []


def test_a_session_of_asyncio_that_was_told_so_still_has_blocks(mysql_url: str) -> None:
    async def main() -> None:
        async with AsyncDbConnector(mysql_url) as db:
            await db.execute(text("CREATE TABLE people (name VARCHAR(50))"))
            await db.execute(text("SET autocommit = 1"))
            with pytest.raises(KeyError):
                async with transaction_context(db):
                    await db.execute(text("INSERT INTO people VALUES ('Ada')"))
                    raise KeyError
            assert await db.fetch_all(text("SELECT * FROM people")) == []

    asyncio.run(main())


def test_an_engine_may_be_told_to_commit_each_statement(db: DbConnector) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("INSERT INTO people VALUES ('Ada')"))
    assert names(db) == ["Ada"]


def test_too_many_locks_cost_the_whole_transaction(db: DbConnector) -> None:
    with pytest.raises(DbExecutionError, match="aborted") as caught, transaction_context(db):
        with suppress(DbExecutionError), transaction_context(db, savepoint=True):
            db.execute(text("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1206"))
    assert getattr(caught.value.__cause__, "error_code", None) == 1206
