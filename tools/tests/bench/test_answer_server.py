from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from tools.bench.answer_server import AnswerServer, start_answer_server

ANSWER = b'{"id": 17}'
LARGE = bytes(3 * 1024 * 1024)


@pytest.fixture(scope="module")
def server() -> Iterator[AnswerServer]:
    with start_answer_server(ANSWER.decode()) as server:
        yield server


@pytest.fixture
def connection(server: AnswerServer) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", server.port)
    yield connection
    connection.close()


def answer(connection: HTTPConnection) -> tuple[HTTPResponse, bytes]:
    response = connection.getresponse()
    return response, response.read()


def test_each_request_of_a_connection_gets_the_answer(connection: HTTPConnection) -> None:
    for path in ("/sales/17", "/?page=2"):
        connection.request("GET", path)
        response, body = answer(connection)
        assert (response.status, body) == (200, ANSWER)


@pytest.mark.parametrize(
    "sent", [pytest.param(body, id=f"{len(body)}-bytes") for body in (b"", b"{}", LARGE)]
)
def test_body_is_read_to_its_end_and_answered_with_its_size(
    connection: HTTPConnection, sent: bytes
) -> None:
    for method in ("PUT", "POST"):
        connection.request(method, "/", body=sent)
        response, body = answer(connection)
        assert (response.headers["ETag"], body) == (f'"{len(sent)}"', ANSWER)


def test_body_of_unknown_length_is_refused(connection: HTTPConnection) -> None:
    connection.request("PUT", "/", headers={"Transfer-Encoding": "chunked"})
    assert answer(connection)[0].status == 411


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 403, id="unsigned"),
        pytest.param({"Authorization": "Basic YTpi"}, 403, id="by-a-password"),
        pytest.param({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, 200, id="signed"),
    ],
)
def test_signature_is_asked_for_under_one_path(
    connection: HTTPConnection, headers: dict[str, str], status: int
) -> None:
    for method, body in (("GET", None), ("PUT", b"{}")):
        connection.request(method, "/signed/17", body=body, headers=headers)
        assert answer(connection)[0].status == status


def test_connections_are_counted_once_each(
    server: AnswerServer, connection: HTTPConnection
) -> None:
    before = server.connections()
    for _ in range(3):
        connection.request("GET", "/")
        answer(connection)
    assert server.connections() - before == 1


def test_server_ends_with_the_block() -> None:
    with start_answer_server() as server:
        assert server.connections() == 0
    with pytest.raises(ConnectionRefusedError):
        server.connections()
