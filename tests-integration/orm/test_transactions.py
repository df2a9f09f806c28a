# ruff: noqa: PT012  # the whole block must fail, that is what it is for
import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.orm.connection import DbConnector, IsolationLevel, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_work_is_committed_or_rolled_back_as_one(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
    with pytest.raises(KeyError), transaction_context(db):
        add(db, people, "Bob")
        raise KeyError
    with transaction_context(db):
        pass
    assert names(db, people) == ["Ada"]


def test_savepoints_undo_their_own_work_only(db: DbConnector, people: Table) -> None:
    add(db, people, "Ada")
    with transaction_context(db):
        add(db, people, "Bob")
        for name in ("Ada", "Cleo", "Ada"):
            with suppress(DbExecutionError), transaction_context(db, savepoint=True):
                add(db, people, name + "x")
                add(db, people, name)
    assert names(db, people) == ["Ada", "Bob", "Cleo", "Cleox"]


def test_a_swallowed_error_is_a_commit_without_it_or_an_error(
    db: DbConnector, people: Table
) -> None:
    add(db, people, "Ada")

    def work() -> None:
        with transaction_context(db):
            add(db, people, "Bob")
            with suppress(DbExecutionError):
                add(db, people, "Ada")
            add(db, people, "Cleo")

    if db.dialect_name != "postgresql":
        work()
        assert names(db, people) == ["Ada", "Bob", "Cleo"]
        return
    with pytest.raises(DbExecutionError) as caught:
        work()
    assert caught.value.kind == "aborted"
    assert isinstance(caught.value.__cause__, DbExecutionError)
    assert caught.value.__cause__.kind == "unique"
    assert names(db, people) == ["Ada"]


def test_a_swallowed_error_before_the_commit_is_an_error_there(
    postgresql_url: str,
) -> None:
    with DbConnector(postgresql_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER PRIMARY KEY)"))
        with pytest.raises(DbExecutionError, match="aborted"), transaction_context(db):
            db.execute(text("INSERT INTO t VALUES (1)"))
            with suppress(DbExecutionError):
                db.execute(text("INSERT INTO t VALUES (1)"))
        assert db.fetch_all(text("SELECT * FROM t")) == []


def test_a_savepoint_of_sqlalchemy_heals_too(db: DbConnector, people: Table) -> None:
    add(db, people, "Ada")
    with transaction_context(db) as transaction:
        nested = transaction.connection.begin_nested()
        with suppress(DbExecutionError):
            add(db, people, "Ada")
        nested.rollback()
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


def test_a_serialization_failure_is_healed_by_a_retry(postgresql_url: str) -> None:
    db = DbConnector(postgresql_url)
    db.execute(text("CREATE TABLE people AS SELECT 'Ada' AS name"))
    attempts: list[int] = []

    def work(_transaction: Transaction) -> None:
        db.fetch_all(text("SELECT * FROM people"))
        if not attempts:
            other = threading.Thread(
                target=lambda: db.execute(text("UPDATE people SET name = 'Bob'"))
            )
            other.start()
            other.join()
        attempts.append(1)
        db.execute(text("UPDATE people SET name = 'Cleo'"))

    db.run_in_transaction(work, retries=1, isolation="REPEATABLE READ")
    assert len(attempts) == 2
    assert db.fetch_scalar(text("SELECT name FROM people")) == "Cleo"
    db.dispose()


@pytest.mark.parametrize(
    "isolation", ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
)
def test_an_isolation_level_lasts_for_its_block(db: DbConnector, isolation: IsolationLevel) -> None:
    question = {
        "postgresql": text("SHOW transaction_isolation"),
        "mysql": text("SELECT REPLACE(LOWER(@@tx_isolation), '-', ' ')"),
        "sqlite": None,
    }[db.dialect_name]
    if question is None:
        with transaction_context(db, isolation=isolation):
            db.ping()
        return
    before = db.fetch_scalar(question)
    with transaction_context(db, isolation=isolation):
        assert db.fetch_scalar(question) == isolation.lower()
    assert db.fetch_scalar(question) == before


def test_writers_of_sqlite_wait_for_each_other(sqlite_url: str) -> None:
    with DbConnector(sqlite_url) as db:
        db.execute(text("CREATE TABLE counter (n INTEGER)"))
        db.execute(text("INSERT INTO counter VALUES (0)"))

        def increment() -> None:
            for _ in range(10):
                with transaction_context(db):
                    n = db.fetch_scalar(text("SELECT n FROM counter"))
                    db.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

        threads = [threading.Thread(target=increment) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert db.fetch_scalar(text("SELECT n FROM counter")) == 40


def test_a_stream_on_mysql_has_its_connection_to_itself(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
    with transaction_context(db):
        stream = db.fetch_iter(select(people.c.id).order_by(people.c.id))
        first = next(stream)
        if db.dialect_name == "mysql":
            with pytest.raises(TransactionUsageError, match="fetch_iter"):
                db.fetch_scalar(text("SELECT 1"))
        else:
            assert db.fetch_scalar(text("SELECT 1")) == 1
        assert [first.id, *(row.id for row in stream)] == list(range(1, 3_001))
        assert db.fetch_scalar(text("SELECT 1")) == 1


def test_a_stream_may_be_left_early(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
    for row in db.fetch_iter(select(people)):
        assert row.id == 1
        break
    stream = db.fetch_iter(select(people))
    next(stream)
    stream.close()
    assert db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 3_000


def test_a_stream_that_is_not_read_to_its_end_does_not_hinder_the_commit(
    db: DbConnector, people: Table
) -> None:
    db.execute(insert(people), [{"name": str(n)} for n in range(3_000)])
    with transaction_context(db):
        with transaction_context(db, savepoint=True):
            inner = db.fetch_iter(select(people))
            next(inner)
        add(db, people, "Ada")
        outer = db.fetch_iter(select(people))
        next(outer)
    with pytest.raises(TransactionUsageError):
        list(outer)
    assert db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 3_001
    inner.close()


def test_an_unknown_isolation_level_leaves_no_mark_on_a_connection(
    db: DbConnector, people: Table
) -> None:
    level: Any = "NO SUCH LEVEL"
    with (
        pytest.raises(ValueError, match="SERIALIZABLE"),
        transaction_context(db, isolation=level, read_only=True),
    ):
        pass
    db.execute(insert(people), {"name": "Ada"})
