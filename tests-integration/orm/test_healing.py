"""A killed backend heals without an error reaching the caller."""

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError


@pytest.fixture(params=["postgresql", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def killer(database_url: str) -> Engine:
    return create_engine(database_url, poolclass=NullPool)


def session_of(db: DbConnector) -> int:
    call = {"postgresql": "pg_backend_pid()", "mysql": "CONNECTION_ID()"}[db.dialect_name]
    return int(db.fetch_scalar(text(f"SELECT {call}")))


def kill(killer: Engine, session: int) -> None:
    command = {
        "postgresql": f"SELECT pg_terminate_backend({session}, 5000)",
        "mysql": f"KILL {session}",
    }[killer.dialect.name]
    with killer.begin() as connection:
        connection.execute(text(command))


def test_a_killed_connection_of_the_pool_is_replaced_unnoticed(
    db: DbConnector, killer: Engine
) -> None:
    before = session_of(db)
    kill(killer, before)
    assert session_of(db) != before
    with transaction_context(db):
        db.ping()


def test_a_connection_killed_in_its_transaction_is_a_connection_error(
    db: DbConnector, killer: Engine
) -> None:
    db.execute(text("CREATE TABLE t (i INTEGER)"))

    def work() -> None:
        with transaction_context(db):
            db.execute(text("INSERT INTO t VALUES (1)"))
            kill(killer, session_of(db))
            with pytest.raises(DbExecutionError) as first:
                db.execute(text("INSERT INTO t VALUES (2)"))
            assert first.value.kind == "connection"
            db.execute(text("INSERT INTO t VALUES (3)"))

    with pytest.raises(DbExecutionError) as caught:
        work()
    assert caught.value.kind == "aborted"
    assert db.fetch_all(text("SELECT * FROM t")) == []


def test_a_swallowed_loss_of_the_connection_is_no_success(db: DbConnector, killer: Engine) -> None:
    db.execute(text("CREATE TABLE t (i INTEGER)"))

    def work() -> None:
        with transaction_context(db):
            db.execute(text("INSERT INTO t VALUES (1)"))
            kill(killer, session_of(db))
            with pytest.raises(DbExecutionError), transaction_context(db, savepoint=True):
                db.execute(text("INSERT INTO t VALUES (2)"))

    with pytest.raises(DbExecutionError) as caught:
        work()
    assert caught.value.kind == "aborted"
    assert db.fetch_all(text("SELECT * FROM t")) == []


def test_a_commit_on_a_killed_connection_is_a_connection_error(
    db: DbConnector, killer: Engine
) -> None:
    db.execute(text("CREATE TABLE t (i INTEGER)"))

    def work() -> None:
        with transaction_context(db):
            db.execute(text("INSERT INTO t VALUES (1)"))
            kill(killer, session_of(db))

    with pytest.raises(DbExecutionError) as caught:
        work()
    assert caught.value.kind == "connection"
    assert db.fetch_all(text("SELECT * FROM t")) == []
