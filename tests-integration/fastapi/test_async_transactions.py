"""Async endpoints over ``AsyncDbConnector``, served over sockets beside blocking ones."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Annotated

import anyio
import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saigon.fastapi.transactions import db_transaction
from saigon.fastapi.utils import create_app
from saigon.orm.connection import (
    AsyncDbConnector,
    AsyncTransaction,
    DbConnector,
    transaction_context,
)

WRITE = text("UPDATE counter SET n = :n")
ADD = text("INSERT INTO orders (name) VALUES (:name)")
COUNT = text("SELECT COUNT(*) FROM orders")


@pytest.fixture
def db(database_url: str) -> Iterator[DbConnector]:
    with DbConnector(database_url) as db:
        db.execute(text("CREATE TABLE counter (n INTEGER)"))
        db.execute(text("INSERT INTO counter VALUES (0)"))
        db.execute(text("CREATE TABLE orders (name VARCHAR(20) PRIMARY KEY)"))
        yield db


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield "http://{}:{}".format(*listener.getsockname())
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class CancelOnDisconnect:
    """Cancel a request whose client has left, as servers and middleware do by anyio's scopes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await receive()
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            async def once() -> Message:
                nonlocal body
                message, body = body, {"type": "http.disconnect"}
                return message

            group.start_soon(watch)
            await self.app(scope, once, send)
            group.cancel_scope.cancel()


class Service:
    """An application with both kinds of endpoints, and what its tests wait for."""

    def __init__(self, url: str, db: DbConnector) -> None:
        self.db = db
        self.async_db = AsyncDbConnector(url, pool_size=3, max_overflow=0, pool_timeout=20)
        self.added, self.left = threading.Event(), threading.Event()
        for_update = " FOR UPDATE" if db.dialect_name != "sqlite" else ""
        self.read = text(f"SELECT n FROM counter{for_update}")
        self.app = create_app(title="Test", routers=[self.router()], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        async with self.async_db:
            yield

    def router(self) -> APIRouter:
        router, db, async_db = APIRouter(), self.db, self.async_db

        @router.post("/sync")
        def increment() -> None:
            with transaction_context(db):
                db.execute(WRITE, {"n": db.fetch_scalar(self.read) + 1})

        async def increment_in_block() -> None:
            await async_db.execute(WRITE, {"n": await async_db.fetch_scalar(self.read) + 1})

        @router.post("/async")
        async def increment_async() -> None:
            async with transaction_context(async_db):
                await increment_in_block()

        @router.post("/dependency")
        async def increment_in_dependency(
            transaction: Annotated[AsyncTransaction, db_transaction(self.async_db)],
        ) -> bool:
            async with transaction_context(async_db) as joined:
                await increment_in_block()
                return joined == transaction

        @router.post("/orders/{name}", dependencies=[db_transaction(self.async_db)])
        async def create(name: str) -> None:
            await async_db.execute(ADD, {"name": name}, require_transaction=True)

        @router.post("/crash/{name}", dependencies=[db_transaction(self.async_db)])
        async def crash(name: str) -> None:
            await async_db.execute(ADD, {"name": name})
            raise RuntimeError

        @router.post("/hanging/{name}")
        async def hang(name: str) -> None:
            try:
                async with transaction_context(async_db):
                    await async_db.execute(ADD, {"name": name})
                    self.added.set()
                    await asyncio.Event().wait()
            finally:
                self.left.set()

        return router


@pytest.fixture
def service(database_url: str, db: DbConnector) -> Service:
    return Service(database_url, db)


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    with served(service.app) as url:
        yield url


def test_many_requests_of_both_kinds_lose_no_update(url: str, db: DbConnector) -> None:
    paths = ["/sync", "/async", "/dependency"] * 20

    async def main() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            return list(await asyncio.gather(*(client.post(path) for path in paths)))

    answers = asyncio.run(main())
    assert [answer.status_code for answer in answers] == [200] * 60
    assert [answer.json() for answer in answers[2::3]] == [True] * 20
    assert db.fetch_scalar(text("SELECT n FROM counter")) == 60


def test_an_error_rolls_back_and_is_a_problem(url: str, db: DbConnector) -> None:
    assert httpx.post(f"{url}/orders/one").status_code == 200
    answer = httpx.post(f"{url}/orders/one")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert httpx.post(f"{url}/crash/two").status_code == 500
    assert db.fetch_scalar(COUNT) == 1


def test_a_request_that_is_given_up_rolls_back(db: DbConnector, service: Service) -> None:
    """By whatever cancels it; the connection is free at once."""
    service.app.add_middleware(CancelOnDisconnect)
    with served(service.app) as url:
        target = httpx.URL(url)
        for n in range(6):  # more often than there are connections
            service.added.clear()
            service.left.clear()
            with closing(socket.create_connection((target.host, target.port or 0))) as client:
                request = f"POST /hanging/{n} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"
                client.sendall(request.encode())
                assert service.added.wait(timeout=20)
            assert service.left.wait(timeout=20)
            assert httpx.post(f"{url}/orders/after-{n}").status_code == 200
    assert db.fetch_scalar(COUNT) == 6
