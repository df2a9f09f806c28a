"""Real servers on loopback, and users whose keys a local gateway knows."""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def naps() -> list[float]:
    """The seconds that were waited for; hand its ``append`` in as ``sleep``."""
    return []


@dataclass
class Seen:
    """A request as the server got it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


class RecordingServer:
    """Answers what it was told to, in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: deque[Answer] = deque()
        self.connections = 0
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def handle_any(self) -> None:
                outer.respond(self)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_args: Any) -> None:
                """A client that goes away is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,))
        self._thread.start()

    def answer(
        self,
        status: int = 200,
        body: bytes | str = b"",
        *,
        hang_up: bool = False,
        **headers: str,
    ) -> None:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(Answer(status, data, named, hang_up))

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        self.seen.append(
            Seen(handler.command, handler.path, handler.headers, _read_body(handler))  # type: ignore[arg-type]  # a Message is mapping enough
        )
        answer = self.answers.popleft() if self.answers else Answer()
        if answer.hang_up:
            handler.close_connection = True
            return
        handler.send_response_only(answer.status)
        headers = dict(answer.headers)
        if answer.status != 204:
            headers.setdefault("Content-Length", str(len(answer.body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer.body)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") == "chunked":
        body = b""
        while size := int(handler.rfile.readline(), 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return body
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    running = RecordingServer()
    yield running
    running.close()


@pytest.fixture
def dead_url() -> str:
    """An address that nobody listens at."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Serve ASGI apps by uvicorn, each in a thread; gives the address."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(app: Any) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own
        config = uvicorn.Config(app, log_config=None, ws="none", access_log=False)
        runner = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(runner.serve([listener])))
        thread.start()
        running.append((runner, thread, listener))
        while not runner.started and thread.is_alive():
            time.sleep(0.005)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for runner, thread, listener in running:
        runner.should_exit = True
        thread.join()
        listener.close()


@dataclass(frozen=True)
class Caller:
    """A user with temporary credentials, as signer and gateway know it."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: datetime
    identity_id: str
    user_sub: str
    user_pool_id: str
    region: str


@pytest.fixture
def make_caller() -> Callable[..., Caller]:
    def make(name: str, *, expiration: datetime = NOW + timedelta(hours=1)) -> Caller:
        return Caller(
            access_key_id=f"ASIA{name.upper()}",
            secret_access_key=SecretStr(f"secret-of-{name}"),
            session_token=SecretStr(f"token-of-{name}"),
            expiration=expiration,
            identity_id=f"eu-west-1:{name}",
            user_sub=f"00000000-0000-4000-8000-{name.encode().hex()[:12]:0>12}",
            user_pool_id="eu-west-1_Users",
            region="eu-west-1",
        )

    return make
