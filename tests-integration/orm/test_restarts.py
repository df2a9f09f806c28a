"""A server that starts late, or starts again, is waited for and found again."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any, Self

import pytest
from sqlalchemy import MetaData, text

from saigon.orm.connection import (
    AbstractAsyncDbManager,
    AbstractDbManager,
    AsyncDbConnector,
    DbConnector,
    transaction_context,
)
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer

POOL = 3
PATIENCE: dict[str, Any] = {"reflect_retries": 1_000, "reflect_backoff": 0.001}


@pytest.fixture
def url(private_server: PrivateServer) -> str:
    url = private_server.new_database()
    with DbConnector(url) as db:
        db.execute(text("CREATE TABLE people (id INTEGER PRIMARY KEY)"))
    return url


def restart(server: PrivateServer) -> None:
    server.stop()
    server.start()


def kill_and_start(server: PrivateServer) -> None:
    server.kill()
    server.start()


def test_a_manager_gets_its_table_from_a_server_that_starts_after_it(
    private_server: PrivateServer, url: str
) -> None:
    private_server.stop()
    asked = threading.Event()

    class Announced(DbConnector):
        def reflect(self, *args: Any, **kwargs: Any) -> MetaData:
            asked.set()
            return super().reflect(*args, **kwargs)

    with Announced(url) as db, ThreadPoolExecutor(1) as threads:
        with pytest.raises(DbExecutionError) as caught:
            AbstractDbManager(db, reflect_retries=0).table("people")
        assert caught.value.kind == "connection"
        asked.clear()
        table = threads.submit(AbstractDbManager(db).table, "people")
        assert asked.wait(10)
        private_server.start()
        assert table.result().c.keys() == ["id"]


def test_tasks_get_their_table_from_a_server_that_starts_late(
    private_server: PrivateServer, url: str
) -> None:
    private_server.stop()

    async def main() -> list[str]:
        async with AsyncDbConnector(url) as db:
            with pytest.raises(DbExecutionError) as caught:
                await AbstractAsyncDbManager(db, reflect_retries=0).table("people")
            assert caught.value.kind == "connection"
            manager = AbstractAsyncDbManager(db, **PATIENCE)
            start = asyncio.to_thread(private_server.start)
            table, _ = await asyncio.gather(manager.table("people"), start)
            return [column.name for column in table.columns]

    assert asyncio.run(main()) == ["id"]


class Hammer:
    """Threads that use the database without a pause, and note the kinds of their errors."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = steps
        self._stop = threading.Event()
        self.kinds = set[str]()

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, args=(step,)) for step in self._steps]
        for thread in self._threads:
            thread.start()
        return self

    def _run(self, step: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                step()
            except DbExecutionError as error:
                self.kinds.add(error.kind)
            except Exception as error:
                self.kinds.add(repr(error))
                raise

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_all_errors_of_a_server_that_starts_and_ends_are_connection_errors(
    private_server: PrivateServer, url: str
) -> None:
    def connect_anew() -> None:
        with DbConnector(url) as db:
            db.ping()

    async def connect_anew_in_a_task() -> None:
        async with AsyncDbConnector(url) as db:
            await db.ping()

    with (
        DbConnector(url) as pooled,
        Hammer(
            connect_anew,
            lambda: asyncio.run(connect_anew_in_a_task()),
            lambda: pooled.execute(text("INSERT INTO people SELECT 1 FROM people WHERE 1 = 0")),
        ) as hammer,
    ):
        for _ in range(2):
            restart(private_server)
            kill_and_start(private_server)
    assert hammer.kinds == {"connection"}


@pytest.mark.parametrize("interrupt", [restart, kill_and_start])
def test_a_pool_survives_a_restart_unseen(
    private_server: PrivateServer, url: str, interrupt: Callable[[PrivateServer], None]
) -> None:
    with DbConnector(url, pool_size=POOL, max_overflow=0) as db:
        fill_pool(db)
        interrupt(private_server)
        with transaction_context(db):
            db.execute(text("INSERT INTO people VALUES (1)"))
        fill_pool(db)
        assert db.fetch_scalar(text("SELECT id FROM people")) == 1


def fill_pool(db: DbConnector) -> None:
    with ExitStack() as stack:
        for _ in range(POOL):
            stack.enter_context(db.engine.connect()).execute(text("SELECT 1"))


def test_a_pool_of_tasks_survives_a_killed_server_unseen(
    private_server: PrivateServer, url: str
) -> None:
    async def use(db: AsyncDbConnector, barrier: asyncio.Barrier) -> None:
        async with transaction_context(db):
            await barrier.wait()
            await db.execute(text("SELECT 1"))

    async def main() -> None:
        async with AsyncDbConnector(url, pool_size=POOL, max_overflow=0) as db:
            barrier = asyncio.Barrier(POOL)
            for _ in range(2):
                await asyncio.gather(*(use(db, barrier) for _ in range(POOL)))
                kill_and_start(private_server)
            await db.execute(text("INSERT INTO people VALUES (1)"))

    asyncio.run(main())


def test_a_restart_inside_a_transaction_loses_all_of_it(
    private_server: PrivateServer, url: str
) -> None:
    with DbConnector(url) as db:

        def work() -> None:
            with transaction_context(db):
                db.execute(text("INSERT INTO people VALUES (1)"))
                kill_and_start(private_server)
                with suppress(DbExecutionError):
                    db.execute(text("INSERT INTO people VALUES (2)"))

        with pytest.raises(DbExecutionError) as caught:
            work()
        assert caught.value.kind == "aborted"
        assert db.fetch_all(text("SELECT id FROM people")) == []
