import gzip
from collections.abc import Callable
from typing import Any

import pytest

from saigon.model import ProblemDetails
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


@pytest.fixture
def bounded(make_client: Callable[..., RestClientBase], scripted: Any) -> RestClientBase:
    return make_client(scripted.url, max_response_bytes=1000)


@pytest.mark.parametrize("options", [{}, {"chunked": True}], ids=["length", "chunks"])
def test_an_answer_up_to_the_limit_is_read(
    bounded: RestClientBase, scripted: Any, steps: Any, options: Any
) -> None:
    scripted.connection(steps.answer(200, b"x" * 1000, **options))
    assert len(bounded.get_resource("/", bytes)) == 1000


@pytest.mark.parametrize("options", [{}, {"chunked": True}], ids=["length", "chunks"])
def test_a_longer_one_is_an_error_and_its_connection_is_closed(
    bounded: RestClientBase, scripted: Any, steps: Any, options: Any
) -> None:
    scripted.connection(steps.answer(200, b"x" * 1001, x_request_id="id-1", **options))
    with pytest.raises(exceptions.ResponseTooLargeError, match="more than 1000 bytes") as caught:
        bounded.get_resource("/", bytes)
    assert (caught.value.status, caught.value.request_id) == (200, "id-1")
    bounded.request("GET", "/")
    assert [request.connection for request in scripted.requests] == [1, 2]


def test_a_length_beyond_the_limit_is_refused_before_it_is_read(
    bounded: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(
        steps.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n"), steps.stall()
    )
    with pytest.raises(exceptions.ResponseTooLargeError):
        bounded.get_resource("/", bytes, timeout=1)


def test_an_answer_to_head_has_a_length_and_no_body(
    bounded: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n"))
    assert bounded.request("HEAD", "/").headers["Content-Length"] == "9000000000"


def test_a_bomb_does_not_go_off(
    bounded: RestClientBase, scripted: Any, steps: Any, peak_of: Callable[..., int]
) -> None:
    bomb = gzip.compress(bytes(10 * 1024 * 1024))
    scripted.connection(steps.answer(200, bomb, Content_Encoding="gzip"))

    def call() -> None:
        with pytest.raises(exceptions.ResponseTooLargeError):
            bounded.get_resource("/", bytes)

    assert peak_of(call) < 2 * 1024 * 1024


def test_a_stream_has_no_limit(bounded: RestClientBase, scripted: Any, steps: Any) -> None:
    scripted.connection(steps.answer(200, b"x" * 5000))
    with bounded.stream("/") as stream:
        assert sum(map(len, stream.iter_bytes())) == 5000


def test_of_an_error_the_beginning_is_kept(
    bounded: RestClientBase, scripted: Any, steps: Any
) -> None:
    problem = ProblemDetails(title="Gone", detail="it is").to_json().decode()
    media_type = "application/problem+json"
    scripted.connection(
        steps.answer(410, f"{problem}{' ' * 9000}", Content_Type=media_type),
        steps.answer(410, f"{problem}{' ' * 5_000_000}", Content_Type=media_type),
    )
    for _ in range(2):
        with pytest.raises(exceptions.StatusError, match="it is"):
            bounded.request("GET", "/")
    bounded.request("GET", "/")
    assert [request.connection for request in scripted.requests] == [1, 1, 2]


def test_an_error_that_breaks_off_is_told_all_the_same(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    def broken(server: Any, peer: Any, number: int) -> None:
        steps.raw(b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nx")(server, peer, number)
        peer.sock.close()

    scripted.connection(broken)
    with pytest.raises(exceptions.NotFoundError):
        caller.request("GET", "/")


@pytest.mark.parametrize("limit", [0, -1, True])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(exceptions.ConfigurationError, match="max_response_bytes"):
        RestClientBase("https://x", max_response_bytes=limit)
