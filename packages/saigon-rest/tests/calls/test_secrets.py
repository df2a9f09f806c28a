"""What is secret of a call stands in nothing that is told of it."""

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RestEvent, RetryPolicy

SECRET = "hunter2"


class Order(BaseModel):
    order_id: int


def _raw(data: bytes) -> Callable[[Any], Any]:
    def script(steps: Any) -> Any:
        def step(server: Any, peer: Any, number: int) -> None:
            steps.raw(data)(server, peer, number)
            peer.sock.shutdown(socket.SHUT_RDWR)

        return step

    return script


OUTCOMES = {
    "reset": lambda steps: steps.reset(),
    "hang-up": lambda steps: steps.hang_up(),
    "stall": lambda steps: steps.stall(),
    "500": lambda steps: steps.answer(500, SECRET),
    "404": lambda steps: steps.answer(404, f'{{"message": "{SECRET}"}}', X_Own=SECRET),
    "403": lambda steps: steps.answer(403, SECRET, x_amzn_ErrorType=f"a {SECRET}"),
    "s3": lambda steps: steps.answer(400, f"<Code>{SECRET}!</Code><Key>{SECRET}</Key>"),
    "429": lambda steps: steps.answer(429, SECRET, Retry_After=SECRET),
    "redirect": lambda steps: steps.answer(302, Location=f"https://{SECRET}.example/?a={SECRET}"),
    "no-redirect": lambda steps: steps.answer(302, Location=f"http://[{SECRET}"),
    "loop": lambda steps: steps.answer(302, Location=f"/orders?a={SECRET}"),
    "wrong": lambda steps: steps.answer(200, f'{{"order_id": "{SECRET}"}}'),
    "no-json": lambda steps: steps.answer(200, SECRET),
    "too-large": lambda steps: steps.answer(200, SECRET * 1000),
    "no-http": _raw(f"{SECRET}\r\n\r\n".encode()),
    "no-header": _raw(f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode()),
    "no-chunk": _raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode()),
    "no-gzip": _raw(
        f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n{SECRET}".encode()
    ),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_secret_is_told_whatever_comes(  # noqa: PLR0917  # fixtures
    make_client: Callable[..., RestClientBase],
    scripted: Any,
    steps: Any,
    secrets_in: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    outcome: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[RestEvent] = []
    for _ in range(9):
        scripted.connection(*[OUTCOMES[outcome](steps)] * 7)
    client = make_client(
        scripted.url,
        headers={"Authorization": f"Bearer {SECRET}"},
        hooks=[events.append],
        retry=RetryPolicy(attempts=2),
        max_response_bytes=1000,
    )
    with pytest.raises(exceptions.RestError) as caught:
        client.request(
            "PUT",
            "/orders",
            Order,
            body={"password": SECRET},
            params={"token": SECRET},
            headers={"X-Key": SECRET},
            idempotency_key=SECRET,
            timeout=0.1,
        )
    assert scripted.requests
    assert SECRET not in secrets_in(caught.value)
    assert SECRET not in f"{events} {client!r} {caplog.text}"


@pytest.mark.parametrize(
    "options",
    [
        {"path": f"/a/../{SECRET}"},
        {"path": f"/{SECRET}#"},
        {"path": f"https://other.example/{SECRET}"},
        {"path": "/{id}", "path_params": {"id": f"{SECRET}\n"}},
        {"path": "/", "params": {"a": f"{SECRET}\ud800"}},
        {"path": "/", "params": {"a": {"b": SECRET}}},
        {"path": "/", "headers": {"X-Own": f"{SECRET}\n"}},
        {"path": "/", "headers": {"X-Own": f" {SECRET}"}},
        {"path": "/", "headers": {"X-Own": f"{SECRET} \N{EURO SIGN}"}},
        {"path": "/", "headers": {f"X {SECRET}": "1"}},
        {"path": "/", "body": {"a": {SECRET: object()}}},
    ],
    ids=range(11),
)
def test_no_secret_is_told_of_what_was_not_sent(
    client: RestClientBase, server: Any, secrets_in: Callable[..., str], options: Any
) -> None:
    with pytest.raises(exceptions.InvalidRequestError) as caught:
        client.request("GET", **options)
    assert SECRET not in secrets_in(caught.value)
    assert not server.seen


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET} \N{EURO SIGN}", None], ids=range(3))
def test_what_authorizes_cannot_add_what_http_cannot_send(
    make_client: Callable[..., RestClientBase],
    server: Any,
    secrets_in: Callable[..., str],
    value: Any,
) -> None:
    class Adding:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            headers = {**request.headers, "Authorization": value}
            return HttpRequest(request.method, request.url, headers, request.body)

    with pytest.raises(exceptions.InvalidRequestError, match="Authorization") as caught:
        make_client(auth=Adding()).request("GET", "/")
    assert SECRET not in secrets_in(caught.value)
    assert not server.seen


def test_a_method_that_is_no_name_is_refused(client: RestClientBase, server: Any) -> None:
    for method in ("GET / HTTP/1.1\r\nX-Own: 1", "", "G T", "G\N{LATIN SMALL LETTER E WITH ACUTE}"):
        with pytest.raises(exceptions.InvalidRequestError, match="method"):
            client.request(method, "/")
    assert not server.seen


def test_nothing_secret_is_logged(
    make_client: Callable[..., RestClientBase], server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        make_client(headers={"Authorization": SECRET}).create_resource(
            f"/a?token={SECRET}", {"password": SECRET}
        )
    assert "POST" in caplog.text
    assert SECRET not in caplog.text


def test_the_repr_holds_no_header() -> None:
    with RestClientBase("https://x/prod", headers={"Authorization": SECRET}) as client:
        assert repr(client) == "RestClientBase('https://x/prod')"
