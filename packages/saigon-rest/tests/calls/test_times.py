import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest._requests.connections import Times, _pieces
from saigon.rest.client import RestClientBase, RetryPolicy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE_CHUNK = CHUNKED + b"fffff\r\n"
FAILED = b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture
def once(make_client: Callable[..., RestClientBase], scripted: Any) -> RestClientBase:
    return make_client(scripted.url, retry=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200", HEAD, HEAD + b"x", ONE_CHUNK], ids=range(5)
)
def test_waiting_for_bytes_has_an_end(
    once: RestClientBase, scripted: Any, steps: Any, beginning: bytes
) -> None:
    def stall(server: Any, peer: Any, number: int) -> None:
        steps.raw(beginning)(server, peer, number)
        peer.released.wait()

    scripted.connection(stall)
    with pytest.raises(exceptions.RequestTimeoutError) as caught:
        once.get_resource("/orders", bytes, timeout=(5, 0.03))
    assert "whole call" not in str(caught.value)


def test_a_timeout_is_tried_again_where_that_is_safe(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.stall())
    scripted.connection(steps.answer(), steps.stall())
    assert caller.request("GET", "/orders", timeout=0.15).attempts == 2
    with pytest.raises(exceptions.RequestTimeoutError) as caught:
        caller.request("POST", "/orders", body={}, timeout=0.15)
    assert (caught.value.attempts, len(scripted.requests)) == (1, 3)


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n"),
        (HEAD, b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (ONE_CHUNK, b"x"),
    ],
    ids=["status", "headers", "body", "chunks", "chunk"],
)
def test_a_trickle_does_not_outlast_the_whole_call(
    caller: RestClientBase, scripted: Any, steps: Any, beginning: bytes, drop: bytes
) -> None:
    scripted.connection(steps.trickle(beginning, drop))
    began = time.monotonic()
    with pytest.raises(exceptions.RequestTimeoutError, match=r"0\.1 s of the whole call are up"):
        caller.get_resource("/orders", bytes, total_timeout=0.1)
    assert time.monotonic() - began < 1
    assert len(scripted.requests) == 1


def test_an_error_whose_body_trickles_is_told_in_time(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.trickle(FAILED, b"x"))
    with pytest.raises(exceptions.ServerError, match="500"):
        caller.request("POST", "/orders", total_timeout=0.3)


def test_a_body_that_is_not_taken_does_not_outlast_the_whole_call(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.stall(read=False))
    with pytest.raises(exceptions.RequestTimeoutError, match="whole call"):
        caller.create_resource("/files", b"x" * 50_000_000, total_timeout=0.2)


def test_a_long_body_goes_in_pieces_that_have_their_own_time() -> None:
    body = bytes(range(256)) * 4000
    pieces = list(_pieces(body))
    assert max(map(len, pieces)) <= 256 * 1024
    assert b"".join(pieces) == body


def test_patience_ends_with_the_whole_call() -> None:
    assert Times(5, None).patience() == 5
    assert 0 < Times(5, time.monotonic() + 1).patience() <= 1
    with pytest.raises(TimeoutError):
        Times(5, time.monotonic()).patience()


def test_a_body_may_take_longer_than_connecting(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    def read_late(server: Any, peer: Any, number: int) -> None:
        peer.released.wait(0.1)
        steps.answer()(server, peer, number)

    scripted.connection(read_late)
    response = caller.request("POST", "/files", body=b"x" * 20_000_000, timeout=(0.05, 5))
    assert (response.attempts, len(scripted.requests[0].body)) == (1, 20_000_000)


def test_a_stream_and_a_download_keep_to_the_whole_call(
    caller: RestClientBase, scripted: Any, steps: Any, tmp_path: Path
) -> None:
    scripted.connection(steps.trickle(HEAD, b"x"))
    with (
        pytest.raises(exceptions.RequestTimeoutError, match="whole call"),
        caller.stream("/f", total_timeout=0.1) as stream,
    ):
        list(stream.iter_bytes())
    scripted.connection(steps.trickle(HEAD, b"x"))
    with pytest.raises(exceptions.RequestTimeoutError, match="whole call"):
        caller.download_to("/f", tmp_path / "f", total_timeout=0.1)
    assert not list(tmp_path.iterdir())


def test_tries_share_the_time_of_the_whole_call(
    make_client: Callable[..., RestClientBase], scripted: Any, steps: Any
) -> None:
    for _ in range(9):
        scripted.connection(steps.stall())
    client = make_client(scripted.url, retry=RetryPolicy(attempts=9, base_delay=0))
    began = time.monotonic()
    with pytest.raises(exceptions.RequestTimeoutError, match="whole call") as caught:
        client.request("GET", "/orders", timeout=0.06, total_timeout=0.15)
    assert time.monotonic() - began < 1
    assert 2 <= caught.value.attempts <= 3


def test_connecting_shares_the_time_of_the_whole_call(
    make_client: Callable[..., RestClientBase], deaf_url: str
) -> None:
    began = time.monotonic()
    with pytest.raises(exceptions.ConnectError, match="whole call") as caught:
        make_client(deaf_url).request("GET", "/", total_timeout=0.05)
    assert time.monotonic() - began < 1
    assert caught.value.attempts == 1


def test_a_wait_that_does_not_fit_is_not_begun(
    client: RestClientBase, server: Any, naps: list[float]
) -> None:
    server.answer(503, Retry_After="7")
    with pytest.raises(exceptions.ServerError) as caught:
        client.request("GET", "/orders", total_timeout=5)
    assert (caught.value.attempts, caught.value.retry_after, naps) == (1, 7, [])


def test_nothing_is_sent_once_no_time_is_left(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    server.answer(503)
    late = threading.Event()
    client = make_client(sleep=lambda _: late.wait(0.05), retry=RetryPolicy(base_delay=0))
    with pytest.raises(exceptions.RequestTimeoutError, match="whole call are up") as caught:
        client.request("GET", "/orders", total_timeout=0.04, idempotency_key="1")
    assert (caught.value.attempts, len(server.seen)) == (1, 1)


def test_nothing_is_sent_once_authorizing_took_all_the_time(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Slow:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            threading.Event().wait(0.03)
            return request

    with pytest.raises(exceptions.RequestTimeoutError, match="whole call are up"):
        make_client(auth=Slow()).request("GET", "/orders", total_timeout=0.02)
    assert not server.seen


def test_a_redirect_shares_the_time_of_the_whole_call(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.answer(302, Location="/b"), steps.trickle(HEAD, b"x"))
    with pytest.raises(exceptions.RequestTimeoutError, match="whole call"):
        caller.get_resource("/a", bytes, total_timeout=0.1)


def test_a_call_in_time_leaves_the_connection_as_it_was(
    caller: RestClientBase, scripted: Any
) -> None:
    caller.request("GET", "/", total_timeout=1)
    caller.request("POST", "/", body=b"x" * 1_000_000)
    assert scripted.connections == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "1"])
def test_a_time_that_is_none_is_refused(client: RestClientBase, server: Any, seconds: Any) -> None:
    for options in ({"total_timeout": seconds}, {"timeout": seconds}, {"timeout": (1, seconds)}):
        with pytest.raises(exceptions.InvalidRequestError, match="timeout"):
            client.request("GET", "/", **options)
    with pytest.raises(exceptions.ConfigurationError, match="timeout"):
        RestClientBase(server.url, timeout=seconds)
    assert not server.seen


@pytest.mark.parametrize("timeout", [None, (1,), (1, 2, 3), [1, 2]])
def test_a_call_never_waits_without_end(client: RestClientBase, timeout: Any) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="timeout"):
        client.request("GET", "/", timeout=timeout)
