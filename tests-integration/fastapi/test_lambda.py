"""Requests as a Lambda function gets them: AWS's documented events, through a real Mangum.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from mangum import Mangum
from pydantic import SecretStr

from saigon.fastapi.headers import (
    CognitoProviderHeader,
    GatewaySecret,
    IdentityIdHeader,
    IdentitySource,
    LambdaEventIdentity,
    LambdaEventUser,
    current,
)
from saigon.fastapi.utils import create_app

EVENTS = Path(__file__).parent / "events"
POOL = "eu-west-1_Orders1"
SUB = "11111111-2222-4333-8444-555555555555"
OTHER_SUB = "99999999-2222-4333-8444-555555555555"
IDENTITY = "eu-west-1:58607b5f-b0e3-42c6-9321-bc83176866bb"
OTHER_IDENTITY = "eu-west-1:99999999-b0e3-42c6-9321-bc83176866bb"
ISSUER = f"cognito-idp.eu-west-1.amazonaws.com/{POOL}"
SECRET = "s3cret-of-the-gateway"
TRUST = GatewaySecret("X-Gateway-Secret", lambda: SecretStr(SECRET))

TEXT = ["text/", "application/json", "application/problem+json"]
"""What is not in base64, which a REST API would hand on as it is."""

BY_USER = LambdaEventUser(user_pools=[POOL])
BY_IDENTITY = LambdaEventIdentity()
Event = dict[str, Any]
Invoke = Callable[..., dict[str, Any]]

SIGNED = ["rest_iam", "http_1_iam", "http_2_iam"]
WITH_TOKEN = ["rest_token", "http_2_token"]
OPEN = ["rest_open", "function_url_iam", "function_url_open"]
ALL = [*SIGNED, *WITH_TOKEN, *OPEN]


def event_of(name: str, **headers: str) -> Event:
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    event["headers"].update(headers)
    if "multiValueHeaders" in event:
        event["multiValueHeaders"].update({key: [value] for key, value in headers.items()})
    return event


@pytest.fixture
def invoke() -> Iterator[Invoke]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    router = APIRouter()

    @router.get("/me")
    def me() -> dict[str, Any]:
        context = current()
        return {
            "pool": context.user_pool_id,
            "region": context.user_region,
            "onward": context.headers,
            "principal": context.principal,
            "source": context.identity_source,
            "sub": context.user_sub,
            "identity": context.identity_id,
            "login": context.login,
            "client": context.client_address,
            "id": context.request_id,
        }

    @router.get("/crash")
    def crash() -> None:
        raise RuntimeError("hunter2")

    def run(event: Event, identity: IdentitySource | None) -> dict[str, Any]:
        app = create_app(title="Test", routers=[router], identity=identity)
        lambda_handler = Mangum(app, text_mime_types=TEXT)
        answer = lambda_handler(event, None)  # type: ignore[arg-type]  # the context is not read
        body: dict[str, Any] = json.loads(answer["body"])
        return {"status": answer["statusCode"], "headers": answer["headers"], **body}

    yield run
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.parametrize("name", [*SIGNED, *WITH_TOKEN])
def test_user_is_known_by_the_event(invoke: Invoke, name: str) -> None:
    me = invoke(event_of(name), BY_USER)
    assert (me["principal"], me["sub"], me["source"]) == (SUB, SUB, "lambda_event_user")
    assert me["identity"] == (IDENTITY if name in SIGNED else None)
    assert me["login"] == "user_pool"


@pytest.mark.parametrize("name", SIGNED)
def test_identity_is_known_by_the_event(invoke: Invoke, name: str) -> None:
    me = invoke(event_of(name), BY_IDENTITY)
    assert (me["principal"], me["sub"]) == (IDENTITY, SUB)
    assert (me["source"], me["login"]) == ("lambda_event_identity", "user_pool")


@pytest.mark.parametrize("name", OPEN)
def test_nobody_is_known_where_the_event_names_nobody(invoke: Invoke, name: str) -> None:
    for source in (BY_USER, BY_IDENTITY):
        me = invoke(event_of(name), source)
        assert (me["status"], me["principal"], me["source"]) == (200, None, None)


@pytest.mark.parametrize("name", WITH_TOKEN)
def test_token_has_no_identity(invoke: Invoke, name: str) -> None:
    assert invoke(event_of(name), BY_IDENTITY)["principal"] is None


@pytest.mark.parametrize("name", ALL)
def test_nobody_is_known_without_a_source(invoke: Invoke, name: str) -> None:
    assert invoke(event_of(name), None)["principal"] is None


SPOOFED = {
    "X-Cognito-AuthProvider": f"{ISSUER},{ISSUER}:CognitoSignIn:{OTHER_SUB}",
    "X-Api-IdentityId": OTHER_IDENTITY,
    "X-Gateway-Secret": SECRET,
    "X-Request-Id": "mine",
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "source",
    [
        BY_USER,
        BY_IDENTITY,
        CognitoProviderHeader(TRUST, user_pools=[POOL]),
        IdentityIdHeader(TRUST),
    ],
    ids=lambda source: type(source).__name__,
)
def test_event_wins_over_headers_even_with_the_secret(
    invoke: Invoke, name: str, source: IdentitySource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="saigon.fastapi.access")
    spoofed, honest = invoke(event_of(name, **SPOOFED), source), invoke(event_of(name), source)
    assert spoofed == honest
    lines = [vars(record) for record in caplog.records if record.name == "saigon.fastapi.access"]
    assert lines[0]["ignored_headers"] == ["X-Cognito-AuthProvider", "X-Api-IdentityId"]
    assert "ignored_headers" not in lines[1]


@pytest.mark.parametrize(
    ("name", "request_id"),
    [
        ("rest_iam", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
        ("http_2_iam", "JKJaXmPLvHcESHA="),
        ("function_url_open", "JKJaXmPLvHcESHA="),
    ],
)
def test_request_id_is_the_gateways(invoke: Invoke, name: str, request_id: str) -> None:
    me = invoke(event_of(name), BY_USER)
    assert (me["id"], me["headers"]["x-request-id"]) == (request_id, request_id)
    assert me["client"] == "192.0.2.1"


def test_crash_is_answered_with_the_gateways_id(invoke: Invoke) -> None:
    event = event_of("http_2_iam")
    event["requestContext"]["http"]["path"] = "/crash"
    answer = invoke(event, BY_USER)
    assert (answer["status"], answer["request_id"]) == (500, "JKJaXmPLvHcESHA=")
    assert "hunter2" not in str(answer)


def test_load_balancers_event_says_nothing_so_that_headers_count(invoke: Invoke) -> None:
    headers = {key.lower(): value for key, value in SPOOFED.items()}
    by_header = CognitoProviderHeader(TRUST, user_pools=[POOL])
    assert invoke(event_of("load_balancer", **headers), by_header)["principal"] == OTHER_SUB
    assert invoke(event_of("load_balancer", **headers), BY_USER)["principal"] is None
    headers["x-gateway-secret"] = "wrong"
    assert invoke(event_of("load_balancer", **headers), by_header)["principal"] is None


FACEBOOK = "graph.facebook.com,graph.facebook.com:163427142996188:181002529902928"
LINKED = f"{ISSUER},{ISSUER}:CognitoSignIn:{SUB},{FACEBOOK}"


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize(("logins", "kind"), [(FACEBOOK, "federated"), (LINKED, "linked")])
def test_other_logins_are_told_apart_and_no_user_is_guessed(
    invoke: Invoke, name: str, logins: str, kind: str
) -> None:
    event = logged_in(event_of(name), logins)
    assert invoke(event, BY_USER)["status"] == 400
    me = invoke(event, BY_IDENTITY)
    assert (me["principal"], me["sub"], me["login"]) == (IDENTITY, None, kind)


@pytest.mark.parametrize("name", SIGNED)
def test_guest_is_an_identity_and_no_user(invoke: Invoke, name: str) -> None:
    event = logged_in(event_of(name), None)
    assert invoke(event, BY_USER)["principal"] is None
    me = invoke(event, BY_IDENTITY)
    assert (me["principal"], me["sub"], me["login"]) == (IDENTITY, None, "guest")


def logged_in(event: Event, logins: str | None) -> Event:
    context = event["requestContext"]
    if event.get("version") == "2.0":
        amr = ["unauthenticated"] if logins is None else ["authenticated", *logins.split(",")]
        context["authorizer"]["iam"]["cognitoIdentity"]["amr"] = amr
    else:
        context["identity"]["cognitoAuthenticationProvider"] = logins
        kind = "unauthenticated" if logins is None else "authenticated"
        context["identity"]["cognitoAuthenticationType"] = kind
    return event


@pytest.mark.parametrize("name", [*SIGNED, *WITH_TOKEN])
def test_user_of_another_pool_is_refused(invoke: Invoke, name: str) -> None:
    event = json.loads((EVENTS / f"{name}.json").read_text().replace(POOL, "eu-west-1_Other1"))
    answer = invoke(event, BY_USER)
    assert (answer["status"], answer["detail"]) == (
        400,
        "the user pool is not one of those known here",
    )


@pytest.mark.parametrize("name", WITH_TOKEN)
@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", f"http://{ISSUER}"),
        ("iss", "https://issuer.example/eu-west-1_Orders1"),
        ("iss", None),
        ("sub", "root"),
        ("sub", f"{SUB},{ISSUER}:CognitoSignIn:{OTHER_SUB}"),
        ("sub", 7),
    ],
)
def test_token_of_anything_but_a_user_pool_is_refused(
    invoke: Invoke, name: str, claim: str, value: object
) -> None:
    event = event_of(name)
    authorizer = event["requestContext"]["authorizer"]
    authorizer.get("jwt", authorizer)["claims"][claim] = value
    assert invoke(event, BY_USER)["status"] == 400


@pytest.mark.parametrize("amr", [None, [], "authenticated", ["foo"], ["authenticated"], [1, 2]])
def test_login_that_cannot_be_read_is_refused(invoke: Invoke, amr: object) -> None:
    event = event_of("http_2_iam")
    event["requestContext"]["authorizer"]["iam"]["cognitoIdentity"]["amr"] = amr
    for source in (BY_USER, BY_IDENTITY):
        assert invoke(event, source)["status"] == 400


@pytest.mark.parametrize("kind", ["authenticated", None, 7])
def test_guest_is_not_guessed_from_a_login_that_is_missing(invoke: Invoke, kind: object) -> None:
    event = logged_in(event_of("rest_iam"), None)
    event["requestContext"]["identity"]["cognitoAuthenticationType"] = kind
    for source in (BY_USER, BY_IDENTITY):
        assert invoke(event, source)["status"] == 400


@pytest.mark.parametrize("name", WITH_TOKEN)
def test_token_of_a_stranger_is_no_identity(invoke: Invoke, name: str) -> None:
    event = event_of(name)
    authorizer = event["requestContext"]["authorizer"]
    authorizer.get("jwt", authorizer)["claims"]["iss"] = "https://issuer.example/"
    assert invoke(event, BY_IDENTITY)["principal"] is None


def test_whole_context_is_read_and_handed_on(invoke: Invoke) -> None:
    me = invoke(event_of("rest_iam"), BY_USER)
    provider = f"{ISSUER},{ISSUER}:CognitoSignIn:{SUB}"
    assert (me["pool"], me["region"]) == (POOL, "eu-west-1")
    assert me["onward"] == {
        "X-Request-Id": me["id"],
        "X-Amzn-Trace-Id": "Root=1-5e66d96f-7491f09a0b1c79d18acf3d05",
        "X-Api-IdentityId": IDENTITY,
        "X-Cognito-AuthProvider": provider,
    }
    assert invoke(event_of("rest_iam"), BY_IDENTITY)["onward"] == me["onward"]


def test_identity_that_is_none_is_refused(invoke: Invoke) -> None:
    event = event_of("rest_iam")
    event["requestContext"]["identity"]["cognitoIdentityId"] = "../../admin"
    assert invoke(event, BY_IDENTITY)["status"] == 400
