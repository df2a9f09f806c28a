"""A strict little S3 of one bucket on loopback, whose connections can be made to break."""

import base64
import hashlib
import io
import re
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from boto3.session import Session
from botocore.config import Config

from saigon.aws.s3 import s3_get_client
from saigon.aws.testing import LocalAws

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class ObjectServer(ThreadingHTTPServer):
    """Serves GET of objects with Range and If-Match; remembers each request's Range."""

    def __init__(self, session: Session) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.breaks: list[int] = []
        """After how many bytes of its body the next answers break off."""
        self.checksum: str | None = None
        """The checksum header's text; computed where absent."""
        self.ignores_ranges = False
        """Whether Range is left out of account, as HTTP allows."""
        self.on_request: Callable[[], None] = lambda: None
        self.client = s3_get_client(
            endpoint_url=f"http://127.0.0.1:{self.server_port}",
            session=session,
            config=Config(retries={"max_attempts": 0}, proxies={}),
        )

    def put(self, content: bytes, key: str = "key") -> str:
        self.objects[key] = content
        return f"s3://bucket/{key}"


class _Handler(BaseHTTPRequestHandler):
    server: ObjectServer

    def do_GET(self) -> None:  # the base class's name
        self.server.on_request()
        self.server.ranges.append(self.headers["Range"])
        key = self.path.partition("?")[0].removeprefix("/bucket/")
        content = self.server.objects[key]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        if self.headers["If-Match"] not in {None, etag}:
            self._refuse(412, "PreconditionFailed")
        elif self.headers["Range"] and not content:
            self._refuse(416, "InvalidRange")
        else:
            self._answer(content, etag)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, content: bytes, etag: str) -> None:
        if self.server.ignores_ranges:
            del self.headers["Range"]
        first, last = _bounds(self.headers["Range"], len(content))
        body = content[first : last + 1]
        self.send_response(206 if self.headers["Range"] else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        if self.headers["Range"]:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        elif self.headers["x-amz-checksum-mode"] == "ENABLED":
            crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
            self.send_header("x-amz-checksum-crc32", self.server.checksum or crc)
        self.end_headers()
        breaks_after = self.server.breaks.pop(0) if self.server.breaks else len(body)
        self.wfile.write(body[:breaks_after])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


def _bounds(header: str | None, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "bytes=0-")
    assert found is not None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


@pytest.fixture(scope="session")
def boto_session() -> Session:
    """Return one session for all tests: each new one reads botocore's models again."""
    return Session("id", "secret", region_name="eu-west-1")


@pytest.fixture
def object_server(boto_session: Session) -> Iterator[ObjectServer]:
    with ObjectServer(boto_session) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.002,))
        thread.start()
        yield server
        server.client.close()
        server.shutdown()
        thread.join()


@pytest.fixture
def make_zip() -> Callable[..., bytes]:
    def make(
        members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
    ) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.comment = comment
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return make


@pytest.fixture
def files_below() -> Callable[[Path], list[str]]:
    def files(root: Path) -> list[str]:
        return sorted(str(path.relative_to(root)) for path in root.rglob("*"))

    return files


@pytest.fixture(scope="session")
def s3_client(aws: LocalAws) -> Iterator["S3Client"]:
    client = s3_get_client(session=aws.session())
    yield client
    client.close()
