"""A server of objects that is as fast as the loopback, for measuring what clients add.

It runs in a process of its own, so that it takes no turns with the client's Python, and sends
files by ``sendfile``. It speaks of S3 what downloads ask for: GET and HEAD by path, one range,
``If-Match``, entity tags and the CRC-32 of whole objects. Signatures are not checked.

As a program it takes the folder of the objects, says its port, and ends with its standard input.
"""

import base64
import os
import re
import socket
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from tools.bench.apart import started

__all__ = ["CHECKED", "PLAIN", "ObjectServer", "start_object_server"]

CHECKED: Final = "checked"
"""The bucket whose whole objects come with their checksum."""

PLAIN: Final = "plain"
"""The bucket with the same objects, of which no checksum is told."""

_REQUESTS: Final = "/-/requests"
_HEAD_END: Final = b"\r\n\r\n"
_LONGEST_HEAD: Final = 64 * 1024
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_REASONS: Final = {
    200: "OK",
    206: "Partial Content",
    404: "Not Found",
    412: "Precondition Failed",
    416: "Range Not Satisfiable",
}
_CODES: Final = {404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange"}


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """A server that answers."""

    port: int
    folder: Path
    """Where the objects are: a file's name is its key in both buckets."""

    @property
    def url(self) -> str:
        """Return the address, which paths of ``/bucket/key`` follow."""
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> int:
        """Return how many requests for objects came so far."""
        connection = HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", _REQUESTS)
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def start_object_server(folder: Path) -> Iterator[ObjectServer]:
    """Serve a folder's files for the time of the block."""
    with started("tools.bench.object_server", str(folder)) as port:
        yield ObjectServer(port, folder)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    objects = _Objects(Path(sys.argv[1]))
    threading.Thread(target=_accept, args=(listener, objects), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, objects: "_Objects") -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, objects), daemon=True).start()


def _serve(connection: socket.socket, objects: "_Objects") -> None:
    with connection:
        try:
            rest = b""
            while (request := _next_request(connection, rest)) is not None:
                head, rest = request
                objects.answer(connection, head)
        except ConnectionError:
            pass  # clients leave when they have enough


def _next_request(connection: socket.socket, received: bytes) -> tuple[str, bytes] | None:
    while _HEAD_END not in received:
        more = connection.recv(_LONGEST_HEAD)
        if not more:
            return None
        received += more
    head, _, rest = received.partition(_HEAD_END)
    return head.decode("latin-1"), rest


@dataclass(frozen=True, slots=True)
class _Object:
    path: Path
    size: int
    crc: int

    @property
    def etag(self) -> str:
        return f'"{self.crc:08x}-{self.size:x}"'

    @property
    def checksum(self) -> str:
        return base64.b64encode(self.crc.to_bytes(4, "big")).decode()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    first: int = 0
    size: int = 0
    """How many bytes of the object follow."""


class _Objects:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, _Object] = {}
        self._requests = 0
        self._lock = threading.Lock()

    def answer(self, connection: socket.socket, head: str) -> None:
        """Answer one request."""
        first_line, *lines = head.split("\r\n")
        method, target, _ = first_line.split(" ")
        path = target.partition("?")[0]
        if path == _REQUESTS:
            _send(connection, 200, {}, str(self._requests).encode())
            return
        with self._lock:
            self._requests += 1
        fields = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in fields}
        _, bucket, key = path.split("/", 2)
        found = self._find(key)
        answer = _Answer(404, {}) if found is None else _answer(found, bucket, headers)
        if found is None or answer.status in _CODES:
            _refuse(connection, answer, has_body=method != "HEAD")
            return
        _send_head(connection, answer.status, answer.headers, answer.size)
        if method != "HEAD":
            _send_file(connection, found.path, answer.first, answer.size)

    def _find(self, key: str) -> _Object | None:
        if key not in self._known:
            path = self._folder / key
            if not path.is_file():
                return None
            self._known[key] = _Object(path, path.stat().st_size, _crc(path))
        return self._known[key]


def _answer(found: _Object, bucket: str, headers: dict[str, str]) -> _Answer:
    if headers.get("if-match", found.etag) != found.etag:
        return _Answer(412, {})
    told = {
        "ETag": found.etag,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
    wanted = _RANGE.fullmatch(headers.get("range", ""))
    if wanted is None:
        if bucket == CHECKED and headers.get("x-amz-checksum-mode") == "ENABLED":
            told |= {
                "x-amz-checksum-crc32": found.checksum,
                "x-amz-checksum-type": "FULL_OBJECT",
            }
        return _Answer(200, told, 0, found.size)
    first, last = _span(wanted, found.size)
    if first > last:
        return _Answer(416, {})
    told["Content-Range"] = f"bytes {first}-{last}/{found.size}"
    return _Answer(206, told, first, last - first + 1)


def _span(wanted: re.Match[str], size: int) -> tuple[int, int]:
    first, last = wanted.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(size - 1, int(last or size - 1))


def _refuse(connection: socket.socket, answer: _Answer, *, has_body: bool) -> None:
    body = f"<Error><Code>{_CODES[answer.status]}</Code></Error>".encode() if has_body else b""
    _send(connection, answer.status, {"Content-Type": "application/xml"}, body)


def _send(connection: socket.socket, status: int, headers: dict[str, str], body: bytes) -> None:
    _send_head(connection, status, headers, len(body))
    connection.sendall(body)


def _send_head(connection: socket.socket, status: int, headers: dict[str, str], size: int) -> None:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Length: {size}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join(lines).encode() + _HEAD_END)


def _send_file(connection: socket.socket, path: Path, first: int, size: int) -> None:
    with path.open("rb") as file:
        while size:
            sent = os.sendfile(connection.fileno(), file.fileno(), first, size)
            if not sent:
                raise ConnectionError("the file was cut while it was sent")
            first += sent
            size -= sent


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            crc = zlib.crc32(piece, crc)
    return crc


if __name__ == "__main__":
    main()
