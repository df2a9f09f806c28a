import asyncio
import contextvars
import os
import pickle
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.exceptions import (
    MissingExtraError,
    MultipleRowsError,
    NoRowsError,
    PaginationError,
    TableNotFoundError,
    TransactionUsageError,
)

Run = Callable[[Any], None]
WithDb = Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]


class Person(BaseModelNoExtra):
    id: int
    name: str
    boss: int | None


def test_importing_it_loads_no_driver_and_of_sqlalchemy_neither_asyncio_nor_orm() -> None:
    code = (
        "import sys, saigon.orm.connection as c; c.AsyncDbConnector('sqlite://'); "
        "print({'sqlalchemy.ext.asyncio', 'sqlalchemy.orm', 'aiosqlite', 'aiomysql', 'psycopg'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("greenlet", "sqlite://", "async"),
        ("aiosqlite", "sqlite://", "async"),
        ("aiomysql", "mysql://u@nowhere/d", "async"),
        ("psycopg", "postgresql://u@nowhere/d", "postgresql"),
    ],
)
def test_a_missing_driver_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, url: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"saigon-orm\[{extra}\]"):
        asyncio.run(AsyncDbConnector(url).ping())


MISS_GREENLET = """
import asyncio, sys
sys.modules["greenlet"] = None
from saigon.orm.connection import AsyncDbConnector
asyncio.run(AsyncDbConnector("sqlite://").dispose())
"""


def test_a_missing_greenlet_names_its_extra_before_sqlalchemy_names_its_own() -> None:
    """In a process of its own, where nothing has loaded it yet."""
    done = subprocess.run([sys.executable, "-c", MISS_GREENLET], capture_output=True, check=False)
    assert b"saigon-orm[async]" in done.stderr


def test_it_needs_a_running_event_loop() -> None:
    with pytest.raises(TransactionUsageError, match=r"asyncio\.run"):
        _ = AsyncDbConnector("sqlite://").engine


def test_it_tells_no_secret_and_is_not_pickled() -> None:
    db = AsyncDbConnector("postgresql://u:hunter2@nowhere/d")
    assert repr(db) == "AsyncDbConnector(postgresql, database='d')"
    assert db.dialect_name == "postgresql"
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(db)


def test_statements_give_rows_and_models(with_db: WithDb, staff: Table) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(staff), [{"name": "Ada"}, {"name": "Bob"}])
        query = select(staff).order_by(staff.c.id)
        ada, bob = Person(id=1, name="Ada", boss=None), Person(id=2, name="Bob", boss=None)
        assert await db.fetch_all(query, model=Person) == [ada, bob]
        assert await db.fetch_one(query.limit(1), model=Person) == ada
        assert await db.fetch_one(query.where(staff.c.id == 3)) is None
        assert [row async for row in db.fetch_iter(query, model=Person)] == [ada, bob]
        assert await db.fetch_scalar(text("SELECT 1")) == 1
        with pytest.raises(MultipleRowsError):
            await db.fetch_scalar(query)
        with pytest.raises(NoRowsError):
            await db.fetch_all(insert(staff), {"name": "Cleo"})
        with pytest.raises(TransactionUsageError):
            await db.execute(query, require_transaction=True)

    with_db(work)


def test_a_string_is_not_a_statement(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        calls: list[Any] = [db.execute, db.fetch_one, db.fetch_all, db.fetch_scalar]
        for call in calls:
            with pytest.raises(TypeError, match=r"sqlalchemy\.text"):
                await call("SELECT 1")
        statement: Any = "SELECT 1"
        with pytest.raises(TypeError, match=r"sqlalchemy\.text"):
            db.fetch_iter(statement)

    with_db(work)


def test_pages_follow_one_another(with_db: WithDb, staff: Table) -> None:
    async def work(db: AsyncDbConnector) -> None:
        await db.execute(insert(staff), [{"name": name} for name in "abcde"])
        seen, token = "", None
        while True:
            params: QueryDataParams[Any] = QueryDataParams(max_count=2, page_token=token)
            page = await db.fetch_page(Person, select(staff), params, order_by=[staff.c.name])
            seen += "".join(person.name for person in page)
            if (token := page.page_token) is None:
                break
        assert seen == "abcde"
        async with AsyncDbConnector("sqlite://") as other:
            with pytest.raises(PaginationError):
                await other.fetch_page(Person, select(staff), params, order_by=[staff.c.name])

    with_db(work)


def test_tables_are_reflected(with_db: WithDb) -> None:
    async def work(db: AsyncDbConnector) -> None:
        assert list((await db.reflect()).tables) == ["staff"]
        with pytest.raises(TableNotFoundError):
            await db.reflect(["nothing"])

    with_db(work)


def test_tasks_take_turns_in_a_database_in_memory(run: Run) -> None:
    async def main() -> None:
        async with AsyncDbConnector("sqlite://") as db:
            await db.execute(text("CREATE TABLE t (i INTEGER)"))

            async def add() -> None:
                async with transaction_context(db):
                    count = await db.fetch_scalar(text("SELECT COUNT(*) FROM t"))
                    await db.execute(text("INSERT INTO t VALUES (:i)"), {"i": count})

            await asyncio.gather(*(add() for _ in range(20)))
            rows = await db.fetch_all(text("SELECT i FROM t ORDER BY i"))
            assert [row.i for row in rows] == list(range(20))

    run(main())


def test_loops_that_are_over_are_forgotten(tmp_path: Path) -> None:
    db = AsyncDbConnector(f"sqlite:///{tmp_path / 'loops.db'}")

    async def use() -> None:
        _ = db.engine  # it has not connected, so nothing is left open

    for _ in range(5):
        asyncio.run(use())
    assert len(db._core._engines) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_has_connections_of_its_own(tmp_path: Path) -> None:
    """The child leaves its parent's open transaction alone, and works by itself."""
    code = f"""
import asyncio, os
from sqlalchemy import text
from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
db = AsyncDbConnector("sqlite:///{tmp_path / "fork.db"}")
count = text("SELECT COUNT(*) FROM t")

async def parent():
    async with db:
        await db.execute(text("CREATE TABLE t (i INTEGER)"))
        async with transaction_context(db):
            await db.execute(text("INSERT INTO t VALUES (1)"))
            pid = os.fork()
            if not pid:
                asyncio._set_running_loop(None)
                os._exit(0 if asyncio.run(child()) == 0 else 1)
            assert os.waitpid(pid, 0)[1] == 0
        assert await db.fetch_scalar(count) == 1

async def child():
    import contextvars
    task = asyncio.create_task(db.fetch_scalar(count), context=contextvars.Context())
    return await task

asyncio.run(parent())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_a_blocking_connector_sees_what_was_committed(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'both.db'}"

    async def main(db: DbConnector) -> None:
        async with AsyncDbConnector(url) as async_db:
            await async_db.execute(text("CREATE TABLE t (i INTEGER)"))
            async with transaction_context(async_db):
                await async_db.execute(text("INSERT INTO t VALUES (1)"))
                assert db.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 0
            own = contextvars.Context()
            count = await asyncio.create_task(
                asyncio.to_thread(db.fetch_scalar, text("SELECT COUNT(*) FROM t")), context=own
            )
            assert count == 1

    with DbConnector(url) as db:
        run(main(db))
