"""One request to a FastAPI app, over a hand-made ASGI scope, with and without what is measured."""

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from tools.bench.registry import Call, Pair, Unavailable, bench

_SCOPE: Final[dict[str, Any]] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/orders/17",
    "raw_path": b"/orders/17",
    "root_path": "",
    "query_string": b"",
    "headers": [
        (b"host", b"orders.example"),
        (b"user-agent", b"bench/1.0"),
        (b"accept", b"application/json"),
        (b"x-request-id", b"8f14e45fceea467a9575b3a7d6c1c2d4"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8_000),
}


@bench("middleware-bare", peer="FastAPI without any", goal="none: what one request costs")
@contextmanager
def against_bare_fastapi() -> Iterator[Pair]:
    """Compare an app that has LogMiddleware with one that has nothing."""
    with _loop() as request, _json_lines() as lines:
        yield _checked(Pair(ours=request(_ours()), peer=request(_app())), lines, ours=1)


@bench("middleware-factory", peer="FastAPI without any", goal="none: what one request costs")
@contextmanager
def factory_against_bare_fastapi() -> Iterator[Pair]:
    """Compare an app of create_app, with all that it puts in, with one that has nothing."""
    from saigon.fastapi.app import create_app

    app = create_app(title="Orders", cors={"allow_origins": ["https://orders.example"]})
    _add_endpoint(app)
    with _loop() as request, _json_lines() as lines:
        yield _checked(Pair(ours=request(app), peer=request(_app())), lines, ours=1)


@bench(
    "middleware-base",
    peer="a BaseHTTPMiddleware that only passes on",
    goal="below 1, with context and JSON line",
)
@contextmanager
def against_base_http_middleware() -> Iterator[Pair]:
    """Compare all that LogMiddleware does with a BaseHTTPMiddleware that does nothing."""
    peer = _app(Middleware(BaseHTTPMiddleware, dispatch=_pass_on))
    with _loop() as request, _json_lines() as lines:
        yield _checked(Pair(ours=request(_ours()), peer=request(peer)), lines, ours=1)


async def _pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


@bench(
    "middleware-added-readme",
    peer="asgi-correlation-id, starlette-context and python-json-logger, by their READMEs",
    goal="below 0.5 of what these add",
)
@contextmanager
def against_a_stack_by_the_readmes() -> Iterator[Pair]:
    """Compare what LogMiddleware adds to a request with what the three add, one JSON line each."""
    with _against_a_stack(raw=False) as pair:
        yield pair


@bench(
    "middleware-added-raw",
    peer="the same three with starlette-context's RawContextMiddleware",
    goal="below 1 of what these add",
)
@contextmanager
def against_the_fastest_stack() -> Iterator[Pair]:
    """Compare it with the three in their fastest form."""
    with _against_a_stack(raw=True) as pair:
        yield pair


@contextmanager
def _against_a_stack(*, raw: bool) -> Iterator[Pair]:
    try:
        from tools.bench.stack import stacked_middleware
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; the environment of 'hatch run bench' has it"
        raise Unavailable(message) from error

    with _loop() as request, _json_lines() as lines:
        ours, peer = request(_ours()), request(_app(*stacked_middleware(lines, raw=raw)))
        yield _checked(Pair(ours, peer, base=request(_app())), lines, ours=1, peer=1)


def _ours() -> FastAPI:
    from saigon.fastapi.middleware import LogMiddleware

    return _app(Middleware(LogMiddleware))


def _app(*middleware: Middleware) -> FastAPI:
    app = FastAPI(middleware=list(middleware))
    _add_endpoint(app)
    return app


def _add_endpoint(app: FastAPI) -> None:
    @app.get("/orders/{order_id}")
    async def read_order(order_id: int) -> dict[str, int]:
        return {"order_id": order_id}


@contextmanager
def _loop() -> Iterator[Callable[[ASGIApp], Call]]:
    """Give what makes a call of an app, on an event loop of its own."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        yield lambda app: lambda: loop.run_until_complete(_respond(app))


async def _respond(app: ASGIApp) -> int:
    """Send one request and return the status of the answer."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app({**_SCOPE, "headers": [*_SCOPE["headers"]]}, receive, send)
    return int(messages[0]["status"])


@contextmanager
def _json_lines() -> Iterator["_Lines"]:
    """Let JSON lines be written as a service would, to where nobody reads them."""
    from saigon.fastapi.logging import enable_log_context

    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    level, handlers = root.level, list(root.handlers)
    lines = _Lines()
    root.handlers[:] = []
    enable_log_context(json=True, handler=logging.StreamHandler(lines))
    try:
        yield lines
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.setLogRecordFactory(factory)


class _Lines(io.StringIO):
    """Counts lines, and keeps none."""

    count = 0

    def write(self, text: str) -> int:
        self.count += 1
        return len(text)


def _checked(pair: Pair, lines: _Lines, *, ours: int, peer: int = 0) -> Pair:
    """Hold both to an answer of 200, and to so many lines."""
    for call, expected in ((pair.ours, ours), (pair.peer, peer)):
        lines.count = 0
        if (found := (call(), lines.count)) != (200, expected):
            msg = f"expected 200 and {expected} lines, got {found}"
            raise ValueError(msg)
    return pair
