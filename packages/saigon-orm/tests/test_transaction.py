# ruff: noqa: PT012  # the whole block must fail, that is what it is for
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_a_block_is_committed_at_its_end(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


def test_a_block_that_an_error_leaves_is_rolled_back(db: DbConnector, people: Table) -> None:
    with pytest.raises(KeyError), transaction_context(db):
        add(db, people, "Ada")
        raise KeyError
    assert names(db, people) == []


def test_an_empty_block_is_fine(db: DbConnector) -> None:
    with transaction_context(db):
        pass


def test_an_inner_block_joins(db: DbConnector, people: Table) -> None:
    with transaction_context(db) as outer:
        add(db, people, "Ada")
        with transaction_context(db) as inner:
            add(db, people, "Bob")
        assert inner == outer
    assert names(db, people) == ["Ada", "Bob"]


def test_an_inner_failure_that_is_caught_still_ends_the_whole(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError, match="KeyError") as caught, transaction_context(db):
        add(db, people, "Ada")
        with suppress(KeyError), transaction_context(db):
            add(db, people, "Bob")
            raise KeyError("Bob is a secret")
    assert caught.value.kind == "aborted"
    assert isinstance(caught.value.__cause__, KeyError)
    assert "secret" not in str(caught.value)
    assert names(db, people) == []


def test_a_savepoint_fails_by_itself(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        with suppress(DbExecutionError), transaction_context(db, savepoint=True):
            add(db, people, "Bob")
            add(db, people, "Ada")
        with transaction_context(db, savepoint=True):
            add(db, people, "Cleo")
    assert names(db, people) == ["Ada", "Cleo"]


def test_savepoints_nest(db: DbConnector, people: Table) -> None:
    with transaction_context(db, savepoint=True):
        with suppress(KeyError), transaction_context(db, savepoint=True):
            add(db, people, "Ada")
            with transaction_context(db, savepoint=True):
                add(db, people, "Bob")
            raise KeyError
        add(db, people, "Cleo")
    assert names(db, people) == ["Cleo"]


def test_a_failed_join_inside_a_savepoint_is_healed_by_it(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        with (
            pytest.raises(DbExecutionError, match="aborted"),
            transaction_context(db, savepoint=True),
        ):
            add(db, people, "Ada")
            with suppress(KeyError), transaction_context(db):
                raise KeyError
        add(db, people, "Bob")
    assert names(db, people) == ["Bob"]


def test_an_error_that_ends_the_transaction_is_never_a_success(
    db: DbConnector, people: Table
) -> None:
    add(db, people, "Ada")
    with pytest.raises(DbExecutionError) as caught, transaction_context(db):
        add(db, people, "Bob")
        with suppress(DbExecutionError):
            db.execute(text("INSERT OR ROLLBACK INTO people (name) VALUES ('Ada')"))
        with pytest.raises(DbExecutionError, match="aborted"):
            add(db, people, "Cleo")
    cause = caught.value.__cause__
    assert caught.value.kind == "aborted"
    assert isinstance(cause, DbExecutionError)
    assert cause.kind == "unique"
    assert names(db, people) == ["Ada"]


def test_two_connectors_have_two_transactions(db: DbConnector, people: Table) -> None:
    with DbConnector("sqlite://") as other:
        with transaction_context(other):
            other.execute(text("CREATE TABLE t (i INTEGER)"))
            with suppress(KeyError), transaction_context(db):
                add(db, people, "Ada")
                other.execute(text("INSERT INTO t VALUES (1)"))
                raise KeyError
        assert other.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 1
    assert names(db, people) == []


def test_a_read_only_block_refuses_to_write(db: DbConnector, people: Table) -> None:
    for _ in range(2):
        with pytest.raises(DbExecutionError) as caught, transaction_context(db, read_only=True):
            add(db, people, "Ada")
        assert caught.value.kind == "read_only"
        with transaction_context(db):
            add(db, people, "Bob")
            db.execute(text("DELETE FROM people"))


def test_a_join_cannot_change_the_transaction(db: DbConnector) -> None:
    with transaction_context(db, isolation="SERIALIZABLE", read_only=True):
        with (
            transaction_context(db, isolation="SERIALIZABLE"),
            transaction_context(db, read_only=True),
        ):
            pass
        with (
            pytest.raises(TransactionUsageError, match="isolation"),
            transaction_context(db, isolation="READ COMMITTED"),
        ):
            pass
    with (
        transaction_context(db),
        pytest.raises(TransactionUsageError, match="read-only"),
        transaction_context(db, read_only=True),
    ):
        pass
