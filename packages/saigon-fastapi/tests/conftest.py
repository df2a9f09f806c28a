"""Apps are called over ASGI, in the process, and their access lines are read from caplog."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

ACCESS = "saigon.fastapi.access"
Message = Mapping[str, Any]


@pytest.fixture
def call() -> Callable[..., httpx.Response]:
    """Send one request to an app; a crash of the app is answered, not raised."""

    def send(app: Any, method: str, url: str, **options: Any) -> httpx.Response:
        client = options.pop("client", ("192.0.2.7", 4711))

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=client)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
                return await session.request(method, url, **options)

        return asyncio.run(go())

    return send


@pytest.fixture
def converse() -> Callable[..., list[Message]]:
    """Run an app on a hand-made scope and messages, and return what it sent."""

    def run(app: Any, scope: Message, incoming: list[Message]) -> list[Message]:
        sent: list[Message] = []
        queue = list(incoming)

        async def receive() -> Message:
            if not queue:
                await asyncio.Event().wait()
            return queue.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(app({**scope}, receive, send))
        return sent

    return run


@pytest.fixture
def http_scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("192.0.2.7", 4711),
        "server": ("test", 80),
    }


@pytest.fixture
def access_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Return the fields of the access lines so far."""
    caplog.set_level(logging.INFO, logger=ACCESS)

    def lines() -> list[dict[str, Any]]:
        return [{**vars(record)} for record in caplog.records if record.name == ACCESS]

    return lines


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, factory = list(root.handlers), root.level, logging.getLogRecordFactory()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.setLogRecordFactory(factory)
