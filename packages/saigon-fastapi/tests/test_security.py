import sys
from collections.abc import Callable, Collection
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Security, WebSocket

from saigon.aws.cognito.exceptions import (
    JwksUnavailableError,
    TokenExpiredError,
    TokenScopeError,
)
from saigon.fastapi.app import create_app
from saigon.fastapi.exceptions import MissingExtraError
from saigon.fastapi.security import CognitoBearer

Call = Callable[..., httpx.Response]


class Verifier:
    """Says of each token what its text asks for, and notes what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []

    def verify_access_token(
        self, token: str, *, scopes: Collection[str] = (), groups: Collection[str] = ()
    ) -> Any:
        self.asked.append((token, tuple(scopes), tuple(groups)))
        match token:
            case "expired":
                raise TokenExpiredError("expired")
            case "narrow":
                raise TokenScopeError("narrow")
            case "unknown":
                raise JwksUnavailableError("down")
        return {"sub": "user-1"}


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


def app_of(bearer: CognitoBearer) -> FastAPI:
    router = APIRouter()

    @router.get("/me")
    def me(claims: Annotated[Any, Security(bearer, scopes=["orders/read"])]) -> dict[str, str]:
        return {"sub": claims["sub"]}

    return create_app(title="Test", routers=[router])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_claims_reach_the_endpoint(call: Call, verifier: Verifier, scheme: str) -> None:
    app = app_of(CognitoBearer(verifier, scopes=["openid"], groups=["staff"]))
    answer = call(app, "GET", "/me", headers={"Authorization": f"{scheme} good"})
    assert answer.json() == {"sub": "user-1"}
    assert verifier.asked == [("good", ("openid", "orders/read"), ("staff",))]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic Z29vZA==")],
        [("Authorization", "good")],
        [("Authorization", "Bearer good"), ("Authorization", "Bearer good")],
    ],
)
def test_no_token_is_401(call: Call, verifier: Verifier, headers: list[tuple[str, str]]) -> None:
    answer = call(app_of(CognitoBearer(verifier)), "GET", "/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert verifier.asked == []


@pytest.mark.parametrize(
    ("token", "status", "name", "value"),
    [
        ("expired", 401, "www-authenticate", 'Bearer error="invalid_token"'),
        ("narrow", 403, "www-authenticate", 'Bearer error="insufficient_scope"'),
        ("unknown", 503, "retry-after", "5"),
    ],
)
def test_token_that_does_not_do_is_refused(
    call: Call, verifier: Verifier, token: str, *, status: int, name: str, value: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = call(app_of(CognitoBearer(verifier)), "GET", "/me", headers=headers)
    assert answer.status_code == status
    assert answer.headers[name] == value


@pytest.mark.parametrize("value", ["good", "Bearer good"])
def test_token_may_come_in_another_header(call: Call, verifier: Verifier, value: str) -> None:
    app = app_of(CognitoBearer(verifier, header_name="X-User-Token"))
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=x", "X-User-Token": value}
    assert call(app, "GET", "/me", headers=headers).status_code == 200


def test_scheme_is_documented(verifier: Verifier) -> None:
    document = app_of(CognitoBearer(verifier)).openapi()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert document["paths"]["/me"]["get"]["security"] == [{"Cognito": ["orders/read"]}]


def test_other_header_is_documented(verifier: Verifier) -> None:
    document = app_of(CognitoBearer(verifier, header_name="X-User-Token")).openapi()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme == {"type": "apiKey", "in": "header", "name": "X-User-Token"}


def test_scheme_has_the_name_that_it_is_given(verifier: Verifier) -> None:
    bearer = CognitoBearer(verifier, scheme_name="Staff", header_name="authorization")
    document = app_of(bearer).openapi()
    assert document["components"]["securitySchemes"]["Staff"]["type"] == "http"


def test_what_went_wrong_with_the_keys_stays_inside(call: Call, verifier: Verifier) -> None:
    headers = {"Authorization": "Bearer unknown"}
    answer = call(app_of(CognitoBearer(verifier)), "GET", "/me", headers=headers)
    assert "down" not in answer.text


@pytest.mark.parametrize("token", ["good", "expired"])
def test_websocket_brings_a_token_too(
    converse: Callable[..., list[dict[str, Any]]],
    http_scope: dict[str, Any],
    verifier: Verifier,
    token: str,
) -> None:
    router = APIRouter()
    bearer = CognitoBearer(verifier)

    @router.websocket("/ws")
    async def talk(websocket: WebSocket, claims: Annotated[Any, Security(bearer)]) -> None:
        await websocket.accept()
        await websocket.close(reason=claims["sub"])

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = http_scope | {
        "type": "websocket",
        "path": "/ws",
        "subprotocols": [],
        "headers": headers,
    }
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    if token == "good":
        assert sent[-1]["reason"] == "user-1"
    else:
        assert sent[0]["status"] == 401


def test_missing_extra_is_named(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "saigon.aws.cognito", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'saigon-fastapi\[cognito\]'"):
        CognitoBearer(verifier)
