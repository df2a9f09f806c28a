import gzip
import http.client
import json
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from saigon.rest.client import RestClientBase, RetryPolicy
from saigon.rest.exceptions import ForbiddenError, ServerError
from saigon.rest.gateway import CallersFile, LocalGateway, UpstreamProxy
from saigon.rest.sigv4 import SigV4Auth

UNAVAILABLE = "Service Unavailable"


def caller_document(caller: Any) -> dict[str, Any]:
    return {
        **vars(caller),
        "secret_access_key": caller.secret_access_key.get_secret_value(),
        "session_token": caller.session_token.get_secret_value(),
        "expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }


def signing_client(base_url: str, caller: Any) -> RestClientBase:
    auth = SigV4Auth(
        caller.access_key_id,
        caller.secret_access_key,
        base_url.removeprefix("http://"),
        "eu-west-1",
        "execute-api",
        caller.session_token,
    )
    return RestClientBase(base_url, auth=auth, retry=RetryPolicy(attempts=1))


def test_a_request_is_passed_on_as_it_came(serve: Callable[[Any], str], server: Any) -> None:
    address = serve(UpstreamProxy(server.url + "/stage"))
    server.answer(201, b"done", X_Answer="1", Set_Cookie="a=1")
    response = requests.put(
        f"{address}/a%2Fb;c?q=a%20b&q=%2B",
        data=b"body",
        headers={
            "X-Own": "1",
            "Accept-Encoding": "identity",
            "User-Agent": "own",
            "Expect": "100-continue",
        },
        timeout=5,
    )
    seen = server.seen[0]
    assert (response.status_code, response.content) == (201, b"done")
    assert (response.headers["X-Answer"], response.headers["Set-Cookie"]) == ("1", "a=1")
    assert (seen.method, seen.body) == ("PUT", b"body")
    assert seen.target == "/stage/a%2Fb;c?q=a%20b&q=%2B"
    assert (seen.headers["X-Own"], seen.headers["User-Agent"]) == ("1", "own")
    assert seen.headers["Accept-Encoding"] == "identity"
    assert "Expect" not in seen.headers
    assert seen.headers["Host"] == server.url.removeprefix("http://")


def test_a_compressed_answer_and_a_redirect_are_passed_back(
    serve: Callable[[Any], str], server: Any
) -> None:
    address = serve(UpstreamProxy(server.url))
    server.answer(200, gzip.compress(b"text"), Content_Encoding="gzip")
    assert requests.get(address, timeout=5).text == "text"
    server.answer(302, Location="/elsewhere")
    response = requests.get(address, timeout=5, allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "/elsewhere")


@pytest.mark.parametrize(
    ("flavour", "status", "message"),
    [("rest", 504, "Network error communicating with endpoint"), ("http", 503, UNAVAILABLE)],
)
def test_a_dead_service_is_told_as_api_gateway_tells_it(
    serve: Callable[[Any], str], dead_url: str, flavour: Any, status: int, message: str
) -> None:
    response = requests.get(serve(UpstreamProxy(dead_url, flavour=flavour)), timeout=5)
    assert (response.status_code, response.json()) == (status, {"message": message})


@pytest.mark.parametrize(
    ("flavour", "status", "message"),
    [("rest", 504, "Endpoint request timed out"), ("http", 503, UNAVAILABLE)],
)
def test_a_slow_service_is_told_likewise(
    serve: Callable[[Any], str], server: Any, flavour: Any, status: int, message: str
) -> None:
    respond = server.respond

    answered = threading.Event()

    def respond_late(handler: Any) -> None:
        answered.wait(5)
        with suppress(OSError):
            respond(handler)

    server.respond = respond_late
    proxy = UpstreamProxy(server.url, flavour=flavour, timeout=0.05)
    response = requests.get(serve(proxy), timeout=5)
    answered.set()
    assert (response.status_code, response.json()) == (status, {"message": message})


def test_an_answer_has_one_date(serve: Callable[[Any], str], server: Any) -> None:
    server.answer(200, Date="Sun, 17 May 2026 12:00:00 GMT")
    response = requests.get(serve(UpstreamProxy(server.url)), timeout=5)
    assert response.headers["Date"].count("GMT") == 1


def test_a_service_may_take_as_long_as_at_api_gateway() -> None:
    assert UpstreamProxy("http://127.0.0.1:1")._timeout == 29
    assert UpstreamProxy("http://127.0.0.1:1", flavour="http")._timeout == 30


def test_one_callers_cookies_do_not_reach_the_service_with_the_next(
    serve: Callable[[Any], str], server: Any
) -> None:
    address = serve(UpstreamProxy(server.url))
    server.answer(200, Set_Cookie="session=of-the-first")
    requests.get(address, timeout=5)
    requests.get(address, timeout=5)
    assert [seen.headers.get("Cookie") for seen in server.seen] == [None, None]


def test_a_query_is_in_nobodys_log(
    serve: Callable[[Any], str], server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="httpx")
    requests.get(f"{serve(UpstreamProxy(server.url))}/?X-Amz-Signature=hidden", timeout=5)
    assert server.seen[0].target == "/?X-Amz-Signature=hidden"
    assert "hidden" not in "".join(r.getMessage() for r in caplog.records if r.name == "httpx")


@pytest.mark.parametrize("target", ["/a/../b", "/a//b/./c", "/a%2Fb?", "/?a=+&b=%20"])
def test_a_target_is_not_tidied_up(serve: Callable[[Any], str], server: Any, target: str) -> None:
    host, _, port = serve(UpstreamProxy(server.url)).removeprefix("http://").partition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=5)) as connection:
        connection.request("GET", target)
        assert connection.getresponse().status == 200
    assert server.seen[0].target == target.rstrip("?")


def test_the_service_gets_the_path_without_its_stage(
    serve: Callable[[Any], str], server: Any, make_caller: Any
) -> None:
    alice = make_caller("alice", expiration=datetime.now(UTC) + timedelta(hours=1))
    proxy = UpstreamProxy(server.url + "/base")
    address = serve(LocalGateway(proxy, credentials=lambda _: alice, stage="prod"))
    with signing_client(address, alice) as client:
        client.request("GET", "/prod/orders", params={"a": "1"})
        client.request("GET", "/prod")
    assert [seen.target for seen in server.seen] == ["/base/orders?a=1", "/base/"]


def test_gateway_and_proxy_stand_before_a_service(
    serve: Callable[[Any], str], server: Any, make_caller: Any, tmp_path: Path
) -> None:
    alice, bob = make_caller("alice"), make_caller("bob")
    path = tmp_path / "callers.json"
    path.write_text(json.dumps([caller_document(alice)]))
    address = serve(
        LocalGateway(
            UpstreamProxy(server.url),
            credentials=CallersFile(path),
            secret_headers={"X-Gateway-Secret": SecretStr("s")},
        )
    )
    with signing_client(address, alice) as client:
        client.request("POST", "/orders/{id}", path_params={"id": "a/b c"}, body={"a": 1})
    with signing_client(address, bob) as client, pytest.raises(ForbiddenError):
        client.request("GET", "/orders")
    path.write_text(json.dumps([caller_document(alice), caller_document(bob)]))
    with signing_client(address, bob) as client:
        client.request("GET", "/orders")
    assert [seen.headers["X-Api-IdentityId"] for seen in server.seen] == [
        "eu-west-1:alice",
        "eu-west-1:bob",
    ]
    assert server.seen[0].target == "/orders/a%2Fb%20c"
    assert server.seen[0].headers["X-Gateway-Secret"] == "s"


def test_a_failure_of_the_service_is_an_error_of_the_client(
    serve: Callable[[Any], str], dead_url: str, make_caller: Any
) -> None:
    alice = make_caller("alice", expiration=datetime.now(UTC) + timedelta(hours=1))
    address = serve(
        LocalGateway(
            UpstreamProxy(dead_url, flavour="http"), credentials=lambda _: alice, flavour="http"
        )
    )
    with signing_client(address, alice) as client, pytest.raises(ServerError) as caught:
        client.request("GET", "/orders")
    assert caught.value.status == 503
    assert caught.value.request_id
