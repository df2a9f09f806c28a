import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from saigon.fastapi.app import create_app
from saigon.fastapi.headers import ProxyHops, current
from saigon.fastapi.logging import current_log_context, set_log_context
from saigon.fastapi.middleware import LogMiddleware

Call = Callable[..., httpx.Response]
Lines = Callable[[], list[dict[str, Any]]]
Converse = Callable[..., list[dict[str, Any]]]


def logged(*routers: APIRouter, **options: Any) -> FastAPI:
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    app.add_middleware(LogMiddleware, **options)
    return app


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter(prefix="/orders")

    @router.get("/{order_id}")
    def read(order_id: int) -> dict[str, str]:
        return {"request_id": current().request_id}

    @router.get("/async/{order_id}")
    async def read_async(order_id: int) -> dict[str, str]:
        set_log_context(order_id=order_id)
        return {"request_id": current().request_id}

    @router.get("/crash/now")
    def crash() -> None:
        raise RuntimeError("the password is hunter2")

    @router.get("/crash/later")
    async def crash_later() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            raise RuntimeError("hunter2")

        return StreamingResponse(chunks())

    return router


@pytest.mark.parametrize("path", ["/orders/7", "/orders/async/7"])
def test_context_reaches_sync_and_async_endpoints(call: Call, router: APIRouter, path: str) -> None:
    answer = call(logged(router), "GET", path, headers={"X-Request-Id": "r-1"})
    assert answer.json() == {"request_id": "r-1"}
    assert answer.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize(
    "hostile",
    [b"", b"a b", b"x\x0bb", b"\xc3\xa9", b"x" * 129, b"<script>", b"a\x00", b"${jndi:ldap}", b'"'],
)
def test_hostile_request_id_is_replaced(
    call: Call, router: APIRouter, access_lines: Lines, hostile: bytes
) -> None:
    answer = call(logged(router), "GET", "/orders/7", headers=[(b"X-Request-Id", hostile)])
    assert answer.headers["x-request-id"].encode() != hostile
    assert len(answer.headers["x-request-id"]) == 36
    assert access_lines()[0]["request_id"] == answer.headers["x-request-id"]


def test_doubled_request_id_is_replaced(call: Call, router: APIRouter) -> None:
    headers = [("X-Request-Id", "a"), ("X-Request-Id", "b")]
    answer = call(logged(router), "GET", "/orders/7", headers=headers)
    assert len(answer.headers["x-request-id"]) == 36


def test_new_id_is_made_for_each_request(call: Call, router: APIRouter) -> None:
    app = logged(router)
    ids = {call(app, "GET", "/orders/7").json()["request_id"] for _ in range(5)}
    assert len(ids) == 5


def test_one_line_says_what_happened(call: Call, router: APIRouter, access_lines: Lines) -> None:
    headers = {"User-Agent": "tester/1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    answer = call(logged(router), "GET", "/orders/7?secret=1", headers=headers)
    (line,) = access_lines()
    assert line["message"] == "GET /orders/{order_id} 200"
    assert (line["route"], line["path"]) == ("/orders/{order_id}", "/orders/7")
    assert line["bytes"] == len(answer.content)
    assert 0 < line["ttfb_ms"] <= line["duration_ms"]
    assert (line["client"], line["user_agent"]) == ("192.0.2.7", "tester/1")
    assert line["trace_id"] == "a" * 32
    assert "secret" not in str(line)


def test_line_has_the_path_where_no_route_matched(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    call(logged(router), "GET", "/no%0Awhere")
    (line,) = access_lines()
    assert line["message"] == r"GET /no\nwhere 404"
    assert line["route"] is None


def test_hostile_user_agent_is_escaped_and_capped(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    agent = b"\xe9\x1b[31m" + b"x" * 1000
    call(logged(router), "GET", "/orders/7", headers=[(b"User-Agent", agent)])
    shown = access_lines()[0]["user_agent"]
    assert shown.startswith(r"\xe9\x1b[31mxxx")
    assert len(shown) == 256


def test_crash_is_answered_logged_and_raised(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    answer = call(logged(router), "GET", "/orders/crash/now")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text
    (line,) = access_lines()
    assert (line["status"], line["levelno"]) == (500, logging.ERROR)
    assert line["exc_info"][0] is RuntimeError


def test_crash_is_raised_for_the_server(router: APIRouter, http_scope: dict[str, Any]) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = http_scope | {"path": "/orders/crash/now"}
    with pytest.raises(RuntimeError):
        asyncio.run(logged(router)(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_crash_after_the_start_is_one_line_too(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    answer = call(logged(router), "GET", "/orders/crash/later")
    assert answer.content == b"first"
    (line,) = access_lines()
    assert (line["status"], line["incomplete"], line["levelno"]) == (200, True, logging.ERROR)
    assert line["exc_info"][0] is not None


def test_background_task_sees_the_context_after_the_line(call: Call, access_lines: Lines) -> None:
    router = APIRouter()
    seen: list[Any] = []

    def task() -> None:
        seen.extend([len(access_lines()), current().request_id, dict(current_log_context())])

    @router.get("/")
    async def endpoint(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    call(logged(router), "GET", "/", headers={"X-Request-Id": "r-1"})
    assert seen == [1, "r-1", {"request_id": "r-1"}]


def test_background_task_that_fails_gets_a_line_of_its_own(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    def task() -> None:
        raise RuntimeError("later")

    @router.get("/")
    async def endpoint(tasks: BackgroundTasks) -> None:
        tasks.add_task(task)

    answer = call(logged(router), "GET", "/")
    assert answer.status_code == 200
    messages = [line["message"] for line in access_lines()]
    assert messages == ["GET / 200", "failed after the answer was sent"]


def test_streamed_answer_has_the_context_and_is_counted(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    @router.get("/")
    async def endpoint() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            yield current().request_id
            yield "-"
            yield current().request_id

        return StreamingResponse(chunks())

    answer = call(logged(router), "GET", "/", headers={"X-Request-Id": "abc"})
    assert answer.text == "abc-abc"
    assert access_lines()[0]["bytes"] == 7


def test_nothing_is_left_after_the_request(router: APIRouter, http_scope: dict[str, Any]) -> None:
    async def main() -> None:
        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            return None

        before = dict(current_log_context())
        await logged(router)(http_scope | {"path": "/orders/async/7"}, receive, send)
        assert dict(current_log_context()) == before
        with pytest.raises(LookupError):
            current()

    asyncio.run(main())


def test_health_is_quiet_unless_slow_or_failed(call: Call, access_lines: Lines) -> None:
    router = APIRouter()

    @router.get("/health/live")
    async def live(*, fail: bool = False) -> None:
        if fail:
            raise RuntimeError

    call(logged(router), "GET", "/health/live")
    assert access_lines() == []
    call(logged(router), "GET", "/health/live?fail=1")
    call(logged(router, slow_after=timedelta(0)), "GET", "/health/live")
    assert [line["levelno"] for line in access_lines()] == [logging.ERROR, logging.WARNING]


def test_client_that_left_is_499(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    router = APIRouter()

    @router.get("/")
    async def endpoint() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(chunks())

    converse(logged(router), http_scope, [{"type": "http.request"}, {"type": "http.disconnect"}])
    (line,) = access_lines()
    assert (line["status"], line["incomplete"]) == (499, True)


def test_client_that_left_while_sending_its_body_is_499(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import Request

        await Request(scope, receive).body()

    messages = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert converse(LogMiddleware(app), http_scope, messages) == []
    assert [line["status"] for line in access_lines()] == [499]


def test_client_that_cannot_be_answered_is_499(
    http_scope: dict[str, Any], access_lines: Lines
) -> None:
    """A server of ASGI 2.4 raises OSError where the client has left."""
    router = APIRouter()

    @router.get("/")
    async def endpoint() -> int:
        return 1

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        raise BrokenPipeError

    scope = http_scope | {"asgi": {"version": "3.0", "spec_version": "2.4"}}
    asyncio.run(logged(router)(scope, receive, send))
    (line,) = access_lines()
    assert (line["status"], line["levelno"]) == (499, logging.INFO)


def test_os_error_of_the_app_is_a_crash(call: Call) -> None:
    router = APIRouter()

    @router.get("/")
    async def endpoint() -> None:
        raise FileNotFoundError

    assert call(logged(router), "GET", "/").status_code == 500


def test_cancelled_request_is_499(http_scope: dict[str, Any], access_lines: Lines) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def nothing(*_: Any) -> Any:
        return {"type": "http.request"}

    async def main() -> None:
        task = asyncio.create_task(LogMiddleware(app)(http_scope, nothing, nothing))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [line["status"] for line in access_lines()] == [499]


def test_websocket_has_context_and_one_line(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    router = APIRouter(prefix="/chat")

    @router.websocket("/{room}")
    async def chat(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_text(current().request_id)
        await websocket.close(4000)

    scope = http_scope | {
        "type": "websocket",
        "path": "/chat/7",
        "subprotocols": [],
        "headers": [(b"x-request-id", b"r-1")],
    }
    sent = converse(logged(router), scope, [{"type": "websocket.connect"}])
    assert (b"x-request-id", b"r-1") in sent[0]["headers"]
    assert sent[1]["text"] == "r-1"
    (line,) = access_lines()
    assert line["message"] == "WEBSOCKET /chat/{room} 101"
    assert line["close_code"] == 4000


def test_lifespan_is_passed_on(converse: Converse) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = converse(logged(), {"type": "lifespan", "asgi": {"version": "3.0"}}, messages)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_app_mounted_in_another_has_one_line_with_the_whole_template(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    outer = logged()
    outer.mount("/v1", logged(router))
    answer = call(outer, "GET", "/v1/orders/7")
    (line,) = access_lines()
    assert line["route"] == "/v1/orders/{order_id}"
    assert answer.headers.get_list("x-request-id") == [line["request_id"]]


@pytest.mark.parametrize(
    ("hops", "headers", "client"),
    [
        (None, [("X-Forwarded-For", "203.0.113.9")], "192.0.2.7"),
        (1, [("X-Forwarded-For", "6.6.6.6, 203.0.113.9")], "203.0.113.9"),
        (
            2,
            [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9, 10.0.0.1")],
            "203.0.113.9",
        ),
        (2, [("X-Forwarded-For", "203.0.113.9")], "192.0.2.7"),
        (1, [("X-Forwarded-For", "not an address")], None),
        (1, [("X-Forwarded-For", "[2001:db8::1]:443")], "2001:db8::1"),
        (1, [("X-Forwarded-For", "fe80::1%" + "zone" * 100)], "fe80::1"),
    ],
)
def test_client_is_found_by_the_number_of_proxies(
    call: Call,
    router: APIRouter,
    access_lines: Lines,
    *,
    hops: int | None,
    headers: list[tuple[str, str]],
    client: str | None,
) -> None:
    proxies = None if hops is None else ProxyHops(hops)
    call(logged(router, proxy_hops=proxies), "GET", "/orders/7", headers=headers)
    assert access_lines()[0]["client"] == client


def test_client_is_found_in_forwarded(call: Call, router: APIRouter, access_lines: Lines) -> None:
    proxies = ProxyHops(1, header="Forwarded")
    headers = {"Forwarded": 'for=6.6.6.6, proto=https;for="[2001:db8::1]:443"'}
    call(logged(router, proxy_hops=proxies), "GET", "/orders/7", headers=headers)
    assert access_lines()[0]["client"] == "2001:db8::1"


def test_start_that_the_server_refuses_is_a_crash(
    http_scope: dict[str, Any], access_lines: Lines
) -> None:
    """As uvicorn refuses a header with a line break in it."""
    sent: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-name", b"a\r\nb: c")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        if any(b"\n" in value for _, value in message.get("headers", ())):
            raise ValueError
        sent.append(message)

    with pytest.raises(ValueError, match=r"^$"):
        asyncio.run(LogMiddleware(app)(http_scope, receive, send))
    assert sent[0]["status"] == 500
    assert [line["status"] for line in access_lines()] == [500]


def test_file_that_the_server_sends_is_complete(
    converse: Converse, http_scope: dict[str, Any], access_lines: Lines
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.pathsend", "path": "/file"})

    converse(LogMiddleware(app), http_scope, [])
    assert "incomplete" not in access_lines()[0]


def test_request_begun_within_another_has_nothing_of_that(
    converse: Converse, http_scope: dict[str, Any]
) -> None:
    """As uvicorn begins a pipelined request: while the answer before it is sent."""
    seen: list[dict[str, object]] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append({**current_log_context()})

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        set_log_context(order=17)
        headers = [(b"x-request-id", b"r-2")]
        await LogMiddleware(inner)(http_scope | {"headers": headers}, receive, send)
        seen.append({**current_log_context()})

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        set_log_context(service="orders")
        await LogMiddleware(outer)(scope, receive, send)

    converse(service, http_scope | {"headers": [(b"x-request-id", b"r-1")]}, [])
    assert seen == [
        {"service": "orders", "request_id": "r-2"},
        {"service": "orders", "request_id": "r-1", "order": 17},
    ]


@pytest.mark.parametrize("cors", [None, {"allow_origins": ["*"]}])
def test_request_may_be_sent_through_once_more(call: Call, access_lines: Lines, cors: Any) -> None:
    router = APIRouter()
    fails = iter([True, False])

    @router.get("/")
    def endpoint() -> str:
        if next(fails):
            raise RuntimeError
        return current().request_id

    inner = create_app(title="Test", routers=[router], cors=cors)

    async def retrying(scope: Scope, receive: Receive, send: Send) -> None:
        async def nowhere(_message: Any) -> None:
            return None

        with suppress(RuntimeError):
            await inner(scope, receive, nowhere)
        await inner(scope, receive, send)

    assert call(retrying, "GET", "/", headers={"X-Request-Id": "r-1"}).json() == "r-1"
    assert [line["status"] for line in access_lines()] == [500, 200]
