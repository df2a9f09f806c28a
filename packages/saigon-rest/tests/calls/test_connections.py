"""What the network does to a call, and what the call then does."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest._requests.connections import KEEP_ALIVE
from saigon.rest.client import RestClientBase


@pytest.mark.parametrize("after", ["byte", "head", "body"])
def test_a_reset_is_tried_again_where_that_is_safe(
    caller: RestClientBase, scripted: Any, steps: Any, after: str
) -> None:
    scripted.connection(steps.reset(after=after))
    assert caller.request("PUT", "/orders/7", body={}).attempts == 2


@pytest.mark.parametrize("after", ["byte", "head", "body"])
def test_a_post_without_a_key_is_sent_once_whenever_it_is_reset(
    caller: RestClientBase, scripted: Any, steps: Any, after: str
) -> None:
    scripted.connection(steps.reset(after=after))
    with pytest.raises(exceptions.TransportError) as caught:
        caller.create_resource("/orders", {})
    assert (type(caught.value), caught.value.attempts) == (exceptions.TransportError, 1)
    assert scripted.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_not_used(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    closed = threading.Event()
    closed.set()
    scripted.connection(steps.answer(), steps.close_when(closed))
    caller.request("GET", "/")
    scripted.ended.acquire()
    response = caller.request("POST", "/orders", body={})
    assert (response.attempts, scripted.requests[1].connection) == (1, 2)


def test_a_post_that_met_a_closing_connection_is_not_sent_twice(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.answer(), steps.hang_up())
    caller.request("GET", "/")
    with pytest.raises(exceptions.TransportError, match="RemoteDisconnected"):
        caller.create_resource("/orders", {})
    assert len(scripted.requests) == 2
    scripted.connection(steps.answer(), steps.hang_up())
    caller.request("GET", "/")
    assert caller.request("POST", "/orders", body={}, idempotency_key="1").attempts == 2


def test_a_connection_that_idled_for_long_is_not_used(
    caller: RestClientBase, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.request("GET", "/")
    caller.request("GET", "/")
    assert scripted.connections == 1
    monkeypatch.setattr("saigon.rest._requests.connections.KEEP_ALIVE", 0)
    caller.request("GET", "/")
    assert scripted.connections == 2
    assert KEEP_ALIVE < 60


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_is_tried_again_for_any_method(
    make_client: Callable[..., RestClientBase], dead_url: str, naps: list[float], method: str
) -> None:
    with pytest.raises(exceptions.ConnectError, match="refused") as caught:
        make_client(dead_url).request(method, "/orders?a=hidden")
    assert (caught.value.attempts, len(naps)) == (4, 3)


def test_a_name_that_is_not_found_is_tried_again(
    make_client: Callable[..., RestClientBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(exceptions.ConnectError, match="name resolution") as caught:
        make_client("http://api.invalid").create_resource("/orders", {})
    assert caught.value.attempts == 4


def test_a_connection_that_is_not_accepted_in_time_is_tried_again(
    make_client: Callable[..., RestClientBase], deaf_url: str
) -> None:
    with pytest.raises(exceptions.ConnectError) as caught:
        make_client(deaf_url).create_resource("/orders", {}, timeout=(0.02, 5))
    assert caught.value.attempts == 4


@pytest.mark.parametrize("hello", [b"HTTP/1.1 400 No\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_a_server_without_tls_is_not_asked_again(
    make_client: Callable[..., RestClientBase], scripted: Any, hello: bytes
) -> None:
    def answer_hello(_server: Any, peer: Any, _number: int) -> None:
        peer._receive()
        peer.sock.sendall(hello)
        peer.released.wait()

    scripted.connection(answer_hello)
    client = make_client(scripted.url.replace("http:", "https:"))
    with pytest.raises(exceptions.TlsError) as caught:
        client.request("GET", "/")
    assert (caught.value.attempts, scripted.connections) == (1, 1)


def test_a_tls_connection_that_was_not_made_is_tried_again_for_any_method(
    make_client: Callable[..., RestClientBase], scripted: Any
) -> None:
    def hang_up(_server: Any, peer: Any, _number: int) -> None:
        peer._receive()
        peer.sock.shutdown(socket.SHUT_RDWR)

    for _ in range(4):
        scripted.connection(hang_up)
    client = make_client(scripted.url.replace("http:", "https:"))
    with pytest.raises(exceptions.ConnectError) as caught:
        client.create_resource("/orders", {})
    assert (caught.value.attempts, scripted.connections) == (4, 4)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhidden\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Enc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nhidden",
        b"hidden\r\n\r\n",
    ],
    ids=["length", "chunks", "no-chunk", "head", "gzip", "no-http"],
)
def test_an_answer_that_is_none_is_tried_again_and_not_quoted(
    caller: RestClientBase,
    scripted: Any,
    steps: Any,
    secrets_in: Callable[..., str],
    answer: bytes,
) -> None:
    def broken(server: Any, peer: Any, number: int) -> None:
        steps.raw(answer)(server, peer, number)
        peer.sock.shutdown(socket.SHUT_RDWR)

    scripted.connection(broken)
    scripted.connection(steps.answer(), broken)
    assert caller.get_resource("/orders/7", bytes) == b""
    with pytest.raises(exceptions.TransportError) as caught:
        caller.create_resource("/orders", {}, bytes)
    assert "hidden" not in secrets_in(caught.value)
    assert scripted.connections == 2


def test_bytes_behind_an_answer_do_not_reach_the_next_call(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    scripted.connection(steps.answer(200, b"first-second", Content_Length="5"))
    assert caller.get_resource("/", bytes) == b"first"
    assert caller.get_resource("/", bytes) == b""


def test_what_comes_before_an_answer_does_not_reach_the_next_call(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    told = threading.Event()

    def late(server: Any, peer: Any, number: int) -> None:
        steps.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")(server, peer, number)
        told.wait()
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    scripted.connection(late)
    with pytest.raises(exceptions.StatusError, match="103"):
        caller.get_resource("/first", bytes)
    assert caller.get_resource("/second", bytes) == b""
    told.set()
    assert scripted.connections == 2
