"""A gateway at a fixed moment, and requests that botocore signs for it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from saigon.rest.gateway import LocalGateway

HOST = "127.0.0.1:8000"


class Echo:
    """A service that remembers what reached it."""

    def __init__(self) -> None:
        self.calls = 0
        self.scope: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        self.calls += 1
        self.scope = scope
        self.body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def headers(self, name: str) -> list[str]:
        return [v.decode() for n, v in self.scope["headers"] if n == name.lower().encode()]


@dataclass
class Signed:
    """A request that is signed and may be altered on its way."""

    method: str
    url: str
    headers: dict[str, Any]
    body: bytes = b""


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
        options.setdefault("clock", lambda: now)
        return LocalGateway(echo, credentials=callers.get, **options)

    return make


@pytest.fixture
def gateway(make_gateway: Callable[..., LocalGateway]) -> LocalGateway:
    return make_gateway()


def add_signature(signer: Any, request: AWSRequest, at: datetime) -> None:
    """Do what botocore's ``add_auth`` does, at another moment than now."""
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))


@pytest.fixture
def signed_by(alice: Any, now: datetime) -> Callable[..., Signed]:
    """Sign by one of botocore's signers."""

    def sign(
        signer: type[Any],
        method: str,
        path: str,
        *,
        caller: Any = alice,
        at: datetime = now,
        region: str = "eu-west-1",
        service: str = "execute-api",
        host: str = HOST,
        headers: Any = None,
        body: bytes = b"",
        **options: Any,
    ) -> Signed:
        request = AWSRequest(method, f"http://{host}{path}", headers=headers or {}, data=body)
        credentials = Credentials(
            caller.access_key_id,
            caller.secret_access_key.get_secret_value(),
            caller.session_token.get_secret_value(),
        )
        add_signature(signer(credentials, service, region, **options), request, at)
        return Signed(
            method, str(request.url), {"Host": host, **dict(request.headers.items())}, body
        )

    return sign


@pytest.fixture
def sign(signed_by: Callable[..., Signed]) -> Callable[..., Signed]:
    """Sign a request in its Authorization header."""

    def sign(
        method: str = "POST", path: str = "/orders?status=open", *, data: Any = None, **parts: Any
    ) -> Signed:
        if data is not None:
            parts["body"] = json.dumps(data).encode()
            parts["headers"] = {"Content-Type": "application/json", **(parts.get("headers") or {})}
        return signed_by(SigV4Auth, method, path, **parts)

    return sign


@pytest.fixture
def presign(signed_by: Callable[..., Signed]) -> Callable[..., Signed]:
    """Sign a request in its query."""

    def presign(
        method: str = "GET", path: str = "/orders?status=open", *, expires: int = 900, **parts: Any
    ) -> Signed:
        return signed_by(SigV4QueryAuth, method, path, expires=expires, **parts)

    return presign


def _send(app: Any, request: Signed, **changes: Any) -> httpx.Response:
    headers = {**request.headers, **changes.get("headers", {})}

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            client.headers.clear()
            return await client.request(
                changes.get("method", request.method),
                changes.get("url", request.url),
                headers={name: value for name, value in headers.items() if value is not None},
                content=changes.get("body", request.body),
            )

    return asyncio.run(go())


@pytest.fixture
def send() -> Callable[..., httpx.Response]:
    """Send a request in this process, with something changed after it was signed."""
    return _send
