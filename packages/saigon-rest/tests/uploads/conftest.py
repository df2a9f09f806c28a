"""A client that uploads, what it uploads, and permissions to do so."""

import base64
import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from saigon.rest.client import RestClientBase

CONTENT = b"a,b\n1,2\n"


@pytest.fixture
def client(server: Any, naps: list[float], now: datetime) -> Iterator[RestClientBase]:
    with RestClientBase(server.url, sleep=naps.append, clock=lambda: now) as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.csv"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def put_url(server: Any, now: datetime) -> Callable[..., str]:
    """Make a pre-signed URL that is good for five minutes, or something wrong with it."""

    def make(signed: str = "host", *, at: str | None = None, **changes: str | None) -> str:
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": (now - timedelta(minutes=5)).strftime("%Y%m%dT%H%M%SZ"),
            "X-Amz-Expires": "600",
            "X-Amz-SignedHeaders": signed,
            "X-Amz-Signature": "hidden",
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        given = {name: value for name, value in query.items() if value is not None}
        return f"{at or server.url}/bucket/key?{urlencode(given)}"

    return make


@pytest.fixture
def form_url(server: Any) -> str:
    return f"{server.url}/bucket"


@pytest.fixture
def policy(now: datetime) -> Callable[..., str]:
    """Make a policy that is good for five minutes."""

    def make(*conditions: Any, minutes: float = 5, **changes: Any) -> str:
        document = {
            "expiration": (now + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z"),
            "conditions": [{"bucket": "bucket"}, *conditions],
        } | changes
        kept = {name: value for name, value in document.items() if value is not None}
        return base64.b64encode(json.dumps(kept).encode()).decode()

    return make


@pytest.fixture
def form(policy: Callable[..., str]) -> Callable[..., dict[str, str]]:
    """Make the fields of a form, with a policy for the key and what else is asked."""

    def make(*conditions: Any, **fields: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return {
            "key": "key",
            **named,
            "policy": policy(["starts-with", "$key", ""], *conditions),
            "x-amz-signature": "hidden",
        }

    return make


@pytest.fixture
def parts() -> Callable[[Any], list[Message]]:
    """Take a form apart as it arrived, by the parser of ``email``."""

    def parse(seen: Any) -> list[Message]:
        head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
        payload = message_from_bytes(head + seen.body).get_payload()
        assert isinstance(payload, list)
        return [part for part in payload if isinstance(part, Message)]

    return parse


@pytest.fixture
def told() -> list[tuple[int, int | None]]:
    return []


@pytest.fixture
def progress(told: list[tuple[int, int | None]]) -> Callable[[int, int | None], None]:
    """Keep what a progress callback is told, in ``told``."""
    return lambda done, length: told.append((done, length))


@pytest.fixture
def everything() -> Callable[[BaseException], str]:
    """Write out all that an error says: itself, what led to it, and its attributes."""

    def write(error: BaseException) -> str:
        said = ["".join(traceback.format_exception(error))]
        seen: BaseException | None = error
        while seen is not None:
            said.append(f"{seen!r} {seen.args!r} {_attributes(seen)!r}")
            seen = seen.__cause__ or seen.__context__
        return "\n".join(said)

    return write


def _attributes(error: BaseException) -> Mapping[str, Any]:
    return getattr(error, "__dict__", {})


class WireServer:
    """Plays what it is told on each connection, byte by byte, and keeps the request lines."""

    def __init__(self, play: Callable[[socket.socket, bytes], None]) -> None:
        self.lines: list[bytes] = []
        self._play = play
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (more := connection.recv(1024)):
                        break
                    head += more
                if not head:
                    return
                self.lines.append(head.partition(b"\r\n")[0])
                self._play(connection, head)

    def close(self) -> None:
        # An empty connection ends it.
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def wire() -> Iterator[Callable[[Callable[[socket.socket, bytes], None]], WireServer]]:
    """Serve by a function of a connection and the head that came over it."""
    running: list[WireServer] = []

    def start(play: Callable[[socket.socket, bytes], None]) -> WireServer:
        running.append(WireServer(play))
        return running[-1]

    yield start
    for server in running:
        server.close()
