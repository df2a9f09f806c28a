import re
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.model.http import CognitoProvider, is_request_id
from saigon.rest.exceptions import ConfigurationError

SPOOFED = {
    "x-cognito-authprovider": "cognito-idp.eu-west-1.amazonaws.com/x",
    "X-API-IDENTITYID": "eu-west-1:bob",
    "X-Request-Id": "mine",
    "X-Gateway-Secret": "guessed",
}
SECRET = {"X-Gateway-Secret": SecretStr("of the gateway")}
FLAVOURS = pytest.mark.parametrize("flavour", ["rest", "http"])


@FLAVOURS
def test_the_service_is_told_who_calls_whatever_the_caller_says(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any, echo: Any, sign: Any, send: Any, alice: Any, flavour: str
) -> None:
    gateway = make_gateway(flavour=flavour, secret_headers=SECRET)
    send(gateway, sign(headers=SPOOFED))
    provider = CognitoProvider("eu-west-1", "eu-west-1_Users", alice.user_sub)
    assert echo.headers("X-Cognito-AuthProvider") == [str(provider)]
    assert echo.headers("X-Api-IdentityId") == ["eu-west-1:alice"]
    assert echo.headers("X-Gateway-Secret") == ["of the gateway"]
    assert len(echo.headers("X-Request-Id")) == 1
    assert echo.headers("X-Request-Id") != ["mine"]
    assert echo.headers("Authorization") == []


@FLAVOURS
def test_an_open_route_knows_no_caller_whatever_the_caller_says(
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str
) -> None:
    routes = {"POST /orders": "NONE"}
    gateway = make_gateway(flavour=flavour, secret_headers=SECRET, routes=routes)
    send(gateway, sign(headers=SPOOFED))
    nothing = ["-"] if flavour == "rest" else []
    for name in ("X-Cognito-AuthProvider", "X-Api-IdentityId", "X-Gateway-Secret"):
        assert echo.headers(name) == nothing
    assert echo.headers("X-Request-Id") not in ([], ["mine"])
    assert len(echo.headers("Authorization")) == 1


def test_a_header_that_is_not_mapped_is_not_hidden(
    make_gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    gateway = make_gateway(mapping={"X-Api-IdentityId": "$context.identity.cognitoIdentityId"})
    send(gateway, sign(headers={"X-Cognito-AuthProvider": "spoofed"}))
    assert echo.headers("X-Cognito-AuthProvider") == ["spoofed"]


@FLAVOURS
def test_one_id_is_told_to_the_service_and_to_the_caller(
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str
) -> None:
    gateway = make_gateway(flavour=flavour)
    ids = set()
    for _ in range(3):
        response = send(gateway, sign())
        name = {"rest": "x-amzn-requestid", "http": "apigw-requestid"}[flavour]
        (request_id,) = echo.headers("X-Request-Id")
        assert response.headers[name] == request_id
        assert is_request_id(request_id)
        ids.add(request_id)
    assert len(ids) == 3


@pytest.mark.parametrize(
    "sent", [{}, {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}]
)
def test_a_rest_api_writes_on_in_x_forwarded(
    gateway: Any, echo: Any, sign: Any, send: Any, sent: dict[str, str]
) -> None:
    send(gateway, sign(headers=sent))
    expected = "192.0.2.9, 127.0.0.1" if sent else "127.0.0.1"
    assert echo.headers("X-Forwarded-For") == [expected]
    assert echo.headers("X-Forwarded-Proto") == ["http"]
    assert echo.headers("X-Forwarded-Port") == ["8000"]
    assert echo.headers("Forwarded") == []


@pytest.mark.parametrize("sent", [{}, {"Forwarded": "for=192.0.2.9", "Via": "1.1 mine"}])
def test_an_http_api_writes_on_in_forwarded(
    make_gateway: Any, echo: Any, sign: Any, send: Any, sent: dict[str, str]
) -> None:
    send(make_gateway(flavour="http"), sign(headers=sent))
    own = 'by=127.0.0.1;for=127.0.0.1;host="127.0.0.1:8000";proto=http'
    assert echo.headers("Forwarded") == [f"for=192.0.2.9,{own}" if sent else own]
    assert echo.headers("Via") == [("1.1 mine, " if sent else "") + "HTTP/1.1 AmazonAPIGateway"]
    assert echo.headers("X-Forwarded-For") == []


@pytest.mark.parametrize("client", [("::1", 1), None, ("testclient", 50_000)])
def test_an_odd_peer_is_written_as_the_rfc_has_it(
    make_gateway: Any, echo: Any, sign: Any, send: Any, client: Any
) -> None:
    gateway = make_gateway(flavour="http")

    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, "client": client, "server": None}, receive, send)

    send(altered, sign())
    node = '"[::1]"' if client and client[0] == "::1" else "unknown"
    assert echo.headers("Forwarded")[0].startswith(f"by=unknown;for={node};")


@FLAVOURS
def test_a_trace_is_begun_or_gone_on_with(
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str
) -> None:
    gateway = make_gateway(flavour=flavour)
    send(gateway, sign())
    assert re.fullmatch("Root=1-6a09adc0-[0-9a-f]{24}", echo.headers("X-Amzn-Trace-Id")[0])
    send(gateway, sign(headers={"X-Amzn-Trace-Id": "Root=1-mine"}))
    assert re.fullmatch(
        "Self=1-6a09adc0-[0-9a-f]{24};Root=1-mine", echo.headers("X-Amzn-Trace-Id")[0]
    )


@pytest.mark.parametrize(("flavour", "expected"), [("rest", ["a", "b"]), ("http", ["a,b"])])
def test_an_http_api_joins_headers_of_one_name(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str, expected: list[str]
) -> None:
    gateway = make_gateway(flavour=flavour)
    added = [(b"x-own", b"a"), (b"X-Own", b"b"), (b"cookie", b"c=1"), (b"cookie", b"d=2")]

    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, "headers": [*scope["headers"], *added]}, receive, send)

    assert send(altered, sign()).status_code == 200
    assert echo.headers("X-Own") == expected
    assert "; ".join(echo.headers("Cookie")) == "c=1; d=2"


VARIABLES = {
    "$context.domainName": "127.0.0.1:8000",
    "$context.httpMethod": "POST",
    "$context.identity.cognitoAuthenticationType": "authenticated",
    "$context.identity.sourceIp": "127.0.0.1",
    "$context.identity.userAgent": "own",
    "$context.path": "/prod/orders",
    "$context.requestTimeEpoch": "1779019200000",
    "$context.stage": "prod",
}


@FLAVOURS
def test_the_context_is_what_the_request_was(
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str
) -> None:
    mapping = {f"X-{number}": variable for number, variable in enumerate(VARIABLES)}
    gateway = make_gateway(flavour=flavour, stage="prod", mapping=mapping)
    send(gateway, sign(path="/prod/orders", headers={"User-Agent": "own"}))
    assert [echo.headers(name) for name in mapping] == [[value] for value in VARIABLES.values()]


def test_a_path_writes_no_header_of_its_own(
    make_gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    gateway = make_gateway(mapping={"X-Path": "$context.path"})
    assert send(gateway, sign(path="/a%0D%0AX-Own:%201")).status_code == 200
    assert echo.headers("X-Path") == ["/a%0D%0AX-Own:%201"]


def test_an_empty_variable_leaves_nothing_of_the_callers_header(
    make_gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    gateway = make_gateway(mapping={"X-Pool": "$context.identity.cognitoIdentityPoolId"})
    send(gateway, sign(headers={"X-Pool": "spoofed"}))
    assert echo.headers("X-Pool") == []


def test_the_access_key_is_known_to_rest_apis_alone(
    make_gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    mapping = {"X-Key": "$context.identity.accessKey"}
    send(make_gateway(mapping=mapping), sign())
    assert echo.headers("X-Key") == ["ASIAALICE"]
    with pytest.raises(ConfigurationError, match="'http': unknown variables"):
        make_gateway(mapping=mapping, flavour="http")


@pytest.mark.parametrize("options", [{"flavour": "soap"}, {"mapping": {"X": "$context.magic"}}])
def test_a_wrong_configuration_is_refused(make_gateway: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        make_gateway(**options)
