"""Requests that no client library would send, byte by byte."""

import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from saigon.rest.testing import LocalServer


class Switch:
    """Hands on to whichever app is the present one, so that a server serves several tests."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def switch() -> Switch:
    return Switch()


@pytest.fixture(scope="module")
def served(switch: Switch) -> Iterator[LocalServer]:
    with LocalServer(switch) as server:
        yield server


@pytest.fixture
def converse(
    make_gateway: Any, switch: Switch, served: LocalServer
) -> Callable[..., tuple[int, bytes]]:
    """Send a signed request line by line and return the status and the body of the answer."""
    switch.app = make_gateway()
    netloc = urlsplit(served.url).netloc
    host, _, port = netloc.partition(":")

    def converse(
        request: Any,
        *,
        target: str | None = None,
        added: bytes = b"",
        rename: Callable[[str], str] = str,
        body: bytes = b"",
    ) -> tuple[int, bytes]:
        parts = urlsplit(request.url)
        target = target or parts.path + (f"?{parts.query}" if parts.query else "")
        lines = "".join(f"{rename(name)}: {value}\r\n" for name, value in request.headers.items())
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}".encode()
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(head + added + b"Connection: close\r\n\r\n" + body)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content

    return converse


@pytest.mark.parametrize(
    "target",
    [
        "/orders?a=2&a=1&a=&b",
        "/orders?a=%2B&a=%2F&c=%3D%26",
        "/a%2Fb/c%20d",
        "/a%252Fb",
        "/a//b/",
        "/a/./b/../c",
        "/ph%E1%BB%9F?%E1%BB%9F=%F0%9F%8D%9C",
        "/a;b=1,2/:@!$&'()*=",
    ],
)
def test_what_was_signed_reaches_the_service_as_it_was_sent(
    converse: Any, sign: Any, echo: Any, target: str
) -> None:
    assert converse(sign("GET", target))[0] == 200
    path, _, query = target.partition("?")
    assert echo.scope["raw_path"].decode() == path
    assert echo.scope["query_string"].decode() == query


@pytest.mark.parametrize("target", ["/orders?q=a+b", "/orders?q=a b", "/phở", "orders"])
def test_what_is_no_target_to_everyone_reaches_nobody(
    converse: Any, sign: Any, echo: Any, target: str
) -> None:
    assert converse(sign("GET", "/orders?q=a%20b"), target=target)[0] in {400, 403}
    assert not echo.calls


def test_a_whole_url_as_a_target_is_no_other_request(converse: Any, sign: Any, echo: Any) -> None:
    status, _ = converse(sign("GET", "/orders"), target="http://elsewhere/orders")
    # Which server software is installed decides whether it takes this for a path.
    assert status == 400 or echo.scope["raw_path"] == b"/orders"


@pytest.mark.parametrize("rename", [str.upper, str.lower, str.swapcase])
def test_the_case_of_names_does_not_matter(
    converse: Any, sign: Any, echo: Any, rename: Callable[[str], str]
) -> None:
    request = sign("GET", "/orders", headers={"Content-Type": "text/plain", "X-Amz-Meta": "1"})
    assert converse(request, rename=rename)[0] == 200
    assert echo.headers("Authorization") == []
    assert len(echo.headers("X-Api-IdentityId")) == 1


@pytest.mark.parametrize(
    "added",
    [
        b"content-TYPE: text/html\r\n",
        b"X-Amz-Meta: 2\r\n",
        b"X-Amz-Date: 20260517T120001Z\r\n",
        b"Authorization: AWS4-HMAC-SHA256 Credential=x\r\n",
        b"x-AMZ-tarGET: x\r\n",
        b"X-Amz-Security-Token: token-of-bob\r\n",
    ],
)
def test_what_was_signed_once_and_came_twice_is_refused(
    converse: Any, sign: Any, echo: Any, added: bytes
) -> None:
    request = sign("GET", "/orders", headers={"Content-Type": "text/plain", "X-Amz-Meta": "1"})
    assert converse(request, added=added)[0] == 403
    assert not echo.calls


def test_what_was_signed_joined_may_come_apart(converse: Any, sign: Any, echo: Any) -> None:
    request = sign("GET", "/orders", headers={"X-Amz-Meta": "1,2"})
    request.headers["X-Amz-Meta"] = "1"
    assert converse(request, added=b"X-Amz-Meta:   2 \r\n")[0] == 200
    assert [value.strip() for value in echo.headers("X-Amz-Meta")] == ["1", "2"]


def test_two_hosts_are_one_too_many(converse: Any, sign: Any, echo: Any) -> None:
    assert converse(sign("GET", "/orders"), added=b"Host: elsewhere\r\n")[0] in {400, 403}
    assert not echo.calls


@pytest.mark.parametrize("added", [b"", b"Content-Length: 0\r\n"])
def test_no_body_is_an_empty_one(converse: Any, sign: Any, echo: Any, added: bytes) -> None:
    assert converse(sign("POST", "/orders"), added=added)[0] == 200
    assert echo.body == b""


@pytest.mark.parametrize(
    ("chunks", "status"),
    [(b"2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n", 200), (b"4\r\nBODY\r\n0\r\n\r\n", 403)],
)
@pytest.mark.parametrize("length", [b"", b"Content-Length: 4\r\n"])
def test_a_body_in_chunks_is_verified_whole(  # noqa: PLR0917  # fixtures and the table's columns
    converse: Any, sign: Any, echo: Any, chunks: bytes, status: int, length: bytes
) -> None:
    request = sign("POST", "/orders", body=b"body")
    request.headers.pop("Content-Length", None)
    added = b"Transfer-Encoding: chunked\r\n" + length
    answered, _ = converse(request, added=added, body=chunks)
    assert answered == status or (length and answered == 400)
    assert echo.body == (b"body" if answered == 200 else b"")
