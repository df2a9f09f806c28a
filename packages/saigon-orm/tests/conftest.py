import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from saigon.model import PaginationTokenCodec
from saigon.orm.connection import AsyncDbConnector, DbConnector


@pytest.fixture(params=["memory", "file"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def db(db_url: str) -> Iterator[DbConnector]:
    with DbConnector(db_url, page_tokens=PaginationTokenCodec.unsigned()) as connector:
        yield connector


@pytest.fixture
def file_db(tmp_path: Path) -> Iterator[DbConnector]:
    with DbConnector(f"sqlite:///{tmp_path / 'file.db'}") as connector:
        yield connector


@pytest.fixture
def people(db: DbConnector) -> Table:
    table = Table(
        "people",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("boss", ForeignKey("people.id")),
    )
    table.metadata.create_all(db.engine)
    return table


@pytest.fixture(scope="module")
def frozen_heap() -> Iterator[None]:
    """Let the collections after each test look at what its module makes, not at all there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def run(frozen_heap: None) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run on an event loop of its own, which must leave nothing behind."""
    return run_to_its_end


def run_to_its_end(work: Coroutine[Any, Any, None]) -> None:
    complaints: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await work
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main(), debug=True)
    gc.collect()
    assert complaints == []


@pytest.fixture
def staff() -> Table:
    """Give a table that ``async_db`` makes."""
    return Table(
        "staff",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("boss", ForeignKey("staff.id")),
    )


@pytest.fixture
def with_db(
    frozen_heap: None, db_url: str, staff: Table
) -> Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]:
    """Run a coroutine function over a connector for asyncio, in a database with a table."""

    async def main(work: Callable[[AsyncDbConnector], Awaitable[None]]) -> None:
        codec = PaginationTokenCodec.unsigned()
        async with AsyncDbConnector(db_url, page_tokens=codec) as db:
            async with db.engine.begin() as connection:
                await connection.run_sync(staff.metadata.create_all)
            await work(db)

    return lambda work: run_to_its_end(main(work))
