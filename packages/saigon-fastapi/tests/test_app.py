import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from saigon.fastapi import _health
from saigon.fastapi.app import create_app
from saigon.fastapi.context import call_context
from saigon.fastapi.exceptions import (
    ConfigurationError,
    DuplicateOperationIdError,
    NoRequestContextError,
)
from saigon.fastapi.headers import ProxyHops, current
from saigon.fastapi.problems import problem_response
from saigon.model.problems import PROBLEM_MEDIA_TYPE, ProblemDetails

Call = Callable[..., httpx.Response]
Lines = Callable[[], list[dict[str, Any]]]
ORIGIN = {"Origin": "https://shop.example"}
CORS = {"allow_origins": ["https://shop.example"]}


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter()

    @router.get("/sync")
    def read_sync() -> str:
        return call_context().request.request_id

    @router.get("/async")
    async def read_async() -> str:
        return call_context().request.request_id

    @router.get("/crash")
    def crash() -> None:
        raise RuntimeError("hunter2")

    @router.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @router.post("/json")
    async def read_json(body: dict[str, str]) -> int:
        return len(body)

    return router


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_call_context_is_reached(call: Call, router: APIRouter, path: str) -> None:
    app = create_app(title="Test", routers=[router])
    assert call(app, "GET", path, headers={"X-Request-Id": "r-1"}).json() == "r-1"


def test_websocket_has_a_call_context(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any]
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(reason=call_context().request.request_id)

    scope = http_scope | {
        "type": "websocket",
        "path": "/ws",
        "subprotocols": [],
        "headers": [(b"x-request-id", b"r-1")],
    }
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    assert sent[-1]["reason"] == "r-1"


def test_call_context_ends_with_its_call(router: APIRouter) -> None:
    app = create_app(title="Test", routers=[router])

    async def main() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            await session.get("/async")
        with pytest.raises(NoRequestContextError):
            call_context()

    asyncio.run(main())


@pytest.mark.parametrize("in_thread", [True, False])
def test_background_tasks_run_after_the_answer(call: Call, in_thread: bool) -> None:
    router = APIRouter()
    done: list[str] = []

    def add() -> None:
        call_context().background_tasks.add_task(lambda: done.append(current().request_id))

    if in_thread:

        @router.get("/")
        def endpoint() -> None:
            add()

    else:

        @router.get("/")
        async def endpoint_async() -> None:
            add()

    app = create_app(title="Test", routers=[router])
    call(app, "GET", "/", headers={"X-Request-Id": "r-1"})
    assert done == ["r-1"]


def test_there_is_no_call_context_outside_of_a_call() -> None:
    with pytest.raises(NoRequestContextError, match="create_app"):
        call_context()


def test_crash_has_cors_headers_and_one_line(
    call: Call, router: APIRouter, access_lines: Lines
) -> None:
    app = create_app(title="Test", routers=[router], cors=CORS)
    answer = call(app, "GET", "/crash", headers=ORIGIN)
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    (line,) = access_lines()
    assert line["exc_info"][0] is RuntimeError


def test_preflight_has_a_line_and_an_id(call: Call, router: APIRouter, access_lines: Lines) -> None:
    app = create_app(title="Test", routers=[router], cors=CORS)
    headers = {**ORIGIN, "Access-Control-Request-Method": "GET"}
    answer = call(app, "OPTIONS", "/sync", headers=headers)
    assert answer.status_code == 200
    assert access_lines()[0]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/echo", "/json"])
def test_body_over_the_cap_is_413(call: Call, router: APIRouter, path: str) -> None:
    app = create_app(title="Test", routers=[router], max_body_bytes=100, cors=CORS)
    json_type = {"Content-Type": "application/json", **ORIGIN}

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 10

    for body in (b" " * 101, chunks()):
        answer = call(app, "POST", path, content=body, headers=json_type)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert "access-control-allow-origin" in answer.headers


def test_body_up_to_the_cap_is_read(call: Call, router: APIRouter) -> None:
    app = create_app(title="Test", routers=[router], max_body_bytes=100)
    assert call(app, "POST", "/echo", content=b"x" * 100).json() == 100


def test_health_routes_answer_outside_of_the_document(call: Call, router: APIRouter) -> None:
    app = create_app(title="Test", routers=[router])
    assert call(app, "GET", "/health/live").json() == {"status": "ok"}
    assert call(app, "GET", "/health/ready").json() == {"status": "ok"}
    assert not [path for path in app.openapi()["paths"] if "health" in path]


def test_readiness_names_what_failed_and_not_why(call: Call) -> None:
    def crashes() -> None:
        raise OSError("postgresql://user:hunter2@db")

    checks = {
        "db": crashes,
        "queue": lambda: False,
        "fine": lambda: None,
        "awaitable": lambda: asyncio.sleep(0),
    }
    answer = call(create_app(title="Test", readiness=checks), "GET", "/health/ready")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "not ready: db, queue"
    assert "hunter2" not in answer.text


def test_check_that_hangs_has_failed(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(_health, "_TIMEOUT", 0.01)
    checks = {"slow": hangs, "stuck": lambda: released.wait(10)}
    try:
        answer = call(create_app(title="Test", readiness=checks), "GET", "/health/ready")
    finally:
        released.set()
    assert answer.json()["detail"] == "not ready: slow, stuck"


def test_check_is_made_once_for_all_who_ask_meanwhile(call: Call) -> None:
    asked: list[int] = []
    released = threading.Event()

    def slow() -> None:
        asked.append(1)
        released.wait(4)

    app = create_app(title="Test", readiness={"slow": slow})

    async def main() -> list[int]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            probes = [asyncio.create_task(session.get("/health/ready")) for _ in range(50)]
            while not asked:  # noqa: ASYNC110  # it is set in a thread
                await asyncio.sleep(0)
            threads = threading.active_count()
            probes[0].cancel()
            released.set()
            answers = await asyncio.gather(*probes[1:])
        return [threads, *(answer.status_code for answer in answers)]

    before = threading.active_count()
    threads, *statuses = asyncio.run(main())
    assert statuses == [200] * 49
    assert asked == [1]
    assert threads <= before + 1


def test_checks_run_side_by_side(call: Call) -> None:
    together = threading.Barrier(3, timeout=4)
    checks: dict[str, Any] = {str(number): together.wait for number in range(3)}
    answer = call(create_app(title="Test", readiness=checks), "GET", "/health/ready")
    assert answer.status_code == 200


def test_checks_that_are_awaited_run_side_by_side(call: Call) -> None:
    checks = dict.fromkeys("abc", asyncio.Barrier(3).wait)
    answer = call(create_app(title="Test", readiness=checks), "GET", "/health/ready")
    assert answer.status_code == 200


def test_check_that_hangs_takes_no_more_threads(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_health, "_TIMEOUT", 0.02)
    entered: list[int] = []
    released = threading.Event()

    def hangs() -> None:
        entered.append(1)
        released.wait(10)

    app = create_app(title="Test", readiness={"stuck": hangs})
    try:
        answers = [call(app, "GET", "/health/ready") for _ in range(5)]
    finally:
        released.set()
    assert [answer.json()["detail"] for answer in answers] == ["not ready: stuck"] * 5
    assert entered == [1]


def test_check_is_asked_again_after_it_failed(call: Call) -> None:
    results = iter([False, True])
    app = create_app(title="Test", readiness={"db": lambda: next(results)})
    assert [call(app, "GET", "/health/ready").status_code for _ in range(2)] == [503, 200]


def test_checks_have_threads_where_the_endpoints_have_taken_all(call: Call) -> None:
    router = APIRouter()
    released, entered = threading.Event(), threading.Semaphore(0)

    @router.get("/busy")
    def busy() -> None:
        entered.release()
        released.wait(10)

    def all_threads_are_taken() -> None:
        for _ in range(40):
            assert entered.acquire(timeout=10)

    app = create_app(title="Test", routers=[router], readiness={"db": lambda: None})

    async def main() -> int:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            taken = [asyncio.create_task(session.get("/busy")) for _ in range(60)]
            await asyncio.to_thread(all_threads_are_taken)
            answer = await session.get("/health/ready")
            released.set()
            await asyncio.gather(*taken)
        return answer.status_code

    try:
        assert asyncio.run(main()) == 200
    finally:
        released.set()


def test_lifespan_runs(converse: Callable[..., list[dict[str, Any]]]) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        steps.append("up")
        yield
        steps.append("down")

    app = create_app(title="Test", lifespan=lifespan)
    converse(
        app,
        {"type": "lifespan", "asgi": {"version": "3.0"}},
        [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}],
    )
    assert steps == ["up", "down"]


def test_further_middleware_stands_within_the_context(call: Call, router: APIRouter) -> None:
    seen: list[str] = []

    class Note:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(current().request_id)
            await self.app(scope, receive, send)

    app = create_app(title="Test", routers=[router], middleware=[Middleware(Note)])
    call(app, "GET", "/sync", headers={"X-Request-Id": "r-1"})
    assert seen == ["r-1"]


def test_further_handlers_go_first(call: Call, router: APIRouter) -> None:
    async def handle(_request: Request, _exc: Exception) -> Any:
        return problem_response(418)

    app = create_app(title="Test", routers=[router], exception_handlers={RuntimeError: handle})
    assert call(app, "GET", "/crash").status_code == 418


def test_document_declares_the_problems(router: APIRouter) -> None:
    app = create_app(title="Orders", version="2.0", description="All of them.", routers=[router])
    for _ in range(2):
        document = app.openapi()
    answers = document["paths"]["/json"]["post"]["responses"]
    assert list(answers) == ["200", "400", "413", "422", "503"]
    for status in ("400", "413", "422", "503"):
        (media_type,) = answers[status]["content"]
        assert media_type == "application/problem+json"
    assert "ProblemDetails" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["paths"]["/json"]["post"]["operationId"] == "read_json"
    assert document["info"]["description"] == "All of them."


def test_document_declares_what_a_secured_operation_answers() -> None:
    router = APIRouter()

    @router.get("/open")
    def read_open() -> None: ...

    @router.get("/secured", dependencies=[Security(HTTPBearer())])
    def read_secured() -> None: ...

    answers: dict[int | str, dict[str, Any]] = {401: {"description": "Log in first."}}

    @router.get("/own", dependencies=[Security(HTTPBearer())], responses=answers)
    def read_own() -> None: ...

    app = create_app(title="Test", routers=[router])
    for _ in range(2):
        paths = app.openapi()["paths"]
    assert {"401", "403"}.isdisjoint(paths["/open"]["get"]["responses"])
    secured = paths["/secured"]["get"]["responses"]
    for status in ("401", "403"):
        assert list(secured[status]["content"]) == ["application/problem+json"]
    assert "WWW-Authenticate" in secured["401"]["headers"]
    assert paths["/own"]["get"]["responses"]["401"] == {"description": "Log in first."}


def test_docs_may_be_left_out(call: Call) -> None:
    app = create_app(title="Test", docs=False)
    assert call(app, "GET", "/openapi.json").status_code == 404
    assert call(app, "GET", "/docs").status_code == 404


def test_routes_of_one_name_are_refused(router: APIRouter) -> None:
    other = APIRouter(prefix="/v2")
    other.include_router(router)
    with pytest.raises(DuplicateOperationIdError):
        create_app(title="Test", routers=[router, other])


@pytest.mark.parametrize("error", [Exception, 500])
def test_handler_that_would_never_be_called_is_refused(error: int | type[Exception]) -> None:
    async def handle(_request: Request, _exc: Exception) -> Any:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="never be called"):
        create_app(title="Test", exception_handlers={error: handle})


def test_body_over_the_cap_is_413_where_a_middleware_reads_it(
    call: Call, router: APIRouter
) -> None:
    class Read:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await Request(scope, receive).body()
            await self.app(scope, receive, send)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 101

    middleware = [Middleware(Read)]
    app = create_app(title="Test", routers=[router], max_body_bytes=100, middleware=middleware)
    assert call(app, "POST", "/echo", content=chunks()).status_code == 413


@pytest.mark.parametrize(
    ("declared", "status"), [(b"9" * 5000, 413), (b"0" * 5000 + b"1", 200), (b"x", 200)]
)
def test_declared_size_may_have_any_length(
    converse: Callable[..., list[dict[str, Any]]],
    http_scope: dict[str, Any],
    router: APIRouter,
    *,
    declared: bytes,
    status: int,
) -> None:
    headers = [(b"content-length", declared)]
    scope = http_scope | {"method": "POST", "path": "/echo", "headers": headers}
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "http.request", "body": b"x"}])
    assert sent[0]["status"] == status


@pytest.mark.parametrize(("status", "code"), [(404, 1008), (500, 1011), (503, 1013)])
def test_open_websocket_is_closed_where_an_answer_cannot_be_sent(
    converse: Callable[..., list[dict[str, Any]]],
    http_scope: dict[str, Any],
    status: int,
    code: int,
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        raise HTTPException(status, "hunter2")

    scope = http_scope | {"type": "websocket", "path": "/ws", "subprotocols": []}
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == code
    assert "hunter2" not in str(sent)


def test_websocket_that_is_not_open_is_answered(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any]
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        raise HTTPException(404)

    scope = http_scope | {"type": "websocket", "path": "/ws", "subprotocols": []}
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 404


def test_further_options_are_fastapis(router: APIRouter) -> None:
    app = create_app(title="Test", routers=[router], servers=[{"url": "https://orders.example"}])
    assert app.openapi()["servers"] == [{"url": "https://orders.example"}]


@pytest.mark.parametrize("name", ["root_path", "dependencies", "responses", "openapi_url"])
def test_option_that_is_not_the_factorys_is_refused(name: str) -> None:
    options: dict[str, Any] = {name: "/v1"}
    with pytest.raises(ConfigurationError, match=name):
        create_app(title="Test", **options)


def test_settings_reach_the_middleware(call: Call, access_lines: Lines, router: APIRouter) -> None:
    app = create_app(
        title="Test",
        version="7",
        routers=[router],
        quiet_paths=["/sync"],
        slow_after=timedelta(0),
        proxy_hops=ProxyHops(1),
    )
    call(app, "GET", "/async", headers={"X-Forwarded-For": "203.0.113.9"})
    (line,) = access_lines()
    assert (line["levelno"], line["client"]) == (logging.WARNING, "203.0.113.9")
    assert app.openapi()["info"]["version"] == "7"
    quiet = create_app(title="Test", routers=[router], quiet_paths=["/sync"])
    call(quiet, "GET", "/sync")
    assert len(access_lines()) == 1


@pytest.mark.parametrize("cors", [None, CORS])
def test_answer_that_has_begun_is_not_followed_by_another(
    http_scope: dict[str, Any], cors: Any
) -> None:
    class Starts:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})
            await Request(scope, receive).body()

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"xx"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    app = create_app(title="Test", max_body_bytes=1, middleware=[Middleware(Starts)], cors=cors)
    with pytest.raises(StarletteHTTPException):
        asyncio.run(app(http_scope, receive, send))
    assert sent == ["http.response.start"]


def test_document_declares_problems_whatever_an_operation_answers_with() -> None:
    class Own(BaseModel):
        text: str

    Own.__name__ = Own.__qualname__ = "ProblemDetails"
    router = APIRouter()

    @router.get("/plain", response_class=PlainTextResponse)
    def plain() -> str:
        return ""

    @router.get("/problem")
    def problem() -> ProblemDetails:
        return ProblemDetails()

    @router.post("/given", dependencies=[Security(HTTPBearer())])
    def given(body: ProblemDetails, own: Own) -> None: ...

    document = create_app(title="Test", routers=[router]).openapi()
    paths = document["paths"]
    assert list(paths["/plain"]["get"]["responses"]["503"]["content"]) == [PROBLEM_MEDIA_TYPE]
    assert list(paths["/plain"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
    assert list(paths["/problem"]["get"]["responses"]["200"]["content"]) == ["application/json"]
    for status in ("401", "403", "422"):
        ((media_type, content),) = paths["/given"]["post"]["responses"][status]["content"].items()
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert (media_type, name in document["components"]["schemas"]) == (PROBLEM_MEDIA_TYPE, True)
