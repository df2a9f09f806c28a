"""Errors that a trigger raises, caught inside a block."""

# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError

Failure: TypeAlias = Callable[[DbConnector], object]


@pytest.mark.parametrize("action", ["ROLLBACK", "ABORT", "FAIL"])
def test_a_trigger_of_sqlite_that_rolls_back_is_no_success(sqlite_url: str, action: str) -> None:
    with DbConnector(sqlite_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        db.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON t WHEN new.i < 0 "
                f"BEGIN SELECT RAISE({action}, 'no'); END"
            )
        )

        def work() -> None:
            with transaction_context(db):
                db.execute(text("INSERT INTO t VALUES (1)"))
                with suppress(DbExecutionError):
                    db.execute(text("INSERT INTO t VALUES (-1)"))
                with suppress(DbExecutionError):
                    db.execute(text("INSERT INTO t VALUES (2)"))

        if action == "ROLLBACK":
            with pytest.raises(DbExecutionError, match="aborted"):
                work()
            assert db.fetch_all(text("SELECT i FROM t")) == []
        else:
            work()
            assert db.fetch_all(text("SELECT i FROM t")) == [(1,), (2,)]


@pytest.mark.parametrize("raw", [False, True])
def test_a_trigger_of_postgresql_that_raises_is_no_success(postgresql_url: str, raw: bool) -> None:
    with DbConnector(postgresql_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        db.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN RAISE EXCEPTION 'no'; END$$"
            )
        )
        db.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW WHEN (new.i < 0) "
                "EXECUTE FUNCTION refuse()"
            )
        )
        with pytest.raises(DbExecutionError, match="aborted"):
            with transaction_context(db) as transaction:
                db.execute(text("INSERT INTO t VALUES (1)"))
                bad = text("INSERT INTO t VALUES (-1)")
                with suppress(DbExecutionError, SQLAlchemyError):
                    transaction.connection.execute(bad) if raw else db.execute(bad)
        assert db.fetch_all(text("SELECT i FROM t")) == []
