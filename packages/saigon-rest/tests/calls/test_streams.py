import gzip
from collections.abc import Callable
from typing import Any

import pytest

from saigon.model import ProblemDetails
from saigon.rest import exceptions
from saigon.rest._calls.streams import length_of
from saigon.rest.client import RestClientBase


def test_a_stream_tells_what_surrounds_it(client: RestClientBase, server: Any) -> None:
    server.answer(200, b"abcdef", x_request_id="id-5", ETag="e")
    with client.stream("/f") as stream:
        assert (stream.status, stream.length, stream.request_id) == (200, 6, "id-5")
        assert stream.headers["etag"] == "e"
        assert list(stream.iter_bytes(4)) == [b"abcd", b"ef"]
    assert server.seen[0].headers["Accept"] == "*/*"


def test_a_client_that_says_what_it_accepts_says_so_for_streams(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    with make_client(headers={"accept": "text/csv"}).stream("/f"):
        pass
    assert server.seen[0].headers.get_all("Accept") == ["text/csv"]


def test_what_is_compressed_has_no_known_length(client: RestClientBase, server: Any) -> None:
    server.answer(200, gzip.compress(b"abc"), Content_Encoding="gzip")
    with client.stream("/f") as stream:
        assert stream.length is None
        assert b"".join(stream.iter_bytes()) == b"abc"


def test_a_stream_that_was_read_leaves_its_connection(client: RestClientBase, server: Any) -> None:
    server.answer(200, b"x" * 3_000_000)
    with client.stream("/f") as stream:
        assert sum(map(len, stream.iter_bytes())) == 3_000_000
    client.request("GET", "/")
    assert server.connections == 1


def test_one_that_was_not_closes_it(caller: RestClientBase, scripted: Any, steps: Any) -> None:
    for _ in range(3):
        scripted.connection(steps.answer(200, b"x" * 3_000_000))
    with caller.stream("/f") as stream:
        assert next(stream.iter_bytes(10)) == b"x" * 10
    scripted.ended.acquire()
    with caller.stream("/f"):
        pass
    scripted.ended.acquire()
    with pytest.raises(LookupError), caller.stream("/f"):
        raise LookupError
    scripted.ended.acquire()
    assert scripted.connections == 3


def test_a_stream_is_read_once_and_within_its_block(client: RestClientBase, server: Any) -> None:
    server.answer(200, b"abc")
    with client.stream("/f") as stream:
        assert b"".join(stream.iter_bytes()) == b"abc"
        with pytest.raises(exceptions.InvalidRequestError, match="once"):
            list(stream.iter_bytes())
    server.answer(200, b"abc")
    with client.stream("/f") as stream:
        pass
    with pytest.raises(exceptions.InvalidRequestError, match="within"):
        list(stream.iter_bytes())


def test_a_stream_is_tried_again_until_it_begins(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.answer(503), steps.hang_up())
    scripted.connection(steps.answer(200, b"x" * 10, Content_Length="20"), steps.stall())
    with caller.stream("/f?key=hidden") as stream:
        pieces = stream.iter_bytes(10)
        assert next(pieces) == b"x" * 10
        caller.request("GET", "/")  # on a connection of its own
        scripted.disconnect()
        with pytest.raises(exceptions.TransportError, match=r"GET http://.*/f: ") as caught:
            next(pieces)
    assert "hidden" not in str(caught.value)
    assert [request.connection for request in scripted.requests] == [1, 1, 2, 3]


def test_the_error_of_a_stream_has_its_problem(client: RestClientBase, server: Any) -> None:
    problem = ProblemDetails(title="Gone", detail="it is")
    server.answer(410, problem.to_json(), Content_Type="application/problem+json")
    with pytest.raises(exceptions.StatusError) as caught, client.stream("/f"):
        pass
    assert caught.value.problem == problem
    client.request("GET", "/")
    assert server.connections == 1


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1.0", ""])
def test_a_length_that_is_none_is_not_known(length: str) -> None:
    assert length_of({"Content-Length": length}) is None
