"""The client: where it sends requests, and how it signs them."""

from typing import TYPE_CHECKING, Any

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from saigon.aws.s3 import s3_get_client, s3_presigned_post, s3_presigned_url

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SESSION = (
    b"<CreateSessionResult><Credentials><SessionToken>t</SessionToken>"
    b"<SecretAccessKey>s</SecretAccessKey><AccessKeyId>SESSIONKEY</AccessKeyId>"
    b"<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"
)


class Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def sent_by(client: "S3Client") -> list[Any]:
    """Answer all requests of a client here, and give what they are."""
    requests: list[Any] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        requests.append(request)
        headers: Any = {}
        return AWSResponse(request.url, 200, headers, Raw(SESSION))

    handler: Any = answer
    client.meta.events.register("before-send.s3", handler)
    return requests


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_another_server_of_the_environment_is_addressed_by_path(
    boto_session: Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://storage.example:9000")
    client = s3_get_client(session=boto_session)
    requests = sent_by(client)
    client.head_object(Bucket="bucket", Key="key")
    assert requests[0].url == "http://storage.example:9000/bucket/key"


def test_an_endpoint_of_aws_in_the_environment_keeps_virtual_hosts(
    boto_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.eu-west-1.amazonaws.com")
    client = s3_get_client(session=boto_session)
    requests = sent_by(client)
    client.head_object(Bucket="bucket", Key="key")
    assert requests[0].url == "https://bucket.s3.eu-west-1.amazonaws.com/key"


def test_a_directory_bucket_gets_a_session_of_its_own(boto_session: Session) -> None:
    client = s3_get_client(session=boto_session)
    requests = sent_by(client)
    client.head_object(Bucket="bucket--euw1-az1--x-s3", Key="key")
    assert [request.method for request in requests] == ["GET", "HEAD"]
    assert "SESSIONKEY" in str(requests[1].headers["Authorization"])
    assert "/s3express/" in str(requests[1].headers["Authorization"])


def test_a_form_for_a_directory_bucket_is_refused(boto_session: Session) -> None:
    client = s3_get_client(session=boto_session)
    with pytest.raises(ValueError, match="directory buckets"):
        s3_presigned_post(client, "bucket--euw1-az1--x-s3", "key", max_bytes=1)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-south-1", "cn-north-1"])
def test_every_signature_is_version_4(region: str) -> None:
    client = s3_get_client(session=Session("id", "secret"), region_name=region)
    requests = sent_by(client)
    client.head_object(Bucket="bucket", Key="key")
    assert "AWS4-HMAC-SHA256" in str(requests[0].headers["Authorization"])
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in s3_presigned_url(client, "s3://bucket/key")
    form = s3_presigned_post(client, "bucket", "key", max_bytes=1)
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_a_signature_that_the_caller_chose_stays(boto_session: Session) -> None:
    client = s3_get_client(session=boto_session, config=Config(signature_version="s3"))
    requests = sent_by(client)
    client.head_object(Bucket="bucket", Key="key")
    assert "AWS id:" in str(requests[0].headers["Authorization"])
