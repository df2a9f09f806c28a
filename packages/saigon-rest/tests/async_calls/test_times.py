"""Times that are up, told alike by both clients."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RetryPolicy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
ONCE = {"retry": RetryPolicy(attempts=1)}


@pytest.fixture
def answer_slowly(server: Any) -> Iterator[Callable[..., None]]:
    """Have bytes sent at once, then one byte every so often until the test is over."""
    over = threading.Event()

    def slowly(at_once: bytes, then: bytes = b"") -> None:
        def respond(handler: Any) -> None:
            server.seen.append(handler.path)
            handler.close_connection = True
            handler.wfile.write(at_once)
            while not over.wait(0.01):
                handler.wfile.write(then)

        server.respond = respond

    yield slowly
    over.set()


@pytest.mark.parametrize(
    ("at_once", "then", "times"),
    [
        (b"", b"", {"timeout": 0.05}),
        (HEAD, b"", {"timeout": 0.05}),
        (b"", b"", {"total_timeout": 0.05}),
        (HEAD, b"", {"total_timeout": 0.05}),
        (HEAD, b"x", {"total_timeout": 0.05}),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n", {"total_timeout": 0.05}),
    ],
    ids=["no head", "no body", "no head in all", "no body in all", "body by bytes", "endless head"],
)
def test_waiting_for_an_answer_has_an_end(  # noqa: PLR0917  # fixtures and the table's columns
    twin: Any, server: Any, answer_slowly: Any, at_once: bytes, then: bytes, times: Any
) -> None:
    answer_slowly(at_once, then)
    began = time.monotonic()
    outcome = twin.call(server.url, "get_resource", "/a", bytes, client=ONCE, **times)
    assert type(outcome.error) is exceptions.RequestTimeoutError
    assert time.monotonic() - began < 2
    assert [event.error for event in outcome.events] == ["RequestTimeoutError"]


def test_a_stream_keeps_to_the_time_of_the_whole_call(
    twin: Any, server: Any, answer_slowly: Any
) -> None:
    answer_slowly(HEAD, b"x")
    outcome = twin.call(server.url, "stream", "/a", total_timeout=0.1)
    assert type(outcome.error) is exceptions.RequestTimeoutError
    assert "0.1 s of the whole call are up" in str(outcome.error)


def test_an_error_is_told_although_its_body_does_not_end(
    twin: Any, server: Any, answer_slowly: Any
) -> None:
    answer_slowly(HEAD.replace(b"200 OK", b"410 Gone"), b"x")
    began = time.monotonic()
    outcome = twin.call(server.url, "get_resource", "/a", bytes, total_timeout=0.1)
    assert outcome.error.status == 410
    assert time.monotonic() - began < 2


def test_no_try_is_begun_once_the_time_is_up(twin: Any, server: Any, answer_slowly: Any) -> None:
    answer_slowly(b"")
    outcome = twin.call(server.url, "get_resource", "/a", bytes, total_timeout=0.05)
    assert type(outcome.error) is exceptions.RequestTimeoutError
    assert (outcome.error.attempts, len(server.seen), outcome.naps) == (1, 1, [])


@pytest.mark.parametrize("times", [{"timeout": 0.05}, {"total_timeout": 0.05}], ids=["each", "all"])
def test_a_connection_that_is_not_made_in_time_was_never_made(
    twin: Any, full_url: str, times: Any
) -> None:
    outcome = twin.call(full_url, "create_resource", "/a", {}, client=ONCE, **times)
    assert type(outcome.error) is exceptions.ConnectError


@pytest.mark.parametrize("times", [{"timeout": 0.1}, {"total_timeout": 0.1}], ids=["each", "all"])
def test_the_addresses_of_a_host_share_the_time(
    twin: Any, full_url: str, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = "127.0.0.1", int(full_url.rpartition(":")[2])
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [address] * 9)
    began = time.monotonic()
    outcome = twin.call(f"http://many.test:{port}", "request", "GET", "/", client=ONCE, **times)
    assert type(outcome.error) is exceptions.ConnectError
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("total", [0, -1, float("nan")])
def test_a_time_that_is_none_is_refused(twin: Any, server: Any, total: float) -> None:
    outcome = twin.call(server.url, "get_resource", "/a", bytes, total_timeout=total)
    assert type(outcome.error) is exceptions.InvalidRequestError
    assert not server.seen
