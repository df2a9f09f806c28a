"""A time-out of the pool tells who holds its connections."""

import asyncio
import contextvars
import gc
import logging
import re
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'pool.db'}"


def timeout_of(db: DbConnector) -> str:
    with pytest.raises(DbExecutionError) as caught:
        db.ping()
    assert caught.value.kind == "timeout"
    return str(caught.value)


def in_thread(work: object, name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name)  # type: ignore[arg-type]
    thread.start()
    return thread


class Holder:
    """A thread that holds a connection for as long as is asked."""

    def __init__(self, db: DbConnector, name: str) -> None:
        self._db = db
        self._held, self._enough = threading.Event(), threading.Event()
        self._thread = in_thread(self._hold, name)
        assert self._held.wait(10)

    def _hold(self) -> None:
        with transaction_context(self._db, read_only=True):  # so that they do not wait in turn
            self._db.execute(text("SELECT 'a secret value'"))
            self._held.set()
            self._enough.wait(10)

    def let_go(self) -> None:
        self._enough.set()
        self._thread.join()


def test_it_names_the_longest_holders_and_the_place_in_their_code(url: str) -> None:
    with DbConnector(url, pool_size=4, max_overflow=0, pool_timeout=0.01) as db:
        holders = [Holder(db, f"worker-{i}") for i in range(4)]
        said = timeout_of(db)
        line = Holder._hold.__code__.co_firstlineno + 1
        place = re.escape(f"{__name__}.Holder._hold:{line}")
        assert re.findall(rf"thread (worker-\d) for \d+\.\d s, from {place}", said) == [
            "worker-0",
            "worker-1",
            "worker-2",
        ]
        assert "secret" not in said
        holders[0].let_go()
        again = Holder(db, "worker-9")
        assert re.findall(r"worker-\d", timeout_of(db)) == ["worker-1", "worker-2", "worker-3"]
        for holder in (*holders[1:], again):
            holder.let_go()


def test_a_connection_that_was_lost_or_taken_out_of_the_pool_is_not_named(url: str) -> None:
    with DbConnector(url, pool_size=2, max_overflow=0, pool_timeout=0.01) as db:
        with db.engine.connect() as lost:
            lost.invalidate()
        taken = db.engine.connect()
        taken.detach()
        with db.engine.connect(), db.engine.connect():
            assert timeout_of(db).count("thread") == 2
        taken.close()


def test_it_keeps_nothing_of_its_holders_alive(url: str) -> None:
    class Local:
        """Something in the frame that took the connection."""

    def take() -> tuple[Connection, "weakref.ref[Local]"]:
        local = Local()
        return db.engine.connect(), weakref.ref(local)

    with DbConnector(url, pool_size=1, max_overflow=0, pool_timeout=0.01) as db:
        connection, local = take()
        assert "take" in timeout_of(db)
        gc.collect()
        assert local() is None
        connection.close()


def test_a_task_is_named_with_the_place_where_it_awaits(url: str) -> None:
    async def hold(db: AsyncDbConnector) -> str:
        async with transaction_context(db):
            waiting = asyncio.create_task(db.ping(), context=contextvars.Context())
            with pytest.raises(DbExecutionError) as caught:
                await waiting
        return str(caught.value)

    async def work() -> str:
        async with AsyncDbConnector(url, pool_size=1, max_overflow=0, pool_timeout=0.01) as db:
            return await asyncio.create_task(hold(db), name="the holder")

    line = hold.__code__.co_firstlineno + 1
    place = re.escape(f"{__name__}.{hold.__qualname__}:{line}")
    assert re.search(rf"task the holder for \d\.\d s, from {place}", asyncio.run(work()))


def test_a_new_pool_after_dispose_tells_too(url: str) -> None:
    with DbConnector(url, pool_size=1, max_overflow=0, pool_timeout=0.01) as db:
        db.engine.dispose()
        with db.engine.connect():
            assert "held longest by thread MainThread" in timeout_of(db)


def test_dispose_closes_a_connection_in_use_when_it_comes_back(url: str) -> None:
    closed: list[object] = []
    with DbConnector(url, pool_size=1, max_overflow=0) as db:
        event.listen(db.engine, "close", lambda connection, _: closed.append(connection))
        with transaction_context(db):
            db.execute(text("CREATE TABLE t (i INTEGER)"))
            db.dispose()
            db.execute(text("INSERT INTO t VALUES (1)"))
            assert closed == []
        assert len(closed) == 1
        assert db.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 1


def test_who_waits_for_a_pool_that_is_disposed_of_is_served(url: str) -> None:
    with DbConnector(url, pool_size=1, max_overflow=0, pool_timeout=10) as db:
        engine: Any = db.engine
        with engine.connect():
            waiting = in_thread(lambda: engine.pool.connect().close(), "waiting")
            queue = engine.pool._pool
            while not queue.not_empty._waiters:
                assert waiting.is_alive()
            db.dispose()
        waiting.join(5)
        assert not waiting.is_alive()


def test_the_pool_logs_where_sqlalchemys_does(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sqlalchemy.pool")
    with DbConnector(url) as db:
        db.ping()
    assert "sqlalchemy.pool.impl.QueuePool" in {record.name for record in caplog.records}
