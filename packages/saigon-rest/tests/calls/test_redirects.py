from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


class Counting(AuthBase):
    tries = 0

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        self.tries += 1
        r.headers["Authorization"] = f"for {r.path_url}, {self.tries}"
        return r


def test_a_redirect_within_the_origin_is_followed_and_authorized_anew(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    server.answer(302, Location="/orders/8?a=1")
    response = make_client(auth=Counting()).request("GET", "/orders/7")
    assert [(seen.target, seen.headers["Authorization"]) for seen in server.seen] == [
        ("/orders/7", "for /orders/7, 1"),
        ("/orders/8?a=1", "for /orders/8?a=1, 2"),
    ]
    assert response.attempts == 2


# What is asked for next; None where the redirect is an error.
@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        *((method, status, method) for method in ("GET", "HEAD") for status in (301, 302, 307)),
        ("GET", 308, "GET"),
        ("GET", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        *((method, 303, "GET") for method in ("POST", "PUT", "PATCH", "DELETE")),
        *((m, s, m) for m in ("POST", "PUT", "PATCH", "DELETE") for s in (307, 308)),
        *((m, s, None) for m in ("POST", "PUT", "PATCH", "DELETE") for s in (301, 302)),
        *(("GET", status, None) for status in (300, 305, 306)),
    ],
)
def test_a_redirect_means_what_http_says(
    client: RestClientBase, server: Any, method: str, status: int, expected: str | None
) -> None:
    server.answer(status, Location="/elsewhere")
    body = {"a": 1} if method in {"POST", "PUT", "PATCH"} else None
    if expected is None:
        with pytest.raises(exceptions.RedirectError) as caught:
            client.request(method, "/orders", body=body)
        assert (caught.value.status, len(server.seen)) == (status, 1)
        return
    client.request(method, "/orders", body=body)
    kept = expected == method
    assert (server.seen[1].method, server.seen[1].target) == (expected, "/elsewhere")
    assert server.seen[1].body == (server.seen[0].body if kept else b"")
    assert ("Content-Type" in server.seen[1].headers) == (kept and body is not None)


def test_a_redirect_is_not_followed_with_a_body_that_is_gone(
    client: RestClientBase, server: Any
) -> None:
    server.answer(307, Location="/elsewhere")
    with pytest.raises(exceptions.RedirectError):
        client.create_resource("/files", iter([b"a"]))
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?c=1#part", "/b?c=1"),
        ("c", "/a/c"),
        ("?d=1", "/a/b?d=1"),
        ("../c", "/c"),
        ("{url}/b", "/b"),
        ("/a b", "/a%20b"),
        ("/\N{LATIN SMALL LETTER U WITH DIAERESIS}", "/%C3%BC"),
        ("/%C3%BC", "/%C3%BC"),
    ],
    ids=["path", "relative", "query", "up", "absolute", "space", "utf-8", "escaped"],
)
def test_a_location_is_read_as_http_says(
    client: RestClientBase, server: Any, location: str, target: str
) -> None:
    server.answer(302, Location=location.format(url=server.url).encode().decode("latin-1"))
    client.request("GET", "/a/b")
    assert server.seen[1].target == target


@pytest.mark.parametrize(
    "location",
    [
        "{foreign}/x",
        "//127.0.0.1:{port}/x",
        "https://127.0.0.1:{own}/x",
        "http://localhost:{own}/x",
        "http://user@127.0.0.1:{own}/x",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/x",
        "\\\\127.0.0.1:{port}/x",
        "/\\127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "http://[bad",
        "http://x:99999/",
        "",
    ],
)
def test_a_redirect_elsewhere_sends_nothing_there(
    make_client: Callable[..., RestClientBase],
    scripted: Any,
    steps: Any,
    make_scripted: Callable[[], Any],
    location: str,
) -> None:
    foreign = make_scripted()
    at = location.format(foreign=foreign.url, port=foreign.port, own=scripted.port)
    scripted.connection(steps.answer(302, Location=at))
    client = make_client(scripted.url, headers={"Authorization": "Bearer x"}, auth=Counting())
    with pytest.raises(exceptions.RedirectError) as caught:
        client.request("GET", "/orders")
    assert caught.value.status == 302
    assert (len(scripted.requests), foreign.connections) == (1, 0)


@pytest.mark.parametrize("location", ["http://[bad", "/b"])
def test_a_session_that_was_handed_in_is_not_shown_where_an_answer_leads(
    make_client: Callable[..., RestClientBase], scripted: Any, steps: Any, location: str
) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 9000000\r\n\r\n"
    scripted.connection(steps.trickle(head.encode() + b"x" * 100_000, b"x"))
    with requests.Session() as session:
        client = make_client(scripted.url, session=session)
        if location == "/b":
            assert client.request("GET", "/a").attempts == 2
        else:
            with pytest.raises(exceptions.RedirectError):
                client.request("GET", "/a")


def test_redirects_end(client: RestClientBase, server: Any) -> None:
    for _ in range(9):
        server.answer(302, Location="/again")
    with pytest.raises(exceptions.RedirectError) as caught:
        client.request("GET", "/orders")
    assert (len(server.seen), caught.value.attempts) == (6, 6)


def test_redirects_do_not_bring_more_retries(client: RestClientBase, server: Any) -> None:
    for status in (503, 503, 302, 503, 503, 503):
        server.answer(status, Location="/next")
    with pytest.raises(exceptions.ServerError) as caught:
        client.request("GET", "/orders")
    assert caught.value.attempts == 5


def test_an_authorizer_does_not_lead_a_call_to_another_origin(
    make_client: Callable[..., RestClientBase], server: Any, make_scripted: Callable[[], Any]
) -> None:
    foreign = make_scripted()

    class Leading:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            return HttpRequest(request.method, f"{foreign.url}/x", request.headers, request.body)

    with pytest.raises(exceptions.InvalidRequestError, match="another origin"):
        make_client(auth=Leading()).request("GET", "/")
    assert (server.seen, foreign.connections) == ([], 0)


def test_a_url_of_another_origin_is_not_called(
    client: RestClientBase, server: Any, make_scripted: Callable[[], Any]
) -> None:
    foreign = make_scripted()
    with pytest.raises(exceptions.InvalidRequestError):
        client.request("GET", f"{foreign.url}/orders")
    client.request("GET", f"{server.url}/orders")
    assert (len(server.seen), foreign.connections) == (1, 0)
