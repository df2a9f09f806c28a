"""Errors of every sort, caught inside a block: its end is a commit of the rest, or an error."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError

Failure: TypeAlias = Callable[[DbConnector], object]


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def syntax(db: DbConnector) -> None:
    db.execute(text("SELEKT 1"))


def missing_table(db: DbConnector) -> None:
    db.fetch_all(text("SELECT * FROM nowhere"))


def unique(db: DbConnector) -> None:
    db.execute(text("INSERT INTO people (id, name) VALUES (2, 'Ada')"))


def foreign_key(db: DbConnector) -> None:
    db.execute(text("INSERT INTO people (id, name, boss) VALUES (3, 'Bob', 99)"))


def not_null(db: DbConnector) -> None:
    db.execute(text("INSERT INTO people (id, name) VALUES (4, NULL)"))


def several(db: DbConnector) -> None:
    rows = [{"name": "Dora"}, {"name": "Ada"}]
    db.execute(text("INSERT INTO people (name) VALUES (:name)"), rows)


def time_out(db: DbConnector) -> None:
    columns = ", ".join(f"information_schema.columns {alias}" for alias in "abc")
    slow = {
        "postgresql": ["SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)"],
        "mysql": [f"SET STATEMENT max_statement_time = 0.02 FOR SELECT COUNT(*) FROM {columns}"],
        "sqlite": ["SELEKT 1"],  # it has no time-out of statements
    }
    for statement in slow[db.dialect_name]:
        db.execute(text(statement))


FAILURES: list[Failure] = [
    syntax,
    missing_table,
    unique,
    foreign_key,
    not_null,
    several,
    time_out,
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("last", [False, True])
def test_an_error_of_a_statement_that_is_caught_costs_it_or_all(
    db: DbConnector, people: Table, failure: Failure, last: bool
) -> None:
    add(db, people, "Ada")

    def work() -> None:
        with transaction_context(db):
            add(db, people, "Bea")
            with pytest.raises(DbExecutionError) as first:
                failure(db)
            errors.append(first.value)
            if not last:
                add(db, people, "Cleo")

    errors: list[DbExecutionError] = []
    if db.dialect_name == "postgresql":
        with pytest.raises(DbExecutionError) as caught:
            work()
        assert caught.value.kind == "aborted"
        assert str(errors[0]) in str(caught.value)
        assert names(db, people) == ["Ada"]
    else:
        work()
        extra = ["Dora"] if failure is several and db.dialect_name == "sqlite" else []
        cleo = [] if last else ["Cleo"]
        assert names(db, people) == sorted(["Ada", "Bea", *cleo, *extra])


@pytest.mark.parametrize("failure", FAILURES)
def test_a_savepoint_heals_it_everywhere(db: DbConnector, people: Table, failure: Failure) -> None:
    add(db, people, "Ada")
    with transaction_context(db):
        add(db, people, "Bea")
        with pytest.raises(DbExecutionError) as caught, transaction_context(db, savepoint=True):
            failure(db)
        assert caught.value.kind != "aborted"
        add(db, people, "Cleo")
    assert names(db, people) == ["Ada", "Bea", "Cleo"]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_errors_are_undone_to_the_depth_at_which_they_are_caught(
    db: DbConnector, people: Table, depth: int
) -> None:
    add(db, people, "Ada")

    def level(left: int) -> None:
        with transaction_context(db, savepoint=True):
            add(db, people, f"level {left}")
            if left:
                level(left - 1)
            else:
                unique(db)

    def catching(left: int) -> None:
        with transaction_context(db, savepoint=True):
            add(db, people, f"kept {left}")
            if left:
                catching(left - 1)
            else:
                with suppress(DbExecutionError):
                    level(depth)

    with transaction_context(db):
        catching(depth)
        add(db, people, "last")
    assert names(db, people) == ["Ada", *(f"kept {n}" for n in range(depth + 1)), "last"]


def test_a_lost_connection_that_is_caught_is_no_success(db: DbConnector, people: Table) -> None:
    if db.dialect_name == "sqlite":
        pytest.skip("a connection to a file is not lost")
    own, kill = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mysql": ("SELECT CONNECTION_ID()", "KILL {}"),
    }[db.dialect_name]
    with pytest.raises(DbExecutionError) as caught, transaction_context(db):
        add(db, people, "Ada")
        session = db.fetch_scalar(text(own))
        with DbConnector(db.engine.url) as other:
            with suppress(DbExecutionError):
                other.execute(text(kill.format(session)))
        with pytest.raises(DbExecutionError) as lost:
            add(db, people, "Bob")
        assert lost.value.kind == "connection"
        with pytest.raises(DbExecutionError, match="aborted"):
            add(db, people, "Cleo")
        with suppress(DbExecutionError), transaction_context(db, savepoint=True):
            add(db, people, "Dora")
    assert caught.value.kind == "aborted"
    assert caught.value.__cause__ is not None
    assert names(db, people) == []


def test_nothing_is_asked_again_in_a_transaction_whose_connection_is_lost(
    postgresql_url: str,
) -> None:
    with DbConnector(postgresql_url) as db, pytest.raises(DbExecutionError) as caught:
        with transaction_context(db):
            session = db.fetch_scalar(text("SELECT pg_backend_pid()"))
            with DbConnector(postgresql_url) as other:
                other.execute(text(f"SELECT pg_terminate_backend({session})"))
            db.reflect(retries=3, backoff=0)
    assert caught.value.kind == "connection"


def test_a_connection_that_is_lost_unseen_is_no_success(db: DbConnector, people: Table) -> None:
    if db.dialect_name == "sqlite":
        pytest.skip("a connection to a file is not lost")
    with pytest.raises(DbExecutionError) as caught, transaction_context(db) as transaction:
        add(db, people, "Ada")
        driver = transaction.connection.connection.driver_connection
        assert driver is not None
        driver.close()
    assert caught.value.kind in {"aborted", "connection", "other"}
    assert names(db, people) == []


def test_an_error_of_python_between_two_statements_costs_nothing(
    db: DbConnector, people: Table
) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        with suppress(ZeroDivisionError):
            raise ZeroDivisionError
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_rolls_back_and_goes_on(
    db: DbConnector, people: Table, interrupt: type[BaseException]
) -> None:
    for savepoint in (False, True):
        with pytest.raises(interrupt), transaction_context(db):
            add(db, people, "Ada")
            with transaction_context(db, savepoint=savepoint):
                raise interrupt
    with pytest.raises(DbExecutionError, match="aborted"), transaction_context(db):
        with suppress(interrupt), transaction_context(db):
            add(db, people, "Ada")
            raise interrupt
    assert names(db, people) == []
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool
