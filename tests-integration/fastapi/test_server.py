"""What only a real server shows: disconnects, the peer's address, bytes on the wire."""

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from starlette.responses import StreamingResponse

from saigon.fastapi.headers import GatewaySecret, IdentityIdHeader, PeerNetworks, current
from saigon.fastapi.logging import current_log_context, set_log_context
from saigon.fastapi.utils import create_app

ACCESS = "saigon.fastapi.access"
IDENTITY = "eu-west-1:11111111-2222-3333-4444-555555555555"
LOOPBACK = IdentityIdHeader(PeerNetworks(["127.0.0.0/8"]))
Serve = Callable[..., str]


@contextmanager
def served(app: FastAPI, **options: Any) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own
    config = uvicorn.Config(app, log_config=None, access_log=False, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield "http://{}:{}".format(*listener.getsockname())
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda app, **options: stack.enter_context(served(app, **options))


class Lines(logging.Handler):
    """Access lines, and a way to wait for the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self._arrived = threading.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append({**vars(record), "message": record.getMessage()})
        self._arrived.release()

    def next(self) -> dict[str, Any]:
        assert self._arrived.acquire(timeout=10)
        return self.lines[-1]


@pytest.fixture
def lines() -> Iterator[Lines]:
    log, handler = logging.getLogger(ACCESS), Lines()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter()

    @router.get("/me")
    def me() -> str | None:
        return current().principal

    @router.get("/context")
    async def context() -> list[str]:
        names = sorted(current_log_context())
        set_log_context(order=17)
        return names

    @router.get("/crash")
    def crash() -> None:
        raise RuntimeError("hunter2")

    @router.get("/endless")
    async def endless() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(chunks())

    @router.post("/length")
    async def length(body: dict[str, str]) -> int:
        return len(body)

    return router


def test_client_that_leaves_a_stream_is_499(serve: Serve, router: APIRouter, lines: Lines) -> None:
    url = serve(create_app(title="Test", routers=[router]))
    with httpx.Client() as client, client.stream("GET", f"{url}/endless") as answer:
        assert next(answer.iter_raw()) == b"first"
    line = lines.next()
    assert (line["status"], line["incomplete"]) == (499, True)


def test_client_that_leaves_while_sending_is_499(
    serve: Serve, router: APIRouter, lines: Lines
) -> None:
    url = httpx.URL(serve(create_app(title="Test", routers=[router])))
    request = (
        b"POST /length HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    with closing(socket.create_connection((url.host, url.port or 0))) as connection:
        connection.sendall(request)
    assert lines.next()["status"] == 499


def test_crash_is_answered_and_the_server_lives_on(
    serve: Serve, router: APIRouter, lines: Lines
) -> None:
    url = serve(create_app(title="Test", routers=[router]))
    for _ in range(2):
        answer = httpx.get(f"{url}/crash")
        assert answer.status_code == 500
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert lines.next()["status"] == 500


def test_body_over_the_cap_is_refused_before_it_is_sent(serve: Serve, router: APIRouter) -> None:
    url = httpx.URL(serve(create_app(title="Test", routers=[router], max_body_bytes=1000)))
    request = b"POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\n\r\n"
    with closing(socket.create_connection((url.host, url.port or 0))) as connection:
        connection.settimeout(10)
        connection.sendall(request)
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_peer_network_is_believed(serve: Serve, router: APIRouter) -> None:
    url = serve(create_app(title="Test", routers=[router], identity=LOOPBACK))
    answer = httpx.get(f"{url}/me", headers={"X-Api-IdentityId": IDENTITY})
    assert answer.json() == IDENTITY


@pytest.mark.parametrize("forwarded", ["127.0.0.1", "127.0.0.1:4711", "[127.0.0.1]:4711"])
def test_peer_that_a_caller_wrote_is_not_believed(
    serve: Serve, router: APIRouter, forwarded: str
) -> None:
    """uvicorn takes the peer out of X-Forwarded-For, whoever sent that."""
    app = create_app(title="Test", routers=[router], identity=LOOPBACK)
    url = serve(app, proxy_headers=True, forwarded_allow_ips="*")
    headers = {"X-Api-IdentityId": IDENTITY, "X-Forwarded-For": forwarded}
    assert httpx.get(f"{url}/me", headers=headers).json() is None


def test_secret_is_compared_as_sent(serve: Serve, router: APIRouter) -> None:
    secret = GatewaySecret("X-Gateway-Secret", lambda: SecretStr("s3cret"))
    url = serve(create_app(title="Test", routers=[router], identity=IdentityIdHeader(secret)))
    for sent, principal in (("s3cret", IDENTITY), ("S3cret", None), ("s3cret2", None)):
        headers = {"X-Api-IdentityId": IDENTITY, "X-Gateway-Secret": sent}
        assert httpx.get(f"{url}/me", headers=headers).json() == principal


def test_two_apps_are_served_by_one_process(serve: Serve, router: APIRouter, lines: Lines) -> None:
    believing = serve(create_app(title="One", routers=[router], identity=LOOPBACK))
    anonymous = serve(create_app(title="Two", routers=[router]))
    headers = {"X-Api-IdentityId": IDENTITY}
    assert httpx.get(f"{believing}/me", headers=headers).json() == IDENTITY
    assert httpx.get(f"{anonymous}/me", headers=headers).json() is None
    assert [lines.next()["message"] for _ in range(2)] == ["GET /me 200"] * 2


def test_pipelined_request_has_nothing_of_the_one_before(serve: Serve, router: APIRouter) -> None:
    """uvicorn begins it in the context of the one before, while the answer to that is sent."""
    url = httpx.URL(serve(create_app(title="Test", routers=[router], identity=LOOPBACK)))
    requests = (
        f"GET /context HTTP/1.1\r\nHost: test\r\nX-Api-IdentityId: {IDENTITY}\r\n\r\n"
        "GET /context HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    with closing(socket.create_connection((url.host, url.port or 0))) as connection:
        connection.settimeout(10)
        connection.sendall(requests.encode())
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b'["identity","request_id"]' in received
    assert received.endswith(b'["request_id"]')
