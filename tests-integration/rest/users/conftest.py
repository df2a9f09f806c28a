"""A service behind the gateway that answers with what it knows of its caller."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.aws.cognito import CognitoClient
from saigon.aws.testing import LocalAws, LocalIdentityPool
from saigon.rest.client import AuthRestClient
from saigon.rest.testing import LocalApi

MAPPING = {
    "X-Api-IdentityId": "$context.identity.cognitoIdentityId",
    "X-Access-Key": "$context.identity.accessKey",
}


class Caller(BaseModel):
    """What the gateway says of the caller."""

    identity_id: str
    access_key_id: str


class ShiftedClock:
    """This machine's time and some more."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def service(scope: Any, receive: Any, send: Any) -> None:
    headers = dict(scope["headers"])
    caller = {
        "identity_id": headers[b"x-api-identityid"].decode(),
        "access_key_id": headers[b"x-access-key"].decode(),
    }
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(caller).encode()})


@pytest.fixture
def clock() -> ShiftedClock:
    """The time of client and gateway; Cognito has its own."""
    return ShiftedClock()


@pytest.fixture
def client(
    aws: LocalAws, aws_identity_pool: LocalIdentityPool, clock: ShiftedClock
) -> Iterator[AuthRestClient]:
    with LocalApi(
        service, aws_identity_pool, session=aws.session(), mapping=MAPPING, clock=clock
    ) as api:
        yield api.client(clock=clock)


@pytest.fixture
def who(client: AuthRestClient) -> Callable[[], Caller]:
    """Ask the service who calls."""
    return lambda: client.get_resource("/who", Caller)


@pytest.fixture
def cognito(aws: LocalAws, aws_identity_pool: LocalIdentityPool) -> CognitoClient:
    return CognitoClient(aws_identity_pool.config(), session=aws.session())
