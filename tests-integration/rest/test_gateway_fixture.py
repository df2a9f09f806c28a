"""The gateway as a fixture and as a command: login, signed call, verified identity, handler."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
import requests
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, SecretStr

from saigon.aws.cognito import CognitoClientConfig
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser, LocalUserPool
from saigon.fastapi.headers import (
    CognitoProviderHeader,
    GatewaySecret,
    IdentityIdHeader,
    ProxyHops,
    RequestContext,
    request_context,
)
from saigon.fastapi.utils import create_app
from saigon.rest.client import AuthRestClient, RetryPolicy
from saigon.rest.exceptions import ForbiddenError, NotFoundError
from saigon.rest.gateway import UpstreamProxy
from saigon.rest.testing import LocalApi, LocalApiFactory, LocalServer

pytest_plugins = ["saigon.aws.testing", "saigon.rest.testing"]

SECRET = "of-the-gateway"
SECRET_HEADERS = {"X-Gateway-Secret": SecretStr(SECRET)}
ROUTES: dict[str, Any] = {"GET /open": "NONE", "ANY /{proxy+}": "AWS_IAM"}
SPOOFED = {
    "X-Cognito-AuthProvider": (
        "cognito-idp.us-east-1.amazonaws.com/us-east-1_x,"
        "cognito-idp.us-east-1.amazonaws.com/us-east-1_x:CognitoSignIn:5f0c2e6a-0000-4000-8000-00000000e15e"
    ),
    "X-Api-IdentityId": "us-east-1:6f1f0a3c-0000-4000-8000-000000000000",
    "X-Gateway-Secret": SECRET,
    "X-Request-Id": "mine",
    "X-Forwarded-For": "192.0.2.66",
    "Forwarded": "for=192.0.2.66",
}


class Seen(BaseModel):
    principal: str | None
    identity_id: str | None
    client_address: str | None
    request_id: str
    trace_id: str | None


router = APIRouter()


@router.get("/me")
async def me(context: Annotated[RequestContext, Depends(request_context)]) -> Seen:
    return Seen.model_validate(context, from_attributes=True)


@router.get("/prod/where")
async def where(request: Request) -> str:
    return str(request.url_for("where"))


@router.get("/open")
async def open_to_all(context: Annotated[RequestContext, Depends(request_context)]) -> Seen:
    return Seen.model_validate(context, from_attributes=True)


def service(flavour: str, identity: Any) -> Any:
    header: Any = {"rest": "X-Forwarded-For", "http": "Forwarded"}[flavour]
    return create_app(
        title="Who", routers=[router], identity=identity, proxy_hops=ProxyHops(1, header)
    )


def users_of(pool: LocalUserPool) -> CognitoProviderHeader:
    trust = GatewaySecret("X-Gateway-Secret", lambda: SecretStr(SECRET))
    return CognitoProviderHeader(trust=trust, user_pools=[pool.user_pool_id])


def identities() -> IdentityIdHeader:
    return IdentityIdHeader(trust=GatewaySecret("X-Gateway-Secret", lambda: SecretStr(SECRET)))


@pytest.fixture
def url_of() -> Iterator[Callable[[Any], str]]:
    """Serve an app for as long as the test."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(LocalServer(app)).url


def test_ten_lines_are_enough(gateway: LocalApiFactory, aws_user: LocalUser) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        identity_id = dict(scope["headers"])[b"x-api-identityid"].decode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(identity_id).encode()})

    client = gateway(app).client()
    identity = client.login(aws_user.username, aws_user.password)
    assert client.get_resource("/me", str) == identity.identity_id


def test_an_event_loop_has_a_client_of_its_own(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    api = gateway(
        service("rest", users_of(aws_user_pool)), stage="prod", secret_headers=SECRET_HEADERS
    )

    async def go() -> tuple[str | None, str | None]:
        async with api.async_client(headers=SPOOFED) as client:
            assert client.current_user is None
            identity = await client.login(aws_user.username, aws_user.password)
            return (await client.get_resource("/me", Seen)).principal, identity.sub

    principal, sub = asyncio.run(go())
    assert principal == sub is not None


@pytest.mark.parametrize("flavour", ["rest", "http"])
def test_a_service_knows_the_caller_and_believes_no_other_header(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool, flavour: Any
) -> None:
    api = gateway(
        service(flavour, users_of(aws_user_pool)), flavour=flavour, secret_headers=SECRET_HEADERS
    )
    client = api.client(headers=SPOOFED)
    identity = client.login(aws_user.username, aws_user.password)
    response = client.request("GET", "/me", Seen)
    seen = response.data
    assert seen.principal == identity.sub
    assert seen.client_address == "127.0.0.1"
    assert seen.request_id == response.request_id != "mine"
    assert seen.trace_id


@pytest.mark.parametrize("flavour", ["rest", "http"])
def test_a_service_knows_the_identity(
    gateway: LocalApiFactory, aws_user: LocalUser, flavour: Any
) -> None:
    api = gateway(service(flavour, identities()), flavour=flavour, secret_headers=SECRET_HEADERS)
    client = api.client(headers=SPOOFED)
    identity = client.login(aws_user.username, aws_user.password)
    assert client.get_resource("/me", Seen).principal == identity.identity_id


@pytest.mark.parametrize("flavour", ["rest", "http"])
@pytest.mark.parametrize("stage", [None, "prod"])
def test_an_open_route_is_anonymous_whatever_it_says(
    gateway: LocalApiFactory, aws_user_pool: LocalUserPool, flavour: Any, stage: str | None
) -> None:
    api = gateway(
        service(flavour, users_of(aws_user_pool)),
        flavour=flavour,
        stage=stage,
        routes=ROUTES,
        secret_headers=SECRET_HEADERS,
    )
    response = requests.get(f"{api.url}/open", headers=SPOOFED, timeout=5)
    seen = Seen.model_validate_json(response.content)
    assert (seen.principal, seen.identity_id) == (None, None)
    assert seen.client_address == "127.0.0.1"
    assert requests.get(f"{api.url}/me", headers=SPOOFED, timeout=5).status_code == 403


def test_a_service_that_maps_nothing_has_what_the_caller_writes(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    app = service("rest", users_of(aws_user_pool))
    api = gateway(app, mapping={}, secret_headers=SECRET_HEADERS)
    own = SPOOFED["X-Cognito-AuthProvider"].replace("us-east-1_x", aws_user_pool.user_pool_id)
    client = api.client(headers={"X-Cognito-AuthProvider": own})
    client.login(aws_user.username, aws_user.password)
    assert client.get_resource("/me", Seen).principal == "5f0c2e6a-0000-4000-8000-00000000e15e"


@pytest.mark.parametrize(("flavour", "error"), [("rest", ForbiddenError), ("http", NotFoundError)])
def test_a_stage_and_routes_are_those_of_the_api(
    gateway: LocalApiFactory,
    aws_user: LocalUser,
    aws_user_pool: LocalUserPool,
    flavour: Any,
    error: type[Exception],
) -> None:
    api = gateway(
        service(flavour, users_of(aws_user_pool)),
        flavour=flavour,
        stage="prod",
        routes={"GET /me": "AWS_IAM", "GET /prod/{name}": "AWS_IAM"},
        secret_headers=SECRET_HEADERS,
    )
    assert api.url.endswith("/prod")
    client = api.client(retry=RetryPolicy(attempts=1))
    identity = client.login(aws_user.username, aws_user.password)
    assert client.get_resource("/me", Seen).principal == identity.sub
    assert client.get_resource("/prod/where", str) == f"{api.url}/prod/where"
    with pytest.raises(error):
        client.get_resource("/nowhere", Seen)


def test_a_service_in_another_process_stands_behind_a_proxy(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    with LocalServer(service("rest", users_of(aws_user_pool))) as server:
        api = gateway(UpstreamProxy(server.url), stage="prod", secret_headers=SECRET_HEADERS)
        client = api.client()
        identity = client.login(aws_user.username, aws_user.password)
        seen = client.get_resource("/me", Seen)
        client.close()
    assert (seen.principal, seen.client_address) == (identity.sub, "127.0.0.1")


def test_the_identity_pool_is_known(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_identity_pool: LocalIdentityPool
) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = json.dumps(dict(scope["headers"])[b"x-pool"].decode()).encode()
        await send({"type": "http.response.body", "body": body})

    mapping = {"X-Pool": "$context.identity.cognitoIdentityPoolId"}
    client = gateway(app, mapping=mapping).client()
    client.login(aws_user.username, aws_user.password)
    assert client.get_resource("/", str) == aws_identity_pool.identity_pool_id


def test_each_api_knows_the_users_of_its_own_pool_alone(
    aws: LocalAws, gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    app = service("rest", identities())
    strange = aws.create_identity_pool(aws_user_pool)
    client = gateway(app).client(cognito_config=strange.config())
    client.login(aws_user.username, aws_user.password)
    with pytest.raises(ForbiddenError) as caught:
        client.get_resource("/me", Seen)
    assert caught.value.code == "UnrecognizedClientException"


def test_a_clock_may_be_handed_in(
    gateway: LocalApiFactory, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    late = datetime.now(UTC) + timedelta(minutes=6)
    app = service("rest", users_of(aws_user_pool))
    client = gateway(app, clock=lambda: late).client(retry=RetryPolicy(attempts=1))
    client.login(aws_user.username, aws_user.password)
    with pytest.raises(ForbiddenError) as caught:
        client.get_resource("/me", Seen)
    assert caught.value.code == "InvalidSignatureException"


def test_an_api_lives_as_long_as_its_block(
    aws: LocalAws, aws_identity_pool: LocalIdentityPool
) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        seen.append("start")
        yield
        seen.append("end")

    app = create_app(title="Lives", lifespan=lifespan)
    with LocalApi(app, aws_identity_pool, session=aws.session()) as api:
        url, client = api.url, api.client()
        assert seen == ["start"]
    assert seen == ["start", "end"]
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    with pytest.raises(RuntimeError, match="not running"):
        api.client()
    assert client.current_user is None


def test_what_a_service_fails_to_start_with_reaches_the_caller(gateway: LocalApiFactory) -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if app:
            raise LookupError("no database")
        yield

    with pytest.raises(LookupError, match="no database"):
        gateway(create_app(title="Fails", lifespan=lifespan))


def test_one_command_runs_the_whole_loop(
    aws_user_pool: LocalUserPool, tmp_path: Path, url_of: Callable[[Any], str]
) -> None:
    upstream = url_of(service("rest", None))
    arguments = ["--upstream", upstream, "--port", "0", "--local-aws", "--stage", "prod"]
    process = subprocess.Popen(
        [sys.executable, "-m", "saigon.rest.gateway", *arguments],
        cwd=tmp_path,
        env={**os.environ, "AWS_PROFILE": "no-such-profile"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = ""
    while " running on " not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    file = tmp_path / "saigon-local-aws.json"
    assert file.stat().st_mode & 0o777 == 0o600
    login = json.loads(file.read_text())
    with AuthRestClient(
        login["base_url"], CognitoClientConfig(**login["cognito"]), region=login["region"]
    ) as client:
        identity = client.login(login["username"], login["password"])
        response = client.request("GET", "/me", Seen)
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, told + rest
    assert response.data.request_id == response.request_id
    assert identity.sub
    assert not file.exists()
    assert login["password"] not in told + rest
