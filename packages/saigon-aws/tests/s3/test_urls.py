"""URLs and forms."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

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


TRICKY_KEYS = [
    "a b",
    "a+b",
    "100%",
    "a%2Fb",
    "%2e%2e/a",
    "a%20b",
    "ü",
    "u\u0308",
    "日本/語.txt",
    "😀",
    "what?",
    "a#b",
    "a&b=c;d",
    "a//b",
    "//",
    "/leading",
    "trailing/",
    "~home",
    "it's",
    "(a)",
    "a*b",
    "a!b",
    "a\\b",
    'a"b',
    "a<b>c",
    "a[b]{c}|^`",
    "a:b@c,d$e",
    "...",
    "a/.../..b/c..",
    "\t",
    "a\nb",
    "k" * 1024,
]


# The local AWS does not route a path with a control character.
PRINTABLE_KEYS = [key for key in TRICKY_KEYS if key.isprintable()]
REGIONS = ["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"]


@pytest.fixture(scope="module")
def regional() -> "Iterator[dict[str, S3Client]]":
    """Return a client for each of some regions, in three partitions."""
    made = {region: client_of(region) for region in REGIONS}
    yield made
    for client in made.values():
        client.close()


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

    @pytest.mark.parametrize("region", REGIONS)
    @pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
    def test_every_key_is_where_botocore_sends_its_request(
        self, regional: "dict[str, S3Client]", region: str, bucket: str
    ) -> None:
        found = {key: s3_virtual_host_object_url(region, bucket, key) for key in TRICKY_KEYS}
        sent = {key: requested_url(regional[region], bucket, key) for key in TRICKY_KEYS}
        assert found == sent

    def test_a_key_comes_back_out_of_its_path(self) -> None:
        for key in TRICKY_KEYS:
            url = s3_virtual_host_object_url("eu-west-1", "bucket", key)
            parts = urlsplit(url)
            assert url.isascii()
            assert (parts.query, parts.fragment) == ("", "")
            assert parts.netloc == "bucket.s3.eu-west-1.amazonaws.com"
            assert unquote(parts.path.removeprefix("/")) == key

    @pytest.mark.parametrize(
        ("region", "fips", "dual_stack"),
        [
            ("us-east-1", True, False),
            ("us-east-1", True, True),
            ("eu-west-1", False, True),
            ("cn-north-1", False, True),
            ("us-gov-west-1", True, True),
            ("us-gov-west-1", False, True),
        ],
    )
    def test_variants_of_the_host_are_those_of_botocore(
        self, region: str, fips: bool, dual_stack: bool
    ) -> None:
        options = {"fips": fips, "dual_stack": dual_stack}
        config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack)
        client = client_of(region, config=config)
        for bucket in ("bucket", "dotted.bucket"):
            url = s3_virtual_host_object_url(region, bucket, "a b", **options)
            assert url == requested_url(client, bucket, "a b")
        client.close()

    def test_china_has_no_hosts_of_fips(self) -> None:
        with pytest.raises(ValueError, match="no host"):
            s3_virtual_host_object_url("cn-north-1", "bucket", fips=True)

    def test_a_key_that_is_no_text_of_utf8_is_a_wrong_argument(self) -> None:
        with pytest.raises(ValueError):  # noqa: PT011  # whichever it is
            s3_virtual_host_object_url("eu-west-1", "bucket", "\ud800")


class TestTrickyKeys:
    """Signed URLs and forms, used by plain HTTP clients that know nothing of S3."""

    @pytest.mark.parametrize("region", REGIONS)
    @pytest.mark.parametrize("bucket", ["bucket", "dotted.bucket"])
    def test_a_signed_url_is_that_of_the_object(
        self, regional: "dict[str, S3Client]", region: str, bucket: str
    ) -> None:
        methods: list[Any] = ["GET", "HEAD", "PUT"]
        for method, key in product(methods, TRICKY_KEYS):
            url = s3_presigned_url(regional[region], Bucket=bucket, Key=key, method=method)
            assert url.partition("?")[0] == s3_virtual_host_object_url(region, bucket, key)
            query = parse_qs(urlsplit(url).query)
            assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
            assert query["X-Amz-Expires"] == ["900"]

    @pytest.mark.parametrize(
        ("region", "domain"),
        [
            ("us-east-1", "s3.us-east-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ],
    )
    def test_a_form_is_posted_to_the_regional_host(
        self, regional: "dict[str, S3Client]", region: str, domain: str
    ) -> None:
        form = s3_presigned_post(regional[region], "bucket", "key", max_bytes=1)
        dotted = s3_presigned_post(regional[region], "dotted.bucket", "key", max_bytes=1)
        assert form.url == f"https://bucket.{domain}/"
        assert dotted.url == f"https://{domain}/dotted.bucket"
        assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
        assert f"/{region}/s3/aws4_request" in form.fields["x-amz-credential"]

    def test_a_key_is_read_and_written_under_exactly_its_name(
        self, s3_client: "S3Client", aws_bucket: str
    ) -> None:
        for key in PRINTABLE_KEYS:
            put = s3_presigned_url(s3_client, Bucket=aws_bucket, Key=key, method="PUT")
            requests.put(put, data=key.encode(), timeout=5).raise_for_status()
            get = s3_presigned_url(s3_client, Bucket=aws_bucket, Key=key)
            assert requests.get(get, timeout=5).content == key.encode()
            with urllib.request.urlopen(get, timeout=5) as response:
                assert response.read() == key.encode()
            head = s3_presigned_url(s3_client, Bucket=aws_bucket, Key=key, method="HEAD")
            assert requests.head(head, timeout=5).headers["Content-Length"] == str(
                len(key.encode())
            )
        assert keys_in(s3_client, aws_bucket) == set(PRINTABLE_KEYS)

    def test_a_form_uploads_to_exactly_its_key(
        self, s3_client: "S3Client", aws_bucket: str
    ) -> None:
        for key in PRINTABLE_KEYS:
            form = s3_presigned_post(s3_client, aws_bucket, key, max_bytes=4)
            sent = requests.post(form.url, data=form.fields, files={"file": b"post"}, timeout=5)
            sent.raise_for_status()
        assert keys_in(s3_client, aws_bucket) == set(PRINTABLE_KEYS)


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

    def test_without_a_word_a_url_lives_for_15_minutes_which_every_role_can_give(self) -> None:
        client = short_lived_client(timedelta(minutes=16))
        assert "X-Amz-Expires=900" in s3_presigned_url(client, "s3://bucket/key")
        client.close()

    def test_a_sessions_token_is_not_taken_for_more_than_any_session_lives(self) -> None:
        token = boto3.session.Session(
            "id", "key", aws_session_token="token", region_name="eu-west-1"
        )
        client = s3_get_client(session=token)
        assert s3_presigned_url(client, "s3://bucket/key", expires_in=129_600)
        with pytest.raises(ValueError, match="129600"):
            s3_presigned_url(client, "s3://bucket/key", expires_in=129_601)
        client.close()

    def test_a_url_of_a_directory_bucket_lives_as_long_as_its_session(
        self, client: "S3Client"
    ) -> None:
        with pytest.raises(ValueError, match="300"):
            s3_presigned_url(client, "s3://bucket--euw1-az1--x-s3/key", expires_in=301)

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

    @pytest.mark.parametrize("life", [1_000, 604_799])
    def test_it_may_live_to_the_last_second_of_its_session_and_no_longer(self, life: int) -> None:
        client = client_with(fixed_credentials(datetime.now(UTC), timedelta(seconds=life)))
        assert s3_presigned_url(client, "s3://bucket/key", expires_in=life)
        assert s3_presigned_post(client, "bucket", "key", max_bytes=1, expires_in=life).url
        with pytest.raises(ValueError, match="credentials expire"):
            s3_presigned_url(client, "s3://bucket/key", expires_in=life + 1)
        with pytest.raises(ValueError, match="credentials expire"):
            s3_presigned_post(client, "bucket", "key", max_bytes=1, expires_in=life + 1)
        client.close()

    def test_credentials_without_an_end_set_no_limit(self, client: "S3Client") -> None:
        assert "X-Amz-Expires=604800&" in s3_presigned_url(
            client, "s3://bucket/key", expires_in=604_800
        )


class TestPresignedPost:
    def test_its_policy_fixes_bucket_key_size_and_type(self, client: "S3Client") -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        form = s3_presigned_post(
            client,
            "bucket",
            "a/ü",
            max_bytes=7,
            min_bytes=3,
            expires_in=60,
            content_type="text/plain",
        )
        policy = json.loads(base64.b64decode(form.fields["policy"]))
        conditions = policy["conditions"]
        assert ["content-length-range", 3, 7] in conditions
        for field in ({"bucket": "bucket"}, {"key": "a/ü"}, {"Content-Type": "text/plain"}):
            assert field in conditions
        assert all(
            isinstance(condition, dict) or condition[0] != "starts-with" for condition in conditions
        )
        end = datetime.fromisoformat(policy["expiration"])
        assert timedelta(0) <= end - before - timedelta(seconds=60) < timedelta(seconds=30)
        named = [condition for condition in conditions if isinstance(condition, dict)]
        assert {name for condition in named for name in condition} == {
            "bucket", "key", "Content-Type", "x-amz-algorithm", "x-amz-credential", "x-amz-date"
        }  # fmt: skip

    @pytest.mark.parametrize(
        "options",
        [
            {"max_bytes": 1.5},
            {"max_bytes": "5"},
            {"max_bytes": True},
            {"max_bytes": None},
            {"max_bytes": 5, "min_bytes": 0.5},
            {"max_bytes": 5, "min_bytes": -1},
            {"max_bytes": 5, "expires_in": True},
            {"max_bytes": 5, "expires_in": "60"},
            {"max_bytes": 5, "expires_in": 60.0},
            {"max_bytes": 5, "expires_in": 604_801},
        ],
        ids=str,
    )
    def test_numbers_that_are_none_are_refused(self, client: "S3Client", options: Any) -> None:
        with pytest.raises(ValueError, match="expected"):
            s3_presigned_post(client, "bucket", "key", **options)

    @pytest.mark.parametrize("size", [0, 5 * 1024**3])
    def test_a_size_at_a_bound_is_taken(self, client: "S3Client", size: int) -> None:
        form = s3_presigned_post(client, "bucket", "key", max_bytes=size, min_bytes=size)
        conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
        assert ["content-length-range", size, size] in conditions

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


class Stopped(Exception):  # noqa: N818  # no error: the request is seen and is not sent
    """Carries the URL of a request that was ready to be signed."""


def requested_url(client: "S3Client", bucket: str, key: str) -> str:
    """Return where botocore's own request for an object goes, without sending it."""

    def stop(request: Any, **_: object) -> None:
        raise Stopped(request.url)

    client.meta.events.register("before-sign.s3.GetObject", stop)
    with pytest.raises(Stopped) as caught:
        client.get_object(Bucket=bucket, Key=key)
    client.meta.events.unregister("before-sign.s3.GetObject", stop)
    return str(caught.value)


def keys_in(client: "S3Client", bucket: str) -> set[str]:
    found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {content["Key"] for content in found}


def fixed_credentials(now: datetime, life: timedelta) -> RefreshableCredentials:
    """Return credentials whose clock stands still, and which nobody renews."""

    def refuse() -> dict[str, str]:
        raise AssertionError

    return RefreshableCredentials(
        access_key="AKIDEXAMPLE",
        secret_key="secret",
        token="token",
        expiry_time=now + life,
        refresh_using=refuse,
        method="test",
        time_fetcher=lambda: now,
    )


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
