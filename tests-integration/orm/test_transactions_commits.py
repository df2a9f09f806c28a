"""Errors that come at the commit itself."""

# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import sqlite3
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from saigon.orm.connection import DbConnector, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError


@pytest.fixture
def duty(postgresql_url: str) -> Iterator[DbConnector]:
    """Give a database with two doctors on call, of whom one has to stay."""
    with DbConnector(postgresql_url) as db:
        db.execute(text("CREATE TABLE doctors (name TEXT PRIMARY KEY, on_call BOOLEAN)"))
        db.execute(text("INSERT INTO doctors VALUES ('Ada', true), ('Bob', true)"))
        yield db


def test_a_deferred_constraint_fails_the_commit(postgresql_url: str) -> None:
    with DbConnector(postgresql_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        for _ in range(2):
            with pytest.raises(DbExecutionError) as caught, transaction_context(db):
                db.execute(text("INSERT INTO t VALUES (1)"))
                with transaction_context(db, savepoint=True):
                    db.execute(text("INSERT INTO t VALUES (1)"))
            assert (caught.value.kind, caught.value.constraint) == ("unique", "t_i_key")
        with pytest.raises(DbExecutionError) as caught:
            db.execute(text("INSERT INTO t VALUES (1), (1)"))
        assert caught.value.kind == "unique"
        assert db.fetch_all(text("SELECT * FROM t")) == []
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool


def leave(
    db: DbConnector, names: tuple[str, str], attempts: list[int], *, retries: int
) -> list[DbExecutionError]:
    """Let two doctors leave at once, each having seen that the other stays."""
    meet, errors = threading.Barrier(2, timeout=20), list[DbExecutionError]()

    def work(name: str, seen: list[int]) -> None:
        attempts.append(1)
        on_call = db.fetch_scalar(text("SELECT count(*) FROM doctors WHERE on_call"))
        if not seen:
            seen.append(1)
            meet.wait()
        if on_call > 1:
            leaving = text("UPDATE doctors SET on_call = false WHERE name = :name")
            db.execute(leaving, {"name": name})
            if len(seen) == 1:
                seen.append(2)
                meet.wait()

    def run(name: str) -> None:
        seen: list[int] = []

        def attempt(_transaction: Transaction) -> None:
            work(name, seen)

        try:
            db.run_in_transaction(attempt, retries=retries, isolation="SERIALIZABLE")
        except DbExecutionError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_write_skew_fails_the_commit_of_one(duty: DbConnector) -> None:
    (error,) = leave(duty, ("Ada", "Bob"), [], retries=0)
    assert (error.kind, error.sqlstate, error.retryable) == ("serialization", "40001", True)
    assert duty.fetch_scalar(text("SELECT count(*) FROM doctors WHERE on_call")) == 1


def test_write_skew_is_healed_by_a_retry(duty: DbConnector) -> None:
    attempts: list[int] = []
    assert leave(duty, ("Ada", "Bob"), attempts, retries=3) == []
    assert len(attempts) == 3
    assert duty.fetch_scalar(text("SELECT count(*) FROM doctors WHERE on_call")) == 1


@pytest.mark.parametrize("alone", [False, True])
def test_a_commit_that_sqlite_refuses_is_rolled_back(sqlite_url: str, alone: bool) -> None:
    """A reader holds its lock for longer than the writer waits; then it goes away."""
    with DbConnector(f"{sqlite_url}?timeout=0.05") as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        db.execute(text("INSERT INTO t VALUES (0)"))
        reader = sqlite3.connect(str(db.engine.url.database))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(DbExecutionError) as caught:
            if alone:
                db.execute(text("INSERT INTO t VALUES (1)"))
            else:
                with transaction_context(db):
                    db.execute(text("INSERT INTO t VALUES (1)"))
        assert caught.value.kind == "timeout"
        reader.close()
        assert db.fetch_all(text("SELECT i FROM t")) == [(0,)]
        db.execute(text("INSERT INTO t VALUES (2)"))
        with DbConnector(sqlite_url) as other:
            assert other.fetch_all(text("SELECT i FROM t")) == [(0,), (2,)]


def test_a_changed_record_of_mariadb_is_healed_by_a_retry(mysql_url: str) -> None:
    with DbConnector(mysql_url) as db:
        if "mariadb" not in str(db.fetch_scalar(text("SELECT VERSION()"))).lower():
            pytest.skip("MySQL has no snapshot isolation: it reads the new record")
        db.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)"))
        db.execute(text("INSERT INTO t VALUES (1, 0)"))
        errors: list[DbExecutionError] = []

        def work(_transaction: Transaction) -> None:
            db.execute(text("SET SESSION innodb_snapshot_isolation = ON"))
            n = db.fetch_scalar(text("SELECT n FROM t"))
            if not errors:
                other = threading.Thread(target=lambda: db.execute(text("UPDATE t SET n = 10")))
                other.start()
                other.join()
            try:
                db.execute(text("UPDATE t SET n = :n"), {"n": n + 1})
            except DbExecutionError as exc:
                errors.append(exc)
                with pytest.raises(DbExecutionError, match="aborted"):
                    db.execute(text("UPDATE t SET n = 99"))

        db.run_in_transaction(work, retries=2, isolation="REPEATABLE READ")
        assert [(error.kind, error.error_code) for error in errors] == [("serialization", 1020)]
        assert db.fetch_scalar(text("SELECT n FROM t")) == 11
