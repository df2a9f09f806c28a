"""Log in with Cognito, sign, pass the gateway, and be known to the service."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import uvicorn
from pydantic import BaseModel

from saigon.aws.cognito.exceptions import InvalidCredentialsError
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser, LocalUserPool
from saigon.model.http import CognitoProvider
from saigon.rest.client import AuthRestClient, RestClientBase, RetryPolicy
from saigon.rest.exceptions import ForbiddenError, NotFoundError, NotLoggedInError
from saigon.rest.gateway import LocalGateway


class Caller(BaseModel):
    identity_id: str
    provider: str
    query: str
    body: str


async def service(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the gateway says of the caller."""
    if scope["type"] != "http":
        return
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
def serve() -> Iterator[Callable[[Any], str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on its own
        running: list[tuple[uvicorn.Server, threading.Thread]] = []

        def start(app: Any) -> str:
            runner = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
            thread = threading.Thread(target=lambda: asyncio.run(runner.serve([listener])))
            thread.start()
            running.append((runner, thread))
            while not runner.started and thread.is_alive():
                time.sleep(0.005)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start
        for runner, thread in running:
            runner.should_exit = True
            thread.join()


@pytest.fixture
def client(
    aws: LocalAws, aws_identity_pool: LocalIdentityPool, serve: Callable[[Any], str]
) -> Iterator[AuthRestClient]:
    gateway = LocalGateway(service, credentials=aws_identity_pool.find, region=aws.region)
    with AuthRestClient(
        serve(gateway),
        aws_identity_pool.config(),
        region=aws.region,
        retry=RetryPolicy(attempts=1),
    ) as client:
        yield client


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


@pytest.fixture
def bucket_client(aws: LocalAws) -> Iterator[RestClientBase]:
    with RestClientBase(aws.endpoint_url, retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n"], ids=["empty", "small"])
def test_files_reach_a_bucket_by_pre_signed_put_and_post(
    aws: LocalAws, aws_bucket: str, bucket_client: RestClientBase, content: bytes
) -> None:
    s3 = aws.client("s3")
    params = {"Bucket": aws_bucket, "Key": "put", "ContentType": "text/csv"}
    url = s3.generate_presigned_url("put_object", Params=params)
    upload = bucket_client.upload_file_to_url(url, BytesIO(content), content_type="text/csv")
    assert s3.head_object(Bucket=aws_bucket, Key="put")["ETag"] == upload.etag
    form = s3.generate_presigned_post(aws_bucket, "post", Fields={"Content-Type": "text/csv"})
    bucket_client.upload_file_to_form(form["url"], form["fields"], BytesIO(content))
    for key in ("put", "post"):
        stored = s3.get_object(Bucket=aws_bucket, Key=key)
        with stored["Body"] as body:
            assert body.read() == content
        assert stored["ContentType"] == "text/csv"


def test_a_bucket_that_is_not_there_is_an_error_of_its_own(
    aws: LocalAws, bucket_client: RestClientBase
) -> None:
    url = aws.client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": "no-such-bucket-here", "Key": "k"}
    )
    with pytest.raises(NotFoundError) as caught:
        bucket_client.upload_file_to_url(url, BytesIO(b"x"))
    assert caught.value.code == "NoSuchBucket"
