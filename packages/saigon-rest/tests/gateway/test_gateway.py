import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import requests
from botocore.auth import SigV4Auth as BotocoreSigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.model.http import CognitoProvider
from saigon.rest.exceptions import ConfigurationError, GatewayRefusedError
from saigon.rest.gateway import LocalGateway
from saigon.rest.sigv4 import SigV4Auth

BASE = "http://127.0.0.1:8000"
MISMATCH = "The request signature we calculated does not match"


class Echo:
    """Answers what it was given."""

    def __init__(self) -> None:
        self.calls = 0
        self.scope: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        self.scope = scope
        self.body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def headers(self, name: str) -> list[str]:
        return [v.decode() for n, v in self.scope["headers"] if n == name.lower().encode()]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def alice(make_caller: Any) -> Any:
    return make_caller("alice")


@pytest.fixture
def make_gateway(
    echo: Echo, alice: Any, make_caller: Any, now: datetime
) -> Callable[..., LocalGateway]:
    bob = make_caller("bob")
    old = make_caller("old", expiration=now)
    callers = {caller.access_key_id: caller for caller in (alice, bob, old)}

    def make(**options: Any) -> LocalGateway:
        return LocalGateway(echo, credentials=callers.get, clock=lambda: now, **options)

    return make


@pytest.fixture
def gateway(make_gateway: Callable[..., LocalGateway]) -> LocalGateway:
    return make_gateway()


@pytest.fixture
def sign(alice: Any, now: datetime) -> Callable[..., requests.PreparedRequest]:
    def sign(
        method: str = "POST",
        path: str = "/orders?status=open",
        *,
        caller: Any = alice,
        at: datetime = now,
        region: str = "eu-west-1",
        service: str = "execute-api",
        **parts: Any,
    ) -> requests.PreparedRequest:
        auth = SigV4Auth(
            caller.access_key_id,
            caller.secret_access_key,
            "127.0.0.1:8000",
            region,
            service,
            caller.session_token,
            clock=lambda: at,
        )
        return requests.Request(method, BASE + path, auth=auth, **parts).prepare()

    return sign


def send(app: Any, request: requests.PreparedRequest, **changes: Any) -> httpx.Response:
    """Send a signed request in this process, with something changed after it was signed."""
    headers: Any = {"host": "127.0.0.1:8000", **request.headers, **changes.get("headers", {})}
    body = changes.get("body", request.body)

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(
                str(changes.get("method", request.method)),
                str(changes.get("url", request.url)),
                headers={name: value for name, value in headers.items() if value is not None},
                content=body,
            )

    return asyncio.run(go())


def test_a_signed_request_reaches_the_service(gateway: Any, echo: Echo, sign: Any) -> None:
    assert send(gateway, sign(json={"a": 1})).status_code == 200
    assert json.loads(echo.body) == {"a": 1}
    assert echo.scope["query_string"] == b"status=open"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(segments=st.lists(WORDS, max_size=3), query=st.lists(st.tuples(WORDS, WORDS), max_size=3))
def test_a_request_signed_by_botocore_is_let_through(
    segments: list[str], query: list[tuple[str, str]]
) -> None:
    from urllib.parse import quote, urlencode

    now = datetime.fromisoformat("2026-05-17T12:00:00+00:00")
    segments = [segment for segment in segments if segment not in {".", ".."}]
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    url = f"{BASE}{path}?{urlencode(query, quote_via=quote, safe='')}"
    request = AWSRequest("PUT", url, headers={"Content-Type": "a  b"}, data=b"body")
    request.headers["X-Amz-Date"] = request.context["timestamp"] = "20260517T120000Z"
    request.headers["X-Amz-Security-Token"] = "token"
    signer: Any = BotocoreSigV4Auth(
        Credentials("KEY", "secret", "token"), "execute-api", "eu-west-1"
    )
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": url.partition("?")[2].encode(),
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            *((n.lower().encode(), v.encode()) for n, v in request.headers.items()),
        ],
    }
    caller = type(
        "Caller",
        (),
        {
            "access_key_id": "KEY",
            "secret_access_key": SecretStr("secret"),
            "session_token": SecretStr("token"),
            "expiration": now + timedelta(hours=1),
            "identity_id": "i",
            "user_sub": "s",
            "user_pool_id": "p",
            "region": "eu-west-1",
        },
    )
    echo = Echo()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"body", "more_body": False}

    async def ignore(message: Any) -> None:
        pass

    gateway = LocalGateway(echo, credentials=lambda _: caller(), clock=lambda: now)
    asyncio.run(gateway(scope, receive, ignore))
    assert echo.calls == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"a": 2}'},
        {"url": f"{BASE}/orders?status=closed"},
        {"url": f"{BASE}/orders?status=open&admin=1"},
        {"url": f"{BASE}/users?status=open"},
        {"url": f"{BASE}/orders?status=op+en"},
        {"method": "PUT"},
        {"headers": {"host": "other"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"X-Amz-Content-SHA256": "0" * 64}},
        {"headers": {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, "body": b"x"},
        {"headers": {"Content-Type": None}},
    ],
    ids=repr,
)
def test_what_was_altered_on_the_way_is_refused(
    gateway: Any, echo: Echo, sign: Any, changes: dict[str, Any]
) -> None:
    response = send(gateway, sign(json={"a": 1}), **changes)
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.json()["message"].startswith(MISMATCH)
    assert response.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert response.headers["x-amzn-requestid"]


def test_a_no_break_space_is_no_space(gateway: Any, echo: Echo, sign: Any) -> None:
    request = sign(headers={"X-Amz-Meta": "a b"})
    response = send(gateway, request, headers={"X-Amz-Meta": b"a\xa0b"})
    assert (response.status_code, echo.calls) == (403, 0)


@pytest.mark.parametrize("added", ["{0}", "Signature=0", "junk"])
def test_a_second_or_an_odd_claim_is_refused(
    gateway: Any, echo: Echo, sign: Any, added: str
) -> None:
    authorization = sign().headers["Authorization"]
    twice = f"{authorization}, {added.format(authorization)}"
    response = send(gateway, sign(), headers={"Authorization": twice})
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == "IncompleteSignatureException"


@pytest.mark.parametrize(
    "changes",
    [{"raw_path": b"orders"}, {"raw_path": b"/orders\xff"}, {"query_string": b"status=\xff"}],
    ids=repr,
)
def test_what_no_client_sends_as_a_target_is_refused(
    gateway: Any, echo: Echo, sign: Any, changes: dict[str, Any]
) -> None:
    async def altered(scope: Any, receive: Any, send: Any) -> None:
        await gateway({**scope, **changes}, receive, send)

    path = "/orders%EF%BF%BD" if b"\xff" in changes.get("raw_path", b"") else "/orders"
    query = "?status=%EF%BF%BD" if "query_string" in changes else ""
    response = send(altered, sign(path=path + query))
    assert (response.status_code, echo.calls) == (400, 0)


def _resigned(old: str, new: str) -> Callable[[requests.PreparedRequest], dict[str, Any]]:
    def changes(request: requests.PreparedRequest) -> dict[str, Any]:
        return {"headers": {"Authorization": request.headers["Authorization"].replace(old, new)}}

    return changes


@pytest.mark.parametrize(
    ("changes", "error_type", "message"),
    [
        (
            lambda _: {"headers": {"Authorization": None}},
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (
            lambda _: {"headers": {"Authorization": "Bearer hidden"}},
            "IncompleteSignatureException",
            "Authorization header requires the algorithm",
        ),
        (
            lambda _: {"headers": {"Authorization": "AWS4-HMAC-SHA256 x"}},
            "IncompleteSignatureException",
            "Authorization header requires 'Credential'",
        ),
        (_resigned("Signature=", "Sign="), "IncompleteSignatureException", "Authorization"),
        (_resigned("/aws4_request", ""), "IncompleteSignatureException", "Authorization"),
        (_resigned("Signature=", "Signature=\xe9"), "InvalidSignatureException", MISMATCH),
        (_resigned("host;", ""), "InvalidSignatureException", MISMATCH),
        (_resigned("host;", "absent;host;"), "InvalidSignatureException", MISMATCH),
        (_resigned("ASIAALICE", "ASIABOB"), "UnrecognizedClientException", "The security token"),
        (_resigned("ASIAALICE", "NOBODY"), "UnrecognizedClientException", "The security token"),
        (_resigned("20260517", "20260516"), "InvalidSignatureException", "Date in Credential"),
        (
            lambda _: {"headers": {"X-Amz-Security-Token": "token-of-bob"}},
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            lambda _: {"headers": {"X-Amz-Security-Token": None}},
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            lambda _: {"headers": {"X-Amz-Date": None}},
            "IncompleteSignatureException",
            "Authorization header requires an 'X-Amz-Date'",
        ),
    ],
    ids=[
        "no authorization",
        "a bearer token",
        "no parameters",
        "no signature",
        "half a scope",
        "no ASCII",
        "host not signed",
        "signed but absent",
        "another user's key id",
        "an unknown key id",
        "two dates",
        "another user's token",
        "no token",
        "no date",
    ],
)
def test_a_wrong_claim_is_refused_in_api_gateways_words(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, echo: Echo, sign: Any, changes: Any, error_type: str, message: str
) -> None:
    request = sign(json={"a": 1})
    changed = changes(request)
    changed["headers"] = {
        name: value.encode("latin-1") if value else value
        for name, value in changed["headers"].items()
    }
    response = send(gateway, request, **changed)
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == error_type
    assert response.json()["message"].startswith(message)
    assert "hidden" not in response.text


def test_another_users_key_with_ones_own_token_is_refused(
    gateway: Any, echo: Echo, sign: Any, alice: Any, make_caller: Any
) -> None:
    from dataclasses import replace

    forged = replace(make_caller("bob"), secret_access_key=alice.secret_access_key)
    response = send(gateway, sign(caller=forged))
    assert response.json()["message"].startswith(MISMATCH)
    assert not echo.calls


@pytest.mark.parametrize(
    ("minutes", "message"),
    [(-6, "Signature expired: 20260517T115400Z"), (6, "Signature not yet current: ")],
)
def test_a_date_that_is_off_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, echo: Echo, sign: Any, now: datetime, minutes: int, message: str
) -> None:
    response = send(gateway, sign(at=now + timedelta(minutes=minutes)))
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.json()["message"].startswith(message)


def test_a_small_skew_is_let_through(gateway: Any, sign: Any, now: datetime) -> None:
    assert send(gateway, sign(at=now - timedelta(minutes=4))).status_code == 200


def test_expired_credentials_are_refused(gateway: Any, sign: Any, make_caller: Any) -> None:
    response = send(gateway, sign(caller=make_caller("old")))
    assert response.headers["x-amzn-errortype"] == "ExpiredTokenException"


def test_a_signature_for_elsewhere_is_refused(
    make_gateway: Callable[..., LocalGateway], sign: Any
) -> None:
    gateway = make_gateway(region="eu-west-1")
    assert send(gateway, sign()).status_code == 200
    assert "valid region" in send(gateway, sign(region="us-east-1")).text
    assert "correct service: 'execute-api'" in send(gateway, sign(service="s3")).text


def test_an_http_api_does_not_tell_why(
    make_gateway: Callable[..., LocalGateway], sign: Any
) -> None:
    response = send(make_gateway(flavour="http"), sign(), body=b"altered")
    assert (response.status_code, response.json()) == (403, {"message": "Forbidden"})
    assert "x-amzn-errortype" not in response.headers
    assert response.headers["apigw-requestid"]


def test_the_service_is_told_who_calls_whatever_the_caller_says(
    make_gateway: Callable[..., LocalGateway], echo: Echo, sign: Any, alice: Any
) -> None:
    gateway = make_gateway(secret_headers={"X-Gateway-Secret": SecretStr("of the gateway")})
    spoofed = {
        "x-cognito-authprovider": "cognito-idp.eu-west-1.amazonaws.com/x",
        "X-API-IDENTITYID": "eu-west-1:bob",
        "X-Request-Id": "mine",
        "X-Gateway-Secret": "guessed",
    }
    send(gateway, sign(headers=spoofed))
    provider = CognitoProvider("eu-west-1", "eu-west-1_Users", alice.user_sub)
    assert echo.headers("X-Cognito-AuthProvider") == [str(provider)]
    assert echo.headers("X-Api-IdentityId") == ["eu-west-1:alice"]
    assert echo.headers("X-Gateway-Secret") == ["of the gateway"]
    assert len(echo.headers("X-Request-Id")) == 1
    assert echo.headers("X-Request-Id") != ["mine"]
    assert echo.headers("Authorization") == []
    assert CognitoProvider.parse(echo.headers("X-Cognito-AuthProvider")[0]).sub == alice.user_sub


def test_a_header_that_is_not_mapped_is_not_hidden(
    make_gateway: Callable[..., LocalGateway], echo: Echo, sign: Any
) -> None:
    gateway = make_gateway(mapping={"X-Api-IdentityId": "$context.identity.cognitoIdentityId"})
    send(gateway, sign(headers={"X-Cognito-AuthProvider": "spoofed"}))
    assert echo.headers("X-Cognito-AuthProvider") == ["spoofed"]


def test_each_request_has_its_own_id(gateway: Any, echo: Echo, sign: Any) -> None:
    ids = set()
    for _ in range(3):
        send(gateway, sign())
        ids.update(echo.headers("X-Request-Id"))
    assert len(ids) == 3


def test_a_body_that_is_too_large_is_refused(gateway: Any, echo: Echo, sign: Any) -> None:
    response = send(gateway, sign(data=b"x" * (10 * 1024 * 1024 + 1)))
    assert (response.status_code, response.json(), echo.calls) == (
        413,
        {"message": "Request Too Long"},
        0,
    )


def test_a_request_from_beyond_this_machine_is_refused(gateway: Any, echo: Echo, sign: Any) -> None:
    response = send(gateway, sign(), url="http://192.0.2.1:8000/orders?status=open")
    assert (response.status_code, echo.calls) == (403, 0)
    assert "loopback" in response.text


def test_a_websocket_is_refused_and_other_scopes_are_passed_on(gateway: Any, echo: Echo) -> None:
    sent: list[Any] = []

    async def send_message(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "lifespan.startup", "body": b""}

    asyncio.run(gateway({"type": "websocket"}, receive, send_message))
    assert (sent, echo.calls) == ([{"type": "websocket.close", "code": 1008}], 0)
    asyncio.run(gateway({"type": "lifespan"}, receive, send_message))
    assert echo.calls == 1


def test_a_client_that_goes_away_is_forgotten(gateway: Any, echo: Echo) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def fail(message: Any) -> None:
        raise AssertionError(message)

    asyncio.run(gateway({"type": "http"}, receive, fail))
    assert not echo.calls


@pytest.mark.parametrize("name", ["AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME"])
def test_the_gateway_does_not_run_on_aws(
    make_gateway: Callable[..., LocalGateway], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(GatewayRefusedError, match=name):
        make_gateway()


@pytest.mark.parametrize("options", [{"flavour": "soap"}, {"mapping": {"X": "$context.magic"}}])
def test_a_wrong_configuration_is_refused(
    make_gateway: Callable[..., LocalGateway], options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        make_gateway(**options)
