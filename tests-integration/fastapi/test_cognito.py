"""Tokens of a real user pool, verified by its real keys."""

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Security

from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig
from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool
from saigon.fastapi.security import CognitoBearer
from saigon.fastapi.utils import create_app


@pytest.fixture
def idp(aws: LocalAws, aws_user_pool: LocalUserPool) -> CognitoIdp:
    config = CognitoIdpConfig(
        user_pool_id=aws_user_pool.user_pool_id,
        client_id=aws_user_pool.client_id,
        endpoint_url=aws.endpoint_url,
        jwks_url=f"{aws.endpoint_url}/{aws_user_pool.user_pool_id}/.well-known/jwks.json",
    )
    return CognitoIdp(config, session=aws.session())


@pytest.fixture
def app(idp: CognitoIdp) -> FastAPI:
    router = APIRouter()
    bearer = CognitoBearer(idp)

    @router.get("/me")
    def me(claims: Annotated[Any, Security(bearer)]) -> str:
        sub: str = claims.sub
        return sub

    return create_app(title="Test", routers=[router])


def get(app: FastAPI, token: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            return await session.get("/me", headers={"Authorization": f"Bearer {token}"})

    return asyncio.run(go())


def test_access_token_of_the_pool_is_accepted(
    app: FastAPI, idp: CognitoIdp, aws_user: LocalUser
) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)
    answer = get(app, tokens.access_token.get_secret_value())
    assert (answer.status_code, answer.json()) == (200, aws_user.sub)


def test_other_tokens_are_401(app: FastAPI, idp: CognitoIdp, aws_user: LocalUser) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)
    access, identity = (
        token.get_secret_value() for token in (tokens.access_token, tokens.id_token)
    )
    for wrong in (identity, access[:-4] + "AAAA", "not a token"):
        answer = get(app, wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
