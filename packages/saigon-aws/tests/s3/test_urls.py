"""URLs and forms."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3.session
import pytest
import requests
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from saigon.aws.s3 import (
    S3Error,
    s3_get_client,
    s3_presigned_post,
    s3_presigned_url,
    s3_virtual_host_object_url,
    s3_write_bytes,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@pytest.fixture
def client() -> Iterator["S3Client"]:
    made = client_of("eu-west-1")
    yield made
    made.close()


@lru_cache(maxsize=1)
def session() -> boto3.session.Session:
    return boto3.session.Session("AKIDEXAMPLE", "secret")


def client_of(region: str, **options: Any) -> "S3Client":
    return s3_get_client(session=session(), region_name=region, **options)


class TestVirtualHost:
    @pytest.mark.parametrize(
        ("arguments", "options", "url"),
        [
            (("us-east-1", "bucket"), {}, "https://bucket.s3.us-east-1.amazonaws.com"),
            (("eu-west-1", "bucket", "a/b.txt"), {}, "https://bucket.s3.eu-west-1.amazonaws.com/a/b.txt"),
            (("cn-north-1", "bucket"), {}, "https://bucket.s3.cn-north-1.amazonaws.com.cn"),
            (("us-gov-west-1", "bucket"), {"fips": True}, "https://bucket.s3-fips.us-gov-west-1.amazonaws.com"),
            (("eu-west-1", "bucket"), {"dual_stack": True}, "https://bucket.s3.dualstack.eu-west-1.amazonaws.com"),
            (("eu-west-1", "dotted.bucket", "k"), {}, "https://s3.eu-west-1.amazonaws.com/dotted.bucket/k"),
            (("eu-west-1", "bucket", "a b+c/ä?#%.txt"), {}, "https://bucket.s3.eu-west-1.amazonaws.com/a%20b%2Bc/%C3%A4%3F%23%25.txt"),
            (("eu-west-1", "bucket", "~a..b/.c"), {}, "https://bucket.s3.eu-west-1.amazonaws.com/~a..b/.c"),
        ],
    )  # fmt: skip
    def test_it_follows_the_rules_of_the_region(
        self, arguments: tuple[str, ...], options: Any, url: str
    ) -> None:
        assert s3_virtual_host_object_url(*arguments, **options) == url

    @pytest.mark.parametrize(
        "arguments",
        [
            ("", "bucket"),
            ("eu-west-1", ""),
            ("eu-west-1", "a/b"),
            ("eu-west-1", "..", "key"),
            ("eu-west-1", ".", "key"),
            ("eu-west-1", "bucket", ""),
            ("eu-west-1", "bucket", "../other/key"),
            ("eu-west-1", "bucket", "a/./b"),
            ("eu-west-1", "bucket", "a/.."),
            ("not a region", "bucket"),
        ],
    )
    def test_what_has_no_url_is_refused(self, arguments: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match=r"expected|no host"):
            s3_virtual_host_object_url(*arguments)

    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
    def test_it_is_where_a_client_sends_its_requests(self, region: str) -> None:
        client = client_of(region)
        key = "a b/ü+(x)~.txt"
        signed = s3_presigned_url(client, Bucket="bucket", Key=key)
        client.close()
        assert signed.partition("?")[0] == s3_virtual_host_object_url(region, "bucket", key)


class TestPresignedUrl:
    @pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1"])
    def test_it_is_signed_by_sigv4_for_the_regional_host(self, region: str) -> None:
        client = client_of(region)
        url = s3_presigned_url(client, "s3://bucket/key", expires_in=60)
        client.close()
        query = parse_qs(urlsplit(url).query)
        assert urlsplit(url).hostname == f"bucket.s3.{region}.amazonaws.com"
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["60"]
        assert f"/{region}/s3/aws4_request" in query["X-Amz-Credential"][0]

    def test_it_uploads_and_downloads(self, s3_client: "S3Client", aws_bucket: str) -> None:
        put = s3_presigned_url(
            s3_client, Bucket=aws_bucket, Key="a b", method="PUT", content_type="text/plain"
        )
        sent = requests.put(put, data=b"hello", headers={"Content-Type": "text/plain"}, timeout=5)
        sent.raise_for_status()
        get = s3_presigned_url(s3_client, Bucket=aws_bucket, Key="a b")
        assert requests.get(get, timeout=5).content == b"hello"

    def test_a_version_is_part_of_it(self, client: "S3Client") -> None:
        url = s3_presigned_url(client, Bucket="bucket", Key="key", VersionId="v1")
        assert "versionId=v1" in url

    @pytest.mark.parametrize("seconds", [0, -1, 604_801, 1.5, "60", True])
    def test_an_expiry_out_of_bounds_is_refused(self, client: "S3Client", seconds: Any) -> None:
        with pytest.raises(ValueError, match="604800"):
            s3_presigned_url(client, "s3://bucket/key", expires_in=seconds)

    @pytest.mark.parametrize("seconds", [1, 604_800])
    def test_an_expiry_at_a_bound_is_taken(self, client: "S3Client", seconds: int) -> None:
        assert f"X-Amz-Expires={seconds}&" in s3_presigned_url(
            client, "s3://bucket/key", expires_in=seconds
        )

    @pytest.mark.parametrize("key", ["..", "a/../b", "./a", "a/."])
    def test_dot_segments_are_refused(self, client: "S3Client", key: str) -> None:
        with pytest.raises(ValueError, match="segments"):
            s3_presigned_url(client, Bucket="bucket", Key=key)

    @pytest.mark.parametrize(
        "options",
        [
            {"method": "DELETE"},
            {"content_type": "text/plain"},
            {"method": "PUT", "VersionId": "v1"},
        ],
    )
    def test_options_that_do_not_fit_are_refused(
        self, client: "S3Client", options: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            s3_presigned_url(client, Bucket="bucket", Key="key", **options)

    def test_a_client_that_signs_by_sigv2_is_refused(self) -> None:
        client = client_of("us-east-1", config=Config(signature_version="s3"))
        with pytest.raises(ValueError, match="SigV4"):
            s3_presigned_url(client, "s3://bucket/key")
        client.close()

    def test_the_credentials_of_a_role_are_made_before_their_life_is_looked_at(self) -> None:
        client = client_with(DeferredRefreshableCredentials(renewed, "test"))
        assert s3_presigned_url(client, "s3://bucket/key", expires_in=3000)
        with pytest.raises(ValueError, match="credentials expire"):
            s3_presigned_url(client, "s3://bucket/key", expires_in=7200)
        client.close()

    def test_credentials_that_signing_renews_are_not_taken_for_expired(self) -> None:
        client = short_lived_client(timedelta(minutes=5))
        assert s3_presigned_url(client, "s3://bucket/key", expires_in=3000)
        client.close()

    def test_credentials_that_cannot_be_made_are_an_error_of_ours(self) -> None:
        def refuse() -> dict[str, str]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

        client = client_with(DeferredRefreshableCredentials(refuse, "test"))
        with pytest.raises(S3Error):
            s3_presigned_url(client, "s3://bucket/key")
        client.close()

    def test_it_does_not_outlive_its_session(self) -> None:
        client = short_lived_client(timedelta(minutes=30))
        assert s3_presigned_url(client, "s3://bucket/key", expires_in=1500)
        with pytest.raises(ValueError, match="credentials expire"):
            s3_presigned_url(client, "s3://bucket/key", expires_in=3600)
        with pytest.raises(ValueError, match="credentials expire"):
            s3_presigned_post(client, "bucket", "key", max_bytes=1, expires_in=3600)
        client.close()


class TestPresignedPost:
    def test_its_form_uploads_what_fits(self, s3_client: "S3Client", aws_bucket: str) -> None:
        form = s3_presigned_post(
            s3_client, aws_bucket, "key", max_bytes=5, content_type="text/plain"
        )
        sent = requests.post(form.url, data=form.fields, files={"file": b"hello"}, timeout=5)
        assert sent.ok
        assert s3_client.get_object(Bucket=aws_bucket, Key="key")["Body"].read() == b"hello"

    def test_its_fields_are_in_no_repr(self, client: "S3Client") -> None:
        form = s3_presigned_post(client, "bucket", "key", max_bytes=5)
        assert form.url == "https://bucket.s3.eu-west-1.amazonaws.com/"
        assert form.fields["x-amz-signature"] not in repr(form)

    @pytest.mark.parametrize(
        ("key", "options"),
        [
            ("key", {"max_bytes": -1}),
            ("key", {"max_bytes": 5 * 1024**3 + 1}),
            ("key", {"max_bytes": 1, "min_bytes": 2}),
            ("key", {"max_bytes": 1, "expires_in": 0}),
            ("a/../b", {"max_bytes": 1}),
            ("uploads/${filename}", {"max_bytes": 1}),
            ("", {"max_bytes": 1}),
        ],
    )
    def test_wrong_arguments_are_refused(
        self, client: "S3Client", key: str, options: dict[str, int]
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            s3_presigned_post(client, "bucket", key, **options)  # type: ignore[arg-type]  # max_bytes is in all of them


def test_a_callers_config_wins() -> None:
    client = client_of("eu-west-1", config=Config(s3={"addressing_style": "path"}))
    url = s3_presigned_url(client, "s3://bucket/key")
    client.close()
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/bucket/key?")


def test_a_callers_config_leaves_the_rest_as_it_is() -> None:
    client = client_of("us-east-1", config=Config(s3={"payload_signing_enabled": True}))
    url = s3_presigned_url(client, "s3://bucket/key")
    client.close()
    assert url.startswith("https://bucket.s3.us-east-1.amazonaws.com/key?")


def test_the_form_of_a_written_object_is_one_of_its_descriptor(
    s3_client: "S3Client", aws_bucket: str
) -> None:
    found = s3_write_bytes(s3_client, aws_bucket, "key", b"1")
    assert requests.get(s3_presigned_url(s3_client, **found), timeout=5).content == b"1"


def short_lived_client(life: timedelta) -> "S3Client":
    return client_with(
        RefreshableCredentials(
            access_key="AKIDEXAMPLE",
            secret_key="secret",
            token="token",
            expiry_time=datetime.now(UTC) + life,
            refresh_using=renewed,
            method="test",
        )
    )


def client_with(credentials: RefreshableCredentials) -> "S3Client":
    botocore_session = BotocoreSession()
    botocore_session._credentials = credentials  # type: ignore[attr-defined]  # there is no public setter that keeps the expiry
    made = boto3.session.Session(botocore_session=botocore_session)
    return s3_get_client(session=made, region_name="eu-west-1")


def renewed() -> dict[str, str]:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    return {
        "access_key": "AKIDEXAMPLE",
        "secret_key": "secret",
        "token": "token",
        "expiry_time": expiry.isoformat(),
    }
