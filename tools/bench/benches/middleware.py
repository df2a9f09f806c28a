"""One request through a middleware, over a hand-made ASGI scope."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tools.bench.registry import Call, Pair, bench

_SCOPE: Final[dict[str, Any]] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/orders",
    "raw_path": b"/orders",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"orders.example"), (b"x-request-id", b"1234")],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8_000),
}


async def endpoint(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer without a framework, so that the middleware is what is measured."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def _pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


@bench(
    "middleware-base",
    peer="a BaseHTTPMiddleware that only passes on",
    goal="below 1, with context and access line",
)
@contextmanager
def against_base_http_middleware() -> Iterator[Pair]:
    """Compare all that LogMiddleware does with a BaseHTTPMiddleware that does nothing."""
    from saigon.fastapi.middleware import LogMiddleware

    with _loop() as loop, _discarded_logs():
        ours, peer = LogMiddleware(endpoint), BaseHTTPMiddleware(endpoint, dispatch=_pass_on)
        yield Pair(ours=_request(loop, ours), peer=_request(loop, peer))


def _request(loop: asyncio.AbstractEventLoop, app: ASGIApp) -> Call:
    return lambda: loop.run_until_complete(_respond(app))


async def _respond(app: ASGIApp) -> int:
    """Send one request and return the status of the answer."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(dict(_SCOPE), receive, send)
    return int(messages[0]["status"])


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


@contextmanager
def _discarded_logs() -> Iterator[None]:
    """Let log records be made and formatted, and written nowhere."""
    handler = _Discard()
    logger = logging.getLogger("saigon")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


class _Discard(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
