"""What ends a transaction on its connection, beside its block."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_such_an_error_on_the_raw_connection_counts_too(db: DbConnector, people: Table) -> None:
    add(db, people, "Ada")
    with pytest.raises(DbExecutionError, match="aborted"), transaction_context(db) as transaction:
        statement = text("INSERT OR ROLLBACK INTO people (name) VALUES ('Ada')")
        with suppress(SQLAlchemyError):
            transaction.connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "COMMIT",
        "rollback",
        " ; /* all */ END -- now",
        "-- all\nCOMMIT TRANSACTION",
        "ROLLBACK TRANSACTION",
        "BEGIN IMMEDIATE",
    ],
)
def test_a_transaction_is_not_ended_by_hand(db: DbConnector, people: Table, statement: str) -> None:
    with transaction_context(db) as transaction:
        add(db, people, "Ada")
        with pytest.raises(TransactionUsageError, match="leave the block"):
            db.execute(text(statement))
        with pytest.raises(TransactionUsageError, match="leave the block"):
            transaction.connection.exec_driver_sql(statement)
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


@pytest.mark.parametrize("statement", ["ROLLBACK TO mark", "ROLLBACK TRANSACTION TO mark"])
def test_savepoints_by_hand_are_allowed(db: DbConnector, people: Table, statement: str) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("SAVEPOINT mark"))
        add(db, people, "Bob")
        db.execute(text(statement))
    assert names(db, people) == ["Ada"]


def test_a_transaction_that_the_driver_ended_is_no_success(db: DbConnector, people: Table) -> None:
    for end in ("ROLLBACK", "COMMIT"):
        with pytest.raises(DbExecutionError, match="ended inside"):
            with transaction_context(db) as transaction:
                transaction.connection.connection.cursor().execute(end)
                with suppress(DbExecutionError):
                    db.fetch_scalar(text("SELECT 1"))
                with pytest.raises(DbExecutionError, match="aborted"):
                    add(db, people, "Ada")
    assert names(db, people) == []


def test_a_transaction_that_the_driver_ended_last_is_no_success(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError, match="no open transaction"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            transaction.connection.connection.cursor().execute("ROLLBACK")
    assert names(db, people) == []


def test_a_commit_by_hand_commits_nothing(db: DbConnector, people: Table) -> None:
    with pytest.raises(DbExecutionError, match="by hand"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            with pytest.raises(TransactionUsageError, match="at its end"):
                transaction.connection.commit()
    assert names(db, people) == []
    add(db, people, "Bob")
    assert names(db, people) == ["Bob"]


def test_a_rollback_by_hand_is_no_success(db: DbConnector, people: Table) -> None:
    with pytest.raises(DbExecutionError, match="by hand"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            transaction.connection.rollback()
            with pytest.raises(DbExecutionError, match="by hand"):
                add(db, people, "Bob")
    assert names(db, people) == []


def test_a_connection_that_is_taken_from_the_pool_is_watched_on(file_db: DbConnector) -> None:
    file_db.execute(text("CREATE TABLE t (i INTEGER)"))
    with transaction_context(file_db) as transaction:
        transaction.connection.detach()
        file_db.execute(text("INSERT INTO t VALUES (1)"))
    assert file_db.fetch_scalar(text("SELECT i FROM t")) == 1


def test_errors_of_the_raw_connection_leave_the_block_translated(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError) as caught, transaction_context(db) as transaction:
        transaction.connection.execute(insert(people), {"name": None})
    assert caught.value.kind == "not_null"
