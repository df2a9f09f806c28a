import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Select, String, Table

from saigon.model import PaginationTokenCodec, QueryDataParams
from saigon.orm.connection import AsyncDbConnector, DbConnector


@pytest.fixture
def db(database_url: str) -> Iterator[DbConnector]:
    """Give a connector to a fresh database, on each kind of server in turn."""
    with DbConnector(database_url, page_tokens=PaginationTokenCodec.unsigned()) as connector:
        yield connector


@pytest.fixture(scope="module")
def module_db(module_database_url: str) -> Iterator[DbConnector]:
    """Give a connector to a database of the module's own, likewise."""
    with DbConnector(module_database_url, page_tokens=PaginationTokenCodec.unsigned()) as connector:
        yield connector


@pytest.fixture
def all_pages(db: DbConnector) -> Callable[..., list[Any]]:
    """Give the function that reads a listing page by page, to the last."""

    def read(model: type[BaseModel], statement: Select[Any], order_by: Any, size: int) -> list[Any]:
        found: list[Any] = []
        params = QueryDataParams[None](max_count=size)
        while True:
            page = db.fetch_page(model, statement, params, order_by=order_by)
            found.extend(page.data)
            assert len(found) < 10_000, "a listing without an end"
            if page.page_token is None:
                assert len(page) <= size
                return found
            assert len(page) == size
            params = params.model_copy(update={"page_token": page.page_token})

    return read


@pytest.fixture
def people(db: DbConnector) -> Table:
    """Give a table of people with bosses, in that database."""
    table = Table(
        "people",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(50), nullable=False, unique=True),
        Column("boss", ForeignKey("people.id", name="fk_boss")),
    )
    table.metadata.create_all(db.engine)
    return table


@pytest.fixture
def free_port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def frozen_heap() -> Iterator[None]:
    """Let the collections after each test look at what its module makes, not at all there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def run_async(frozen_heap: None) -> Callable[[Coroutine[Any, Any, None]], None]:
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
def with_async_db(
    frozen_heap: None, database_url: str, people: Table
) -> Callable[[Callable[[AsyncDbConnector], Awaitable[None]]], None]:
    """Run a coroutine function over a connector for asyncio, to the database of ``people``."""

    async def main(work: Callable[[AsyncDbConnector], Awaitable[None]]) -> None:
        codec = PaginationTokenCodec.unsigned()
        async with AsyncDbConnector(
            database_url, page_tokens=codec, pool_size=2, max_overflow=0, pool_timeout=5
        ) as db:
            await work(db)
            assert "Current Checked out connections: 0" in db.engine.pool.status()

    return lambda work: run_to_its_end(main(work))
