"""What the line of a request says, whatever becomes of the request."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, Request, WebSocket
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from saigon.fastapi.app import create_app
from saigon.fastapi.middleware import LogMiddleware

Call = Callable[..., httpx.Response]
Lines = Callable[[], list[dict[str, Any]]]
Converse = Callable[..., list[dict[str, Any]]]


def create(*routers: APIRouter, **options: Any) -> FastAPI:
    return create_app(title="Test", routers=routers, **options)


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter(prefix="/orders")

    @router.get("/{order_id}")
    def read(order_id: int) -> int:
        return order_id

    @router.get("/crash/now")
    def crash() -> None:
        raise RuntimeError("hunter2")

    @router.get("/crash/async")
    async def crash_async() -> None:
        raise RuntimeError("hunter2")

    @router.get("/crash/later")
    async def crash_later() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            raise RuntimeError("hunter2")

        return StreamingResponse(chunks())

    return router


class FrozenError(Exception):
    """Lets nobody set attributes, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__"):
            raise AttributeError(name)
        super().__setattr__(name, value)


def raising(error: BaseException) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


def test_error_that_refuses_attributes_is_answered_and_create(
    call: Call, access_lines: Lines
) -> None:
    answer = call(LogMiddleware(raising(FrozenError())), "GET", "/")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert [line["exc_info"][0] for line in access_lines()] == [FrozenError]


def test_cancellation_of_something_else_is_a_crash(
    http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    sent, error = run_until_raised(LogMiddleware(app), http_scope)
    assert isinstance(error, asyncio.CancelledError)
    assert sent[0]["status"] == 500
    assert [(line["status"], line["levelno"]) for line in access_lines()] == [(500, logging.ERROR)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_end_of_the_process_is_an_error(
    http_scope: dict[str, Any], access_lines: Lines, error: type[BaseException]
) -> None:
    _, raised = run_until_raised(LogMiddleware(raising(error())), http_scope)
    assert isinstance(raised, error)
    assert [line["levelno"] for line in access_lines()] == [logging.ERROR]


def run_until_raised(app: Any, scope: Any) -> tuple[list[Any], BaseException]:
    sent: list[Any] = []
    raised: list[BaseException] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        try:
            await app(scope, receive, send)
        except BaseException as exc:  # noqa: BLE001
            raised.append(exc)

    asyncio.run(main())
    return sent, raised[0]


def test_app_that_sends_nothing_is_answered_for(call: Call, access_lines: Lines) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    answer = call(LogMiddleware(app), "GET", "/")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert [line["levelno"] for line in access_lines()] == [logging.ERROR]


def test_app_that_ends_halfway_is_an_error(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    converse(LogMiddleware(app), http_scope, [])
    (line,) = access_lines()
    assert (line["incomplete"], line["levelno"]) == (True, logging.ERROR)


def test_answer_of_a_failure_is_an_error_before_its_tasks(call: Call, access_lines: Lines) -> None:
    router = APIRouter()
    lines_before: list[int] = []

    @router.get("/")
    async def endpoint() -> JSONResponse:
        task = BackgroundTask(lambda: lines_before.append(len(access_lines())))
        return JSONResponse({}, 503, background=task)

    call(create(router), "GET", "/")
    assert [line["levelno"] for line in access_lines()] == [logging.ERROR]
    assert lines_before == [1]


def test_duration_ends_with_the_answer(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    @router.get("/")
    async def endpoint(tasks: BackgroundTasks) -> None:
        tasks.add_task(asyncio.sleep, 0.2)

    call(create(router), "GET", "/")
    assert access_lines()[0]["duration_ms"] < 200


def test_client_that_left_after_the_answer_hides_no_error(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        raise ClientDisconnect

    with pytest.raises(ClientDisconnect):
        converse(LogMiddleware(app), http_scope, [])
    messages = [line["message"] for line in access_lines()]
    assert messages == ["GET / 200", "failed after the answer was sent"]


def test_other_os_error_is_a_crash_though_the_client_left(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        converse(LogMiddleware(app), http_scope, [{"type": "http.disconnect"}])
    assert [line["status"] for line in access_lines()] == [500]


WEBSOCKET = {"type": "websocket", "path": "/ws", "subprotocols": []}


@pytest.mark.parametrize("code", [1000, 1001, 1006])
def test_websocket_whose_client_leaves_is_no_failure(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines, code: int
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.send_text(await websocket.receive_text())

    messages = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "üü"},
        {"type": "websocket.disconnect", "code": code},
    ]
    converse(create(router), http_scope | WEBSOCKET, messages)
    (line,) = access_lines()
    assert (line["levelno"], line["status"], line["close_code"]) == (logging.INFO, 101, code)
    assert line["bytes"] == len("üü".encode())


def test_websocket_that_is_refused_is_403_and_never_slow(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def refuse(websocket: WebSocket) -> None:
        await websocket.close(1008)

    app = create(router, slow_after=timedelta(0))
    converse(app, http_scope | WEBSOCKET, [{"type": "websocket.connect"}])
    (line,) = access_lines()
    assert (line["status"], line["close_code"], line["levelno"]) == (403, 1008, logging.INFO)


def test_websocket_that_is_answered_has_the_status_of_the_answer(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def refuse(websocket: WebSocket) -> None:
        await websocket.send_denial_response(JSONResponse({}, 418))

    scope = http_scope | WEBSOCKET | {"extensions": {"websocket.http.response": {}}}
    sent = converse(create(router), scope, [{"type": "websocket.connect"}])
    assert b"x-request-id" in dict(sent[0]["headers"])
    assert (access_lines()[0]["status"], access_lines()[0]["bytes"]) == (418, len(b"{}"))


def test_request_id_of_the_app_is_replaced_by_the_requests(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    @router.get("/")
    def endpoint() -> JSONResponse:
        return JSONResponse({}, headers={"X-REQUEST-ID": "another"})

    answer = call(create(router), "GET", "/", headers={"X-Request-Id": "r-1"})
    assert answer.headers.get_list("x-request-id") == ["r-1"]


def test_answer_to_head_has_no_bytes(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    @router.head("/")
    def endpoint() -> JSONResponse:
        return JSONResponse({"left": "out"})

    call(create(router), "HEAD", "/")
    assert access_lines()[0]["bytes"] == 0


def test_file_that_the_server_copies_is_complete(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send(
            {"type": "http.response.zerocopysend", "file": 3, "count": 10, "more_body": True}
        )
        await send({"type": "http.response.zerocopysend", "file": 3, "count": 7})

    converse(LogMiddleware(app), http_scope, [])
    (line,) = access_lines()
    assert (line["bytes"], "incomplete" in line) == (17, False)


def test_method_and_route_are_escaped_and_capped(
    converse: Converse, call: Call, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    outer = create()
    inner = APIRouter()

    @inner.get("/ok")
    def ok() -> None: ...

    outer.mount("/tenants/{tenant}", create(inner))
    call(outer, "GET", "/tenants/a%0Ab/ok")
    converse(outer, http_scope | {"method": "GET\n" + "X" * 99}, [{"type": "http.request"}])
    first, second = access_lines()
    assert first["route"] == r"/tenants/a\nb/ok"
    assert (len(second["method"]), second["method"][:5]) == (32, r"GET\n")


def test_health_is_quiet_under_the_servers_root_path(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    scope = http_scope | {"path": "/api/health/live", "root_path": "/api"}
    app = create_app(title="Test")
    sent = converse(app, scope, [{"type": "http.request"}])
    assert sent[0]["status"] == 200
    assert access_lines() == []


@pytest.mark.parametrize("cors", [None, {"allow_origins": ["*"]}])
def test_client_that_leaves_while_sending_is_499_with_cors_too(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines, cors: Any
) -> None:
    router = APIRouter()

    @router.post("/")
    async def upload(request: Request) -> None:
        async for _ in request.stream():
            pass

    messages = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = http_scope | {"method": "POST"}
    assert converse(create(router, cors=cors), scope, messages) == []
    assert [(line["status"], line["levelno"]) for line in access_lines()] == [(499, logging.INFO)]


@pytest.mark.parametrize("cors", [None, {"allow_origins": ["*"]}])
@pytest.mark.parametrize("path", ["/in/orders/crash/now", "/in/orders/crash/later"])
def test_crash_of_an_app_that_is_mounted_is_one_line(
    call: Call, router: APIRouter, access_lines: Lines, cors: Any, path: str
) -> None:
    outer = create(cors=cors)
    outer.mount("/in", create(router))
    answer = call(outer, "GET", path)
    (line,) = access_lines()
    assert line["exc_info"][0] is not None
    if path.endswith("now"):
        assert answer.json()["request_id"] == line["request_id"]


def test_crash_whose_line_is_not_written_is_left_to_the_server(call: Call) -> None:
    error = RuntimeError("hunter2")
    access = logging.getLogger("saigon.fastapi.access")
    access.disabled = True
    try:
        call(LogMiddleware(raising(error)), "GET", "/")
        assert not vars(error), "nobody has logged it"
    finally:
        access.disabled = False
    call(LogMiddleware(raising(error)), "GET", "/")
    assert vars(error)


@pytest.mark.parametrize(
    "error", [BaseException(), BaseExceptionGroup("all", [ValueError(), BaseException()])]
)
def test_error_of_any_class_is_a_crash(
    http_scope: dict[str, Any], access_lines: Lines, error: BaseException
) -> None:
    sent, raised = run_until_raised(LogMiddleware(raising(error)), http_scope)
    assert (raised, sent[0]["status"]) == (error, 500)
    assert [line["levelno"] for line in access_lines()] == [logging.ERROR]


@pytest.fixture(scope="module")
def frozen_heap() -> Iterator[None]:
    """Let the collections look at what a test makes, not at all there is."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen_heap")
@pytest.mark.parametrize("path", ["/orders/7", "/orders/crash/async", "/no"])
def test_request_leaves_no_cycles(
    router: APIRouter, http_scope: dict[str, Any], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # Lines that are kept, as for caplog, would keep what a cycle holds.
    monkeypatch.setattr(logging.getLogger("saigon.fastapi.access"), "disabled", True)
    assert cycles(create(router), http_scope | {"path": path}) == 0


def cycles(app: Any, scope: dict[str, Any]) -> int:
    async def receive() -> Any:
        await asyncio.sleep(0)
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return None

    async def garbage() -> int:
        with suppress(RuntimeError, ExceptionGroup):
            await app({**scope}, receive, send)
        return gc.collect()

    async def main() -> int:
        gc.disable()
        try:
            # What is made, or thrown away, once in a while is no matter.
            return min([await garbage() for _ in range(6)])
        finally:
            gc.enable()

    return asyncio.run(main())
