"""What a lock that was waited for too long has cost, which a setting of MySQL decides."""

import socket
from collections.abc import Iterator

import pytest
from pymysql.cursors import Cursor
from sqlalchemy import text

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer


@pytest.fixture(params=["OFF", "ON"])
def rolls_back(request: pytest.FixtureRequest, private_mysql: PrivateServer) -> bool:
    """Say whether the server rolls back the whole transaction."""
    private_mysql.stop()
    private_mysql.start(innodb_rollback_on_timeout=request.param, innodb_lock_wait_timeout=1)
    return bool(request.param == "ON")


@pytest.fixture
def db(rolls_back: bool, private_mysql: PrivateServer) -> Iterator[DbConnector]:
    assert rolls_back == private_mysql.execute_admin("SELECT @@innodb_rollback_on_timeout")
    with DbConnector(private_mysql.new_database()) as db:
        db.execute(text("CREATE TABLE t (i INTEGER PRIMARY KEY, n INTEGER) ENGINE = InnoDB"))
        db.execute(text("INSERT INTO t VALUES (1, 0)"))
        yield db


def test_a_swallowed_lock_timeout_never_commits_half(db: DbConnector, rolls_back: bool) -> None:
    def work() -> None:
        with db.engine.begin() as other, transaction_context(db):
            other.execute(text("UPDATE t SET n = 1 WHERE i = 1"))
            db.execute(text("INSERT INTO t VALUES (2, 0)"))
            with pytest.raises(DbExecutionError) as caught:
                db.execute(text("UPDATE t SET n = 2 WHERE i = 1"))
            assert caught.value.kind == "timeout"
            db.execute(text("INSERT INTO t VALUES (3, 0)"))

    if rolls_back:
        with pytest.raises(DbExecutionError) as caught:
            work()
        assert caught.value.kind == "aborted"
        assert rows(db) == {1}
    else:
        work()
        assert rows(db) == {1, 2, 3}


def rows(db: DbConnector) -> set[int]:
    return {row.i for row in db.fetch_all(text("SELECT i FROM t"))}


def test_a_connection_lost_after_a_lock_timeout_is_an_error_of_ours(
    private_mysql: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Cursor.execute

    def lost_when_asked(cursor: Cursor, query: str, args: object = None) -> int:
        if "innodb_rollback_on_timeout" in query:
            wire: socket.socket = getattr(cursor.connection, "_sock")  # noqa: B009  # no type
            wire.shutdown(socket.SHUT_RDWR)
        return execute(cursor, query, args)

    monkeypatch.setattr(Cursor, "execute", lost_when_asked)
    with DbConnector(private_mysql.new_database()) as db:
        db.execute(text("CREATE TABLE t (i INTEGER PRIMARY KEY)"))

        def work() -> None:
            with db.engine.begin() as other, transaction_context(db):
                other.execute(text("INSERT INTO t VALUES (1)"))
                db.execute(text("INSERT INTO t VALUES (2)"))
                db.execute(text("SET innodb_lock_wait_timeout = 1"))
                with pytest.raises(DbExecutionError) as caught:
                    db.execute(text("INSERT INTO t VALUES (1)"))
                assert caught.value.kind == "timeout"

        with pytest.raises(DbExecutionError) as caught:
            work()
        assert caught.value.kind == "aborted"
        assert rows(db) == set()
