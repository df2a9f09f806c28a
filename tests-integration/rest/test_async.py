"""Log in, sign, pass the gateway and upload, all from an event loop."""

import asyncio
import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from saigon.aws.cognito.exceptions import InvalidCredentialsError
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser, LocalUserPool
from saigon.model.http import CognitoProvider
from saigon.rest.client import AsyncAuthRestClient, AsyncRestClient, RetryPolicy
from saigon.rest.exceptions import ForbiddenError, NotFoundError
from saigon.rest.gateway import LocalGateway


class Caller(BaseModel):
    identity_id: str
    provider: str
    query: str
    body: str


async def service(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the gateway says of the caller."""
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
def gateway(aws: LocalAws, aws_identity_pool: LocalIdentityPool) -> LocalGateway:
    return LocalGateway(service, credentials=aws_identity_pool.find, region=aws.region)


def client_of(gateway: LocalGateway, pool: LocalIdentityPool, region: str) -> AsyncAuthRestClient:
    return AsyncAuthRestClient(
        "http://127.0.0.1:8000",
        pool.config(),
        region=region,
        retry=RetryPolicy(attempts=1),
        client=httpx.AsyncClient(transport=httpx.ASGITransport(gateway)),
    )


def test_users_of_tasks_are_known_to_the_service(
    gateway: LocalGateway,
    aws: LocalAws,
    aws_identity_pool: LocalIdentityPool,
    aws_user: LocalUser,
    aws_user_pool: LocalUserPool,
) -> None:
    other = aws.create_user(aws_user_pool)

    async def ask(client: AsyncAuthRestClient, user: LocalUser) -> Caller:
        with client.as_user(user.username):
            return await client.create_resource(
                "/orders/{id}",
                {"a": "€"},
                Caller,
                path_params={"id": "a/b c"},
                params={"q": "1 +/2"},
            )

    async def main() -> list[Caller]:
        async with client_of(gateway, aws_identity_pool, aws.region) as client:
            with pytest.raises(InvalidCredentialsError):
                await client.login(aws_user.username, "Wrong1!password")
            await client.login(aws_user.username, aws_user.password)
            await client.login(other.username, other.password)
            return list(await asyncio.gather(*[ask(client, user) for user in [aws_user, other]]))

    callers = asyncio.run(main())
    assert [CognitoProvider.parse(c.provider).sub for c in callers] == [aws_user.sub, other.sub]
    assert callers[0].identity_id != callers[1].identity_id
    assert {(caller.query, caller.body) for caller in callers} == {("q=1%20%2B%2F2", '{"a":"€"}')}


def test_credentials_of_another_identity_pool_are_refused(
    gateway: LocalGateway, aws: LocalAws, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> None:
    strange = aws.create_identity_pool(aws_user_pool)

    async def main() -> None:
        async with client_of(gateway, strange, aws.region) as stranger:
            await stranger.login(aws_user.username, aws_user.password)
            with pytest.raises(ForbiddenError) as caught:
                await stranger.get_resource("/", Caller)
        assert caught.value.code == "UnrecognizedClientException"

    asyncio.run(main())


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n"], ids=["empty", "small"])
def test_files_reach_a_bucket_by_pre_signed_put_and_post(
    aws: LocalAws, aws_bucket: str, content: bytes
) -> None:
    s3 = aws.client("s3")
    params = {"Bucket": aws_bucket, "Key": "put", "ContentType": "text/csv"}
    url = s3.generate_presigned_url("put_object", Params=params)
    kind = {"Content-Type": "text/csv"}
    form = s3.generate_presigned_post(aws_bucket, "post", Fields=kind, Conditions=[kind])

    async def main() -> None:
        async with AsyncRestClient(aws.endpoint_url, retry=RetryPolicy(attempts=1)) as client:
            upload = await client.upload_file_to_url(url, BytesIO(content), content_type="text/csv")
            assert s3.head_object(Bucket=aws_bucket, Key="put")["ETag"] == upload.etag
            await client.upload_file_to_form(form["url"], form["fields"], BytesIO(content))

    asyncio.run(main())
    for key in ("put", "post"):
        stored = s3.get_object(Bucket=aws_bucket, Key=key)
        with stored["Body"] as body:
            assert body.read() == content
        assert stored["ContentType"] == "text/csv"


def test_a_bucket_that_is_not_there_is_an_error_of_its_own(aws: LocalAws) -> None:
    url = aws.client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": "no-such-bucket-here", "Key": "k"}
    )

    async def main() -> None:
        async with AsyncRestClient(aws.endpoint_url) as client:
            with pytest.raises(NotFoundError) as caught:
                await client.upload_file_to_url(url, BytesIO(b"x"))
        assert caught.value.code == "NoSuchBucket"

    asyncio.run(main())
