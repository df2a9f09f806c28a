import asyncio
from typing import Any

import pytest
import requests
import uvicorn

from saigon.rest.exceptions import GatewayRefusedError

BODY = 10 * 1024 * 1024


@pytest.mark.parametrize(
    ("flavour", "text"),
    [
        ("rest", "HTTP content length exceeded 10485760 bytes."),
        ("http", '{"message":"Request Entity Too Large"}'),
    ],
)
def test_a_body_that_is_too_large_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str, text: str
) -> None:
    gateway = make_gateway(flavour=flavour)
    assert send(gateway, sign(body=b"x" * BODY)).status_code == 200
    response = send(gateway, sign(body=b"x" * (BODY + 1)))
    assert (response.status_code, response.text, echo.calls) == (413, text, 1)


@pytest.mark.parametrize(
    ("flavour", "text"),
    [
        ("rest", "HTTP header is larger than 10240 bytes."),
        ("http", '{"message":"Request Header Fields Too Large"}'),
    ],
)
def test_a_head_that_is_too_large_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str, text: str
) -> None:
    gateway = make_gateway(flavour=flavour)
    request = sign("GET", "/a?b", headers={"X-Own": "1" * 8})
    head = len("GET /a?b HTTP/1.1") + sum(map(len, request.headers.values()))
    longest = "1" * (10_240 - head + 8)
    assert send(gateway, sign("GET", "/a?b", headers={"X-Own": longest})).status_code == 200
    response = send(gateway, sign("GET", "/a?b", headers={"X-Own": longest + "1"}))
    assert (response.status_code, response.text, echo.calls) == (431, text, 1)


@pytest.mark.parametrize(
    "changes",
    [{"raw_path": b"orders"}, {"raw_path": b"/orders\xff"}, {"query_string": b"status=\xff"}],
    ids=repr,
)
def test_what_no_client_sends_as_a_target_is_refused(
    gateway: Any, echo: Any, sign: Any, send: Any, changes: dict[str, Any]
) -> None:
    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, **changes}, receive, send)

    path = "/orders%EF%BF%BD" if b"\xff" in changes.get("raw_path", b"") else "/orders"
    query = "?status=%EF%BF%BD" if "query_string" in changes else ""
    response = send(altered, sign(path=path + query))
    assert (response.status_code, echo.calls) == (400, 0)


@pytest.mark.parametrize("server", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "0.0.0.0"])
def test_a_request_from_beyond_this_machine_is_refused(
    gateway: Any, echo: Any, sign: Any, send: Any, server: str
) -> None:
    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, "server": (server, 80)}, receive, send)

    response = send(altered, sign())
    assert (response.status_code, echo.calls) == (403, 0)
    assert "loopback" in response.text


@pytest.mark.parametrize("server", ["127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost"])
def test_this_machine_has_many_names(gateway: Any, sign: Any, send: Any, server: str) -> None:
    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, "server": (server, 80)}, receive, send)

    assert send(altered, sign()).status_code == 200


@pytest.mark.parametrize("variable", [None, "*"])
def test_no_header_makes_a_request_one_of_this_machine(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any,
    echo: Any,
    sign: Any,
    send: Any,
    variable: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", variable)
    config = uvicorn.Config(gateway, log_config=None, proxy_headers=True, lifespan="off")
    config.load()
    claims = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": "127.0.0.1",
        "Forwarded": "for=::1",
    }

    async def beyond(scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, "server": ("192.0.2.1", 80), "client": ("192.0.2.2", 1)}
        await config.loaded_app(scope, receive, send)

    response = send(beyond, sign(headers=claims))
    assert (response.status_code, echo.calls) == (403, 0)
    assert "loopback" in response.text


def test_a_websocket_is_refused_and_other_scopes_are_passed_on(alice: Any) -> None:
    from saigon.rest.gateway import LocalGateway

    sent: list[Any] = []
    reached: list[Any] = []

    async def service(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope["type"])

    async def send_message(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    gateway = LocalGateway(service, credentials=lambda _: alice)
    asyncio.run(gateway({"type": "websocket"}, receive, send_message))
    assert (sent, reached) == ([{"type": "websocket.close", "code": 1008}], [])
    asyncio.run(gateway({"type": "lifespan"}, receive, send_message))
    assert reached == ["lifespan"]


def test_a_client_that_goes_away_is_forgotten(gateway: Any, echo: Any) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def fail(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(gateway(scope, receive, fail))
    assert not echo.calls


@pytest.mark.parametrize("name", ["AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"])
def test_the_gateway_does_not_run_on_aws(
    make_gateway: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(GatewayRefusedError, match=name):
        make_gateway()


def test_a_large_body_is_answered_on_a_socket_too(make_gateway: Any, serve: Any) -> None:
    address = serve(make_gateway())
    response = requests.post(address, data=b"x" * (BODY + 1), timeout=20)
    assert response.status_code == 413
