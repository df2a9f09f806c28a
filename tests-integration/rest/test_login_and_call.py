"""Log in with Cognito, sign, pass the gateway, and be known to the service."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.aws.cognito.exceptions import InvalidCredentialsError
from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool
from saigon.model.http import CognitoProvider
from saigon.rest.client import AuthRestClient, RestClientBase, RetryPolicy
from saigon.rest.exceptions import ForbiddenError, NotLoggedInError
from saigon.rest.testing import LocalApiFactory

pytest_plugins = ["saigon.aws.testing", "saigon.rest.testing"]


class Caller(BaseModel):
    identity_id: str
    provider: str
    query: str
    body: str


async def service(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the gateway says of the caller."""
    assert scope["type"] == "http"
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    caller = {
        "identity_id": headers["x-api-identityid"],
        "provider": headers["x-cognito-authprovider"],
        "query": scope["query_string"].decode(),
        "body": (await receive())["body"].decode(),
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(caller).encode()})


@pytest.fixture
def client(gateway: LocalApiFactory) -> AuthRestClient:
    return gateway(service).client(retry=RetryPolicy(attempts=1))


def test_a_logged_in_user_is_known_to_the_service(
    client: AuthRestClient, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    identity = client.login(aws_user.username, aws_user.password)
    caller = client.create_resource(
        "/orders/{id}", {"a": "€"}, Caller, path_params={"id": "a/b c"}, params={"q": "1 +/2"}
    )
    provider = CognitoProvider.parse(caller.provider)
    assert identity.sub == aws_user.sub == provider.sub
    assert caller.identity_id == identity.identity_id
    assert provider.user_pool_id == aws_user_pool.user_pool_id
    assert (caller.query, caller.body) == ("q=1%20%2B%2F2", '{"a":"€"}')


def test_two_users_are_two(
    client: AuthRestClient, aws: LocalAws, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    other_user = aws.create_user(aws_user_pool)
    one = client.login(aws_user.username, aws_user.password)
    other = client.login(other_user.username, other_user.password)
    assert one.identity_id != other.identity_id
    for identity in (one, other, one):
        with client.as_user(identity):
            assert client.get_resource("/", Caller).identity_id == identity.identity_id
    with pytest.raises(NotLoggedInError):
        client.get_resource("/", Caller)


def test_a_wrong_password_logs_nobody_in(client: AuthRestClient, aws_user: LocalUser) -> None:
    with pytest.raises(InvalidCredentialsError):
        client.login(aws_user.username, "Wrong1!password")
    assert client.current_user is None


def test_credentials_of_another_identity_pool_are_refused(
    client: AuthRestClient, aws: LocalAws, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    strange = aws.create_identity_pool(aws_user_pool)
    with AuthRestClient(client.base_url, strange.config(), region=aws.region) as stranger:
        stranger.login(aws_user.username, aws_user.password)
        with pytest.raises(ForbiddenError) as caught:
            stranger.get_resource("/", Caller)
    assert caught.value.code == "UnrecognizedClientException"


def test_who_does_not_sign_is_refused(client: AuthRestClient) -> None:
    with (
        RestClientBase(client.base_url) as plain,
        pytest.raises(ForbiddenError, match="MissingAuthenticationTokenException"),
    ):
        plain.get_resource("/", Caller)
