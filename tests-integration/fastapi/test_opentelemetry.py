"""OpenTelemetry around the app, FastAPI's own and the instrumentation, with spans in memory."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from saigon.fastapi.logging import enable_log_context
from saigon.fastapi.utils import create_app

log = logging.getLogger("orders")
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
Lines = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(params=["native", "instrumented"])
def app(request: pytest.FixtureRequest, exporter: InMemorySpanExporter) -> Iterator[FastAPI]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("orders")
    router = APIRouter(prefix="/orders")

    @router.get("/sync")
    def read_sync() -> None:
        log.info("sync")

    @router.get("/async")
    async def read_async(tasks: BackgroundTasks) -> None:
        log.info("async")
        with tracer.start_as_current_span("inner"):
            log.info("inside")
        tasks.add_task(log.info, "afterwards")

    @router.get("/crash")
    def crash() -> None:
        raise RuntimeError("hunter2")

    @router.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        log.info("talking")
        await websocket.close()

    if request.param == "native":
        telemetry = {"tracer_provider": provider, "operation_spans": False}
        yield create_app(title="Test", routers=[router], telemetry=telemetry)
    else:
        app = create_app(title="Test", routers=[router])
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
        yield app
        FastAPIInstrumentor.uninstrument_app(app)
    provider.shutdown()


@pytest.fixture
def lines() -> Iterator[Lines]:
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    level, handlers = root.level, list(root.handlers)
    stream = io.StringIO()
    enable_log_context(json=True, handler=logging.StreamHandler(stream))

    def read() -> dict[str, dict[str, Any]]:
        parsed = map(json.loads, stream.getvalue().splitlines())
        return {line["message"]: line for line in parsed}

    yield read
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.setLogRecordFactory(factory)


def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            return await session.get(path, headers=headers)

    return asyncio.run(go())


def server_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = (s for s in exporter.get_finished_spans() if s.kind is SpanKind.SERVER)
    return span


def ids(span: ReadableSpan) -> dict[str, str]:
    context = span.context
    assert context is not None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def ids_of(line: dict[str, Any]) -> dict[str, str]:
    return {"trace_id": line["trace_id"], "span_id": line["span_id"]}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_line_of_a_request_carries_its_span(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines, kind: str
) -> None:
    get(app, f"/orders/{kind}")
    found, expected = lines(), ids(server_span(exporter))
    assert ids_of(found[kind]) == expected
    assert ids_of(found[f"GET /orders/{kind} 200"]) == expected


def test_span_carries_the_id_of_the_request(app: FastAPI, exporter: InMemorySpanExporter) -> None:
    answer = get(app, "/orders/sync")
    attributes = server_span(exporter).attributes or {}
    assert attributes["request_id"] == answer.headers["x-request-id"]


def test_line_within_a_span_carries_that_span(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines
) -> None:
    get(app, "/orders/async")
    (inner,) = (span for span in exporter.get_finished_spans() if span.name == "inner")
    assert ids_of(lines()["inside"]) == ids(inner)
    assert ids_of(lines()["async"]) == ids(server_span(exporter))


def test_background_task_is_of_the_same_trace(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines
) -> None:
    answer = get(app, "/orders/async")
    line = lines()["afterwards"]
    assert line["trace_id"] == ids(server_span(exporter))["trace_id"]
    assert line["request_id"] == answer.headers["x-request-id"]


def test_trace_of_the_caller_goes_on(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines
) -> None:
    get(app, "/orders/sync", traceparent=TRACEPARENT)
    assert ids(server_span(exporter))["trace_id"] == TRACE
    found = lines()
    assert found["sync"]["trace_id"] == found["GET /orders/sync 200"]["trace_id"] == TRACE


def test_crash_is_answered_and_logged_within_its_span(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines
) -> None:
    answer = get(app, "/orders/crash")
    assert (answer.status_code, "hunter2" in answer.text) == (500, False)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    span = server_span(exporter)
    assert ids_of(lines()["GET /orders/crash 500"]) == ids(span)
    assert span.status.status_code is StatusCode.ERROR


def test_websocket_is_a_span_too(
    app: FastAPI, exporter: InMemorySpanExporter, lines: Lines
) -> None:
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "scheme": "ws",
        "path": "/orders/ws",
        "raw_path": b"/orders/ws",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"x-request-id", b"r-1")],
        "subprotocols": [],
        "client": ("192.0.2.7", 4711),
        "server": ("test", 80),
    }

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(_message: Any) -> None:
        return None

    asyncio.run(app(scope, receive, send))
    span = server_span(exporter)
    assert ids_of(lines()["talking"]) == ids(span)
    assert (span.attributes or {})["request_id"] == "r-1"


def test_lines_outside_of_a_span_have_no_ids(lines: Lines) -> None:
    log.info("outside")
    assert {"trace_id", "span_id"}.isdisjoint(lines()["outside"])
