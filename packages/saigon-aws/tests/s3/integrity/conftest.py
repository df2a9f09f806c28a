"""An S3 of one bucket on loopback that answers, or fails to, as its script says."""

import base64
import hashlib
import io
import re
import shutil
import socket
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from boto3.session import Session
from botocore.config import Config

from saigon.aws.s3 import (
    s3_get_client,
    s3_iter_unzip,
    s3_object_to_file,
    s3_object_unzip,
    s3_temporary_file,
    s3_temporary_unzip,
    s3_unzip_list,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CONTENT = bytes(range(256)) * 40
RANGE = (100, 9_000)
URL = "s3://bucket/key"
MEMBERS = {
    "a.txt": b"abc" * 500,
    "dir/b.bin": bytes(range(256)) * 8,
    "dir/ü.txt": "grün".encode() * 100,
    "empty": b"",
}

Operation = Callable[["S3Client", Path], object]


@dataclass(slots=True, kw_only=True)
class Answer:
    """How one answer differs from what S3 would say; as it is made, not at all."""

    status: int | None = None
    code: str = ""
    """An error code, put into the XML that S3 answers with."""
    headers: dict[str, str | None] = field(default_factory=dict)
    """Headers that replace the right ones; None takes one away."""
    body: bytes | None = None
    whole: bool = False
    """Whether a range is left out of account."""
    bounds: tuple[int, int] | None = None
    """The first and last byte that are given, whatever is asked for."""
    ignores_condition: bool = False
    flip: int | None = None
    """The bit of the body that is turned over on the way; counted from its end below zero."""
    sent: float | None = None
    """After how many bytes of the body the answer breaks off; a float is a share of them."""
    raw: bytes | None = None
    """What is sent instead of a status line, headers and body."""
    chunked: bool = False
    end: Literal["keep", "fin", "rst", "stall"] = "keep"
    effect: bool = True
    """Whether a request that writes is carried out."""


class ScriptedS3(ThreadingHTTPServer):
    """The first request gets the first answer of the script; after its end all is well."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.released = threading.Event()
        self.reset()

    def reset(self) -> None:
        self.objects: dict[str, bytes] = {"key": CONTENT}
        self.parts: dict[str, bytes] = {}
        self.uploads: set[str] = set()
        self.checksum: str | None = "crc32"
        self.composite = False
        self.requests: list[str] = []
        self.ranges: list[str | None] = []
        self.on_request: Callable[[], None] = lambda: None
        self.answers: list[Answer] = []

    def plays(self, *answers: dict[str, Any]) -> None:
        self.answers = [Answer(**answer) for answer in answers]

    def shutdown_request(self, request: Any) -> None:
        # A shutdown would say good-bye before a reset.
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedS3
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.on_request()
        name = self._operation()
        self.server.requests.append(name)
        self.server.ranges.append(self.headers["Range"])
        answer = self.server.answers.pop(0) if self.server.answers else Answer()
        self._send(answer, *getattr(self, f"_{name}")(answer, body))

    # The base class's names.
    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815  # see above

    def _operation(self) -> str:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self.command == "POST":
            return "create" if "uploads" in query else "complete"
        if self.command == "DELETE":
            return "abort"
        if self.command == "PUT":
            return "part" if "partNumber" in query else "put"
        return self.command.lower()

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path.removeprefix("/bucket/"))

    def _head(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b""

    def _get(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        content = self.server.objects[self._key]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        condition = self.headers["If-Match"]
        if condition not in {None, etag} and not answer.ignores_condition:
            return 412, {}, _error("PreconditionFailed")
        headers = {"ETag": etag}
        asked = None if answer.whole else self.headers["Range"]
        if asked is None and answer.bounds is None:
            if self.headers["x-amz-checksum-mode"] == "ENABLED" and self.server.checksum:
                headers |= _checksum(self.server.checksum, content, self.server.composite)
            return 200, headers, content
        first, last = answer.bounds or _bounds(asked, len(content))
        if first >= len(content):
            return 416, {}, _error("InvalidRange")
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return 206, headers, content[first : last + 1]

    def _put(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self.headers["If-None-Match"] == "*" and self._key in self.server.objects:
            return 412, {}, _error("PreconditionFailed")
        if answer.effect:
            self.server.objects[self._key] = body
        return 200, {"ETag": '"e"'}, b""

    def _create(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if answer.effect:
            self.server.uploads.add("u")
        return 200, {}, _result("InitiateMultipartUpload", "<UploadId>u</UploadId>")

    def _part(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        number = parse_qs(urlsplit(self.path).query)["partNumber"][0]
        if answer.effect:
            self.server.parts[number] = body
        return 200, {"ETag": f'"{number}"'}, b""

    def _complete(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if "u" not in self.server.uploads:
            return 404, {}, _error("NoSuchUpload")
        if self.headers["If-None-Match"] == "*" and self._key in self.server.objects:
            return 412, {}, _error("PreconditionFailed")
        if answer.effect:
            parts = sorted(self.server.parts.items(), key=lambda item: int(item[0]))
            self.server.objects[self._key] = b"".join(part for _, part in parts)
            self.server.uploads.clear()
        return 200, {}, _result("CompleteMultipartUpload", "<ETag>e</ETag>")

    def _abort(self, answer: Answer, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if answer.effect:
            self.server.uploads.clear()
        return 204, {}, b""

    def _send(self, answer: Answer, status: int, headers: dict[str, str], body: bytes) -> None:
        if answer.status is not None and answer.status >= 300:
            headers = {}  # an error tells nothing of the object
        status = answer.status or status
        body = _error(answer.code) if answer.code else body
        body = body if answer.body is None else answer.body
        framing = "Transfer-Encoding" if answer.chunked else "Content-Length"
        told: dict[str, str | None] = {framing: "chunked" if answer.chunked else str(len(body))}
        lines = [f"HTTP/1.1 {status} Said"]
        told |= headers | answer.headers
        lines += [f"{name}: {value}" for name, value in told.items() if value is not None]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if answer.flip is not None and body:
            body = _flipped(body, answer.flip)
        if answer.sent is not None:
            at = answer.sent if isinstance(answer.sent, int) else int(answer.sent * len(body))
            if at >= len(body) and answer.raw is None:
                answer.end = "keep"  # nothing is missing; a client would use the connection again
            body = body[:at]
        body = _in_chunks(body, ends=answer.sent is None) if answer.chunked else body
        self.connection.sendall(head + body if answer.raw is None else answer.raw)
        self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        if answer.end == "stall":
            self.server.released.wait()
        self.close_connection = answer.end != "keep"
        if answer.end == "rst":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def log_message(self, *args: object) -> None:
        pass


def _bounds(header: str | None, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    assert found is not None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _error(code: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>no</Message><RequestId>r</RequestId></Error>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _result(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Result>{inner}</{name}Result>'.encode()


def _flipped(body: bytes, bit: int) -> bytes:
    at, mask = divmod(bit % (8 * len(body)), 8)
    return body[:at] + bytes([body[at] ^ (1 << mask)]) + body[at + 1 :]


def _in_chunks(body: bytes, *, ends: bool) -> bytes:
    pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return framed + (b"0\r\n\r\n" if ends else b"")


def _checksum(
    algorithm: str, content: bytes, composite: bool
) -> dict[str, str]:  # the server's setting as it is
    value = base64.b64encode(_DIGESTS[algorithm](content)).decode()
    kind = "COMPOSITE" if composite else "FULL_OBJECT"
    suffix = "-3" if composite else ""
    return {f"x-amz-checksum-{algorithm}": value + suffix, "x-amz-checksum-type": kind}


def _reflected_crc(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    """Return a CRC by its definition: those that the standard library has not."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    full = (1 << bits) - 1

    def digest(content: bytes) -> bytes:
        crc = full
        for byte in content:
            crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
        return (crc ^ full).to_bytes(bits // 8, "big")

    return digest


_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda content: zlib.crc32(content).to_bytes(4, "big"),
    "crc32c": _reflected_crc(0x82F63B78, 32),
    "crc64nvme": _reflected_crc(0x9A6C9329AC4BC9B5, 64),
    "sha1": lambda content: hashlib.sha1(content).digest(),  # one of S3's
    "sha256": lambda content: hashlib.sha256(content).digest(),
}


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[ScriptedS3]:
    with ScriptedS3() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def s3(scripted_server: ScriptedS3) -> ScriptedS3:
    """Return the server with an empty script."""
    scripted_server.reset()
    return scripted_server


@pytest.fixture(scope="session")
def make_client(
    boto_session: Session, scripted_server: ScriptedS3
) -> Iterator[Callable[..., "S3Client"]]:
    made: list[S3Client] = []

    def make(**options: Any) -> "S3Client":
        # In the legacy mode botocore raises the last error itself, whatever another handler says.
        retries: Any = {"max_attempts": 0, "mode": "standard"}
        config = Config(retries=retries, proxies={}, **{"read_timeout": 20, **options})
        url = f"http://127.0.0.1:{scripted_server.server_port}"
        made.append(s3_get_client(endpoint_url=url, session=boto_session, config=config))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def client(make_client: Callable[..., "S3Client"]) -> "S3Client":
    """Return a client that tries once."""
    return make_client()


@pytest.fixture(scope="session")
def impatient_client(make_client: Callable[..., "S3Client"]) -> "S3Client":
    return make_client(read_timeout=0.3)


@pytest.fixture(scope="session")
def retrying_client(make_client: Callable[..., "S3Client"]) -> "S3Client":
    """Return a client that tries three times, and waits not at all in between."""
    client = make_client()

    def retry(attempts: int, response: Any, **_: object) -> int | None:
        failed = response is None or response[0].status_code >= 500
        return 0 if failed and attempts < 3 else None

    events: Any = client.meta.events  # their types know no handler that answers
    events.register_first("needs-retry.s3", retry)
    return client


@pytest.fixture(scope="session")
def content() -> bytes:
    return CONTENT


@pytest.fixture(scope="session")
def members() -> dict[str, bytes]:
    return MEMBERS


@pytest.fixture(scope="session")
def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in MEMBERS.items():
            method = zipfile.ZIP_STORED if name.endswith("bin") else zipfile.ZIP_DEFLATED
            file.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory that temporary files are made in for this test."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@dataclass(frozen=True, slots=True)
class Trial:
    """One function of the package and the one result that is right."""

    run: Operation
    right: object
    is_archive: bool
    requests: int
    """How many requests it makes where nothing goes wrong."""


def _read_file(client: "S3Client", place: Path) -> object:
    return s3_object_to_file(client, URL, destination=place / "file").read_bytes()


def _read_new_file(client: "S3Client", place: Path) -> object:
    path = s3_object_to_file(client, URL)
    found = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    return found


def _read_range(client: "S3Client", place: Path) -> object:
    return s3_object_to_file(client, URL, destination=place / "file", byte_range=RANGE).read_bytes()


def _read_rest(client: "S3Client", place: Path) -> object:
    return s3_object_to_file(
        client, URL, destination=place / "file", byte_range=(RANGE[0], None)
    ).read_bytes()


def _read_temporary(client: "S3Client", place: Path) -> object:
    with s3_temporary_file(client, URL) as path:
        return path.read_bytes()


def _unzip(client: "S3Client", place: Path) -> object:
    return _contents(s3_object_unzip(client, URL, destination=place / "out"), place / "out")


def _unzip_temporary(client: "S3Client", place: Path) -> object:
    with s3_temporary_unzip(client, URL) as paths:
        return {path.name: path.read_bytes() for path in paths}


def _iterate(client: "S3Client", place: Path) -> object:
    return {member.name: stream.read() for member, stream in s3_iter_unzip(client, URL)}


def _list(client: "S3Client", place: Path) -> object:
    return {member.name: member.size for member in s3_unzip_list(client, URL)}


def _contents(paths: list[Path], root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a trial needs: its object, and places that can be looked at afterwards."""

    trials: dict[str, Trial]
    server: ScriptedS3
    archive: bytes
    path: Path
    temporary: Path

    def puts(self, trial: Trial) -> None:
        self.server.objects["key"] = self.archive if trial.is_archive else CONTENT

    def clears(self) -> None:
        """Take the result of a trial away, so that another one has the same place."""
        (self.path / "place" / "file").unlink(missing_ok=True)
        shutil.rmtree(self.path / "place" / "out", ignore_errors=True)


@pytest.fixture
def stage(
    trials: dict[str, Trial], s3: ScriptedS3, archive: bytes, temporary: Path, tmp_path: Path
) -> Stage:
    return Stage(trials, s3, archive, tmp_path, temporary)


@pytest.fixture(scope="session")
def trials() -> dict[str, Trial]:
    names = {name.rpartition("/")[2]: data for name, data in MEMBERS.items()}
    sizes = {name: len(data) for name, data in MEMBERS.items()}
    return {
        "file": Trial(_read_file, CONTENT, False, 1),
        "new-file": Trial(_read_new_file, CONTENT, False, 1),
        "range": Trial(_read_range, CONTENT[RANGE[0] : RANGE[1] + 1], False, 1),
        "rest": Trial(_read_rest, CONTENT[RANGE[0] :], False, 1),
        "temporary-file": Trial(_read_temporary, CONTENT, False, 1),
        "unzip": Trial(_unzip, MEMBERS, True, 2),
        "temporary-unzip": Trial(_unzip_temporary, names, True, 2),
        "iter-unzip": Trial(_iterate, MEMBERS, True, 2),
        "list": Trial(_list, sizes, True, 1),
    }
