import base64
import zlib
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tools.bench.object_server import CHECKED, PLAIN, ObjectServer, start_object_server

CONTENT = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    folder = tmp_path_factory.mktemp("objects")
    (folder / "object.bin").write_bytes(CONTENT)
    with start_object_server(folder) as server:
        yield server


@pytest.fixture
def connection(server: ObjectServer) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", server.port)
    yield connection
    connection.close()


def get(
    connection: HTTPConnection, path: str = f"/{CHECKED}/object.bin", **headers: str
) -> tuple[HTTPResponse, bytes]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers=told)
    response = connection.getresponse()
    return response, response.read()


def test_object_comes_whole_with_its_entity_tag(connection: HTTPConnection) -> None:
    response, body = get(connection)
    assert (response.status, body) == (200, CONTENT)
    assert response.headers["ETag"].startswith('"')


@pytest.mark.parametrize(
    ("span", "expected", "told"),
    [
        pytest.param("bytes=10-19", CONTENT[10:20], "bytes 10-19/10240", id="closed"),
        pytest.param("bytes=10230-", CONTENT[10230:], "bytes 10230-10239/10240", id="open"),
        pytest.param("bytes=-3", CONTENT[-3:], "bytes 10237-10239/10240", id="suffix"),
        pytest.param("bytes=-99999", CONTENT, "bytes 0-10239/10240", id="longer-suffix"),
        pytest.param("bytes=0-99999", CONTENT, "bytes 0-10239/10240", id="past-the-end"),
    ],
)
def test_range_is_answered_with_its_bytes(
    connection: HTTPConnection, span: str, expected: bytes, told: str
) -> None:
    response, body = get(connection, Range=span)
    assert (response.status, body, response.headers["Content-Range"]) == (206, expected, told)


def test_checksum_is_told_of_whole_objects_of_one_bucket_where_asked_for(
    connection: HTTPConnection,
) -> None:
    name = "x-amz-checksum-crc32"
    asked, _ = get(connection, x_amz_checksum_mode="ENABLED")
    crc = zlib.crc32(CONTENT).to_bytes(4, "big")
    assert base64.b64decode(asked.headers[name]) == crc
    unasked, _ = get(connection)
    part, _ = get(connection, x_amz_checksum_mode="ENABLED", Range="bytes=0-9")
    plain, _ = get(connection, f"/{PLAIN}/object.bin", x_amz_checksum_mode="ENABLED")
    assert not any(name in response.headers for response in (unasked, part, plain))


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param("/checked/no-such", {}, 404, b"NoSuchKey", id="absent"),
        pytest.param(
            "/checked/object.bin", {"If_Match": '"x"'}, 412, b"PreconditionFailed", id="changed"
        ),
        pytest.param(
            "/checked/object.bin", {"Range": "bytes=10240-"}, 416, b"InvalidRange", id="outside"
        ),
    ],
)
def test_refusal_says_its_code_and_keeps_the_connection(
    connection: HTTPConnection, path: str, headers: dict[str, str], status: int, code: bytes
) -> None:
    response, body = get(connection, path, **headers)
    assert response.status == status
    assert code in body
    assert get(connection)[1] == CONTENT


def test_head_says_the_size_and_sends_nothing(connection: HTTPConnection) -> None:
    connection.request("HEAD", f"/{CHECKED}/object.bin")
    response = connection.getresponse()
    assert (response.headers["Content-Length"], response.read()) == (str(len(CONTENT)), b"")
    assert get(connection)[1] == CONTENT


def test_requests_for_objects_are_counted(server: ObjectServer, connection: HTTPConnection) -> None:
    before = server.requests()
    get(connection)
    get(connection)
    assert server.requests() - before == 2


def test_server_ends_with_the_block(tmp_path: Path) -> None:
    with start_object_server(tmp_path) as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        server.requests()
