"""A server that gives one answer to all requests, for measuring what clients add.

It runs in a process of its own, so that it takes no turns with the client's Python, and does as
little as it can: what it reads of a request is its length. Bodies are counted and forgotten; one
of unknown length is refused, and so is a request for ``/signed/…`` without a signature.

As a program it takes the answer's body, says its port, and ends with its standard input.
"""

import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final

from tools.bench.apart import started

__all__ = ["AnswerServer", "start_answer_server"]

_CONNECTIONS: Final = "/-/connections"
_HEAD_END: Final = b"\r\n\r\n"
_LONGEST_HEAD: Final = 64 * 1024
_BUFFER: Final = 1024 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ASKED: Final = f"GET {_CONNECTIONS} ".encode()
_SIGNED: Final = b"/signed/"
_SIGNATURE: Final = b": AWS4-HMAC-SHA256 "
# What API Gateway sends beside the body, so that as many headers are read as there.
_HEAD: Final = (
    "HTTP/1.1 {status}\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: {length}\r\n"
    "Connection: keep-alive\r\n"
    "x-amzn-RequestId: 7f4e8c1e-0000-4000-8000-000000000000\r\n"
    "x-amz-apigw-id: AbCdEfGhIjKlMnO=\r\n"
    "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678\r\n"
    "{etag}\r\n"
)


@dataclass(frozen=True, slots=True)
class AnswerServer:
    """A server that answers."""

    port: int

    @property
    def host(self) -> str:
        """Return the host and the port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return the address, which any path may follow."""
        return f"http://{self.host}"

    def connections(self) -> int:
        """Return how many connections a request came over so far."""
        connection = HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", _CONNECTIONS)
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def start_answer_server(body: str = "{}") -> Iterator[AnswerServer]:
    """Answer with a body for the time of the block; a body that is sent gets its size as ETag."""
    with started("tools.bench.answer_server", body) as port:
        yield AnswerServer(port)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    answers = _Answers(sys.argv[1].encode())
    threading.Thread(target=_accept, args=(listener, answers), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, answers: "_Answers") -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, answers), daemon=True).start()


def _serve(connection: socket.socket, answers: "_Answers") -> None:
    # Clients leave when they have enough.
    with connection, suppress(ConnectionError):
        answers.serve(connection)


class _Answers:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._answer = _answer("200 OK", body)
        self._connections = 0
        self._lock = threading.Lock()

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        head, rest = _next_head(connection, b"")
        if head and not head.startswith(_ASKED):
            with self._lock:
                self._connections += 1
        while head:
            answer, length = self._to(head)
            _skip(connection, length - len(rest))
            connection.sendall(answer)
            head, rest = _next_head(connection, rest[length:])

    def _to(self, head: bytes) -> tuple[bytes, int]:
        """Return the answer to a request, and how long the request's body is."""
        method, path, _ = head.split(b" ", 2)
        if path == _CONNECTIONS.encode():
            return _answer("200 OK", str(self._connections).encode()), 0
        found = None if method == b"GET" else _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if path.startswith(_SIGNED) and _SIGNATURE not in head:
            return _answer("403 Forbidden", b""), length
        if method == b"GET":
            return self._answer, 0
        if found is None:
            return _answer("411 Length Required", b""), 0
        return _answer("200 OK", self._body, f'ETag: "{length}"\r\n'), length


def _answer(status: str, body: bytes, etag: str = "") -> bytes:
    return _HEAD.format(status=status, length=len(body), etag=etag).encode() + body


def _next_head(connection: socket.socket, received: bytes) -> tuple[bytes, bytes]:
    """Return a request's head and what came after it; nothing where the client is gone."""
    while _HEAD_END not in received:
        more = connection.recv(_LONGEST_HEAD)
        if not more:
            return b"", b""
        received += more
    head, _, rest = received.partition(_HEAD_END)
    return head, rest


def _skip(connection: socket.socket, remaining: int) -> None:
    if remaining <= 0:
        return
    buffer = memoryview(bytearray(min(_BUFFER, remaining)))
    while remaining > 0:
        received = connection.recv_into(buffer, min(len(buffer), remaining))
        if not received:
            raise ConnectionError("the client left")
        remaining -= received


if __name__ == "__main__":
    main()
