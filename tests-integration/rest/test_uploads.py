"""Files reach a bucket as they are, by what boto3 and saigon.aws sign, and only so."""

import base64
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from saigon.aws.s3 import s3_get_client, s3_presigned_post, s3_presigned_url
from saigon.aws.testing import LocalAws
from saigon.rest.client import RestClientBase, RetryPolicy
from saigon.rest.exceptions import NotFoundError, PresignedUrlError

SMALL = b"a,b\n1,2\n"
SIZES = [0, 8, 20 * 1024 * 1024]
SIZE_IDS = ["empty", "small", "20 MiB"]
KEYS = ["größe €/a b+c.csv", "100%/?#[x]&=;~'()*!", "a//b", "日本語"]
KEY_IDS = ["spaces and plus", "punctuation", "slashes", "unicode"]


@pytest.fixture(params=["s3", "s3v4"], ids=["version 2", "version 4"])
def signer(request: pytest.FixtureRequest, aws: LocalAws) -> Any:
    """An S3 client of boto3 that signs with either version."""
    return aws.session().client("s3", config=Config(signature_version=request.param))


@pytest.fixture
def v4_signer(aws: LocalAws) -> Any:
    return s3_get_client(endpoint_url=aws.endpoint_url, session=aws.session())


@pytest.fixture
def client(aws: LocalAws) -> Iterator[RestClientBase]:
    with RestClientBase(aws.endpoint_url, retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.fixture
def late_client(aws: LocalAws) -> Iterator[RestClientBase]:
    """A client two hours from now."""

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(hours=2)

    with RestClientBase(aws.endpoint_url, clock=later) as client:
        yield client


@pytest.fixture
def stored(aws: LocalAws, aws_bucket: str) -> Callable[[str], tuple[bytes, Any]]:
    """Read an object; gives its bytes and what is known of it."""
    s3 = aws.client("s3")

    def read(key: str) -> tuple[bytes, Any]:
        found = s3.get_object(Bucket=aws_bucket, Key=key)
        with found["Body"] as body:
            return body.read(), found

    return read


@pytest.fixture
def nothing_stored(aws: LocalAws, aws_bucket: str) -> Iterator[None]:
    """The bucket is empty afterwards."""
    yield
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=aws_bucket)


@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
def test_a_file_is_put(
    signer: Any,
    aws_bucket: str,
    client: RestClientBase,
    stored: Callable[[str], Any],
    size: int,
) -> None:
    content = os.urandom(size)
    params = {"Bucket": aws_bucket, "Key": "k", "ContentType": "text/csv"}
    url = signer.generate_presigned_url("put_object", Params=params)
    upload = client.upload_file_to_url(url, io.BytesIO(content), content_type="text/csv")
    body, found = stored("k")
    assert body == content
    assert (found["ContentType"], found["ETag"]) == ("text/csv", upload.etag)


@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
def test_a_file_is_posted(
    *,
    signer: Any,
    aws_bucket: str,
    client: RestClientBase,
    stored: Callable[[str], Any],
    tmp_path: Path,
    size: int,
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(os.urandom(size))
    form = signer.generate_presigned_post(
        aws_bucket,
        "k",
        Fields={"Content-Type": "text/csv"},
        Conditions=[{"Content-Type": "text/csv"}, ["content-length-range", size, size]],
    )
    upload = client.upload_file_to_form(form["url"], form["fields"], path)
    body, found = stored("k")
    assert body == path.read_bytes()
    assert found["ContentType"] == "text/csv"
    assert upload.status == 204


@pytest.mark.parametrize("key", KEYS, ids=KEY_IDS)
def test_a_key_stays_what_it_is(
    signer: Any,
    aws_bucket: str,
    client: RestClientBase,
    stored: Callable[[str], Any],
    key: str,
) -> None:
    url = signer.generate_presigned_url("put_object", Params={"Bucket": aws_bucket, "Key": key})
    client.upload_file_to_url(url, io.BytesIO(b"put"))
    assert stored(key)[0] == b"put"
    form = signer.generate_presigned_post(aws_bucket, key)
    client.upload_file_to_form(form["url"], form["fields"], io.BytesIO(b"posted"))
    assert stored(key)[0] == b"posted"


def test_the_name_of_the_file_may_be_a_part_of_the_key(
    signer: Any,
    aws_bucket: str,
    client: RestClientBase,
    stored: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    path = tmp_path / 'größe "€".csv'
    path.write_bytes(SMALL)
    form = signer.generate_presigned_post(
        aws_bucket, "up/${filename}", Conditions=[["starts-with", "$key", "up/"]]
    )
    client.upload_file_to_form(form["url"], form["fields"], path, filename="größe €.csv")
    assert stored("up/größe €.csv")[0] == SMALL


def test_what_saigon_aws_signs_is_taken(
    v4_signer: Any, aws_bucket: str, client: RestClientBase, stored: Callable[[str], Any]
) -> None:
    place = {"Bucket": aws_bucket, "Key": "put"}
    url = s3_presigned_url(v4_signer, method="PUT", content_type="text/csv", **place)  # type: ignore[arg-type]  # a plain dict
    client.upload_file_to_url(url, io.BytesIO(SMALL), content_type="text/csv")
    form = s3_presigned_post(v4_signer, aws_bucket, "post", max_bytes=8, content_type="text/csv")
    client.upload_file_to_form(form.url, form.fields, io.BytesIO(SMALL))
    for key in ("put", "post"):
        body, found = stored(key)
        assert (body, found["ContentType"]) == (SMALL, "text/csv")


def test_headers_that_were_signed_are_asked_for_and_kept(
    v4_signer: Any, aws_bucket: str, client: RestClientBase, stored: Callable[[str], Any]
) -> None:
    params = {
        "Bucket": aws_bucket,
        "Key": "k",
        "Metadata": {"author": "me"},
        "ServerSideEncryption": "AES256",
    }
    url = v4_signer.generate_presigned_url("put_object", Params=params)
    with pytest.raises(PresignedUrlError, match=r"x-amz-meta-author.*x-amz-server-side-encryption"):
        client.upload_file_to_url(url, io.BytesIO(SMALL))
    headers = {"X-Amz-Meta-Author": "me", "x-amz-server-side-encryption": "AES256"}
    client.upload_file_to_url(url, io.BytesIO(SMALL), headers=headers)
    body, found = stored("k")
    assert body == SMALL
    assert (found["Metadata"], found["ServerSideEncryption"]) == ({"author": "me"}, "AES256")


def test_metadata_of_a_form_is_kept(
    signer: Any, aws_bucket: str, client: RestClientBase, stored: Callable[[str], Any]
) -> None:
    fields = {"x-amz-meta-author": "größer"}
    form = signer.generate_presigned_post(aws_bucket, "k", Fields=fields, Conditions=[fields])
    client.upload_file_to_form(form["url"], form["fields"], io.BytesIO(SMALL))
    assert "author" in stored("k")[1]["Metadata"]


def test_a_content_type_that_the_form_leaves_open_is_kept(
    signer: Any, aws_bucket: str, client: RestClientBase, stored: Callable[[str], Any]
) -> None:
    form = signer.generate_presigned_post(
        aws_bucket, "k", Conditions=[["starts-with", "$Content-Type", "text/"]]
    )
    client.upload_file_to_form(
        form["url"], form["fields"], io.BytesIO(SMALL), content_type="text/csv"
    )
    assert stored("k")[1]["ContentType"] == "text/csv"


@pytest.mark.usefixtures("nothing_stored")
def test_what_has_expired_is_not_sent(
    signer: Any, aws_bucket: str, late_client: RestClientBase
) -> None:
    url = signer.generate_presigned_url("put_object", Params={"Bucket": aws_bucket, "Key": "k"})
    form = signer.generate_presigned_post(aws_bucket, "k")
    with pytest.raises(PresignedUrlError, match="expired"):
        late_client.upload_file_to_url(url, io.BytesIO(SMALL))
    with pytest.raises(PresignedUrlError, match="expired"):
        late_client.upload_file_to_form(form["url"], form["fields"], io.BytesIO(SMALL))


@pytest.mark.usefixtures("nothing_stored")
def test_a_wrong_content_type_is_not_sent(
    v4_signer: Any, aws_bucket: str, client: RestClientBase
) -> None:
    params = {"Bucket": aws_bucket, "Key": "k", "ContentType": "text/csv"}
    url = v4_signer.generate_presigned_url("put_object", Params=params)
    with pytest.raises(PresignedUrlError, match="content-type"):
        client.upload_file_to_url(url, io.BytesIO(SMALL))
    fixed = {"Content-Type": "text/csv"}
    form = v4_signer.generate_presigned_post(aws_bucket, "k", Fields=fixed, Conditions=[fixed])
    for fields in (form["fields"] | {"Content-Type": "text/plain"}, form["fields"]):
        with pytest.raises(PresignedUrlError, match=r"content[- ]type"):
            client.upload_file_to_form(
                form["url"], fields, io.BytesIO(SMALL), content_type="text/plain"
            )


@pytest.mark.usefixtures("nothing_stored")
def test_a_file_of_another_size_or_content_is_not_sent(
    v4_signer: Any, aws_bucket: str, client: RestClientBase
) -> None:
    form = s3_presigned_post(v4_signer, aws_bucket, "k", max_bytes=7)
    with pytest.raises(PresignedUrlError, match="8"):
        client.upload_file_to_form(form.url, form.fields, io.BytesIO(SMALL))
    checksum = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    params = {"Bucket": aws_bucket, "Key": "k", "ChecksumCRC32": checksum}
    url = v4_signer.generate_presigned_url("put_object", Params=params)
    with pytest.raises(PresignedUrlError, match="crc32"):
        client.upload_file_to_url(
            url, io.BytesIO(SMALL), headers={"x-amz-checksum-crc32": checksum}
        )


def test_a_content_md5_that_was_signed_is_asked_for(
    v4_signer: Any, aws_bucket: str, client: RestClientBase, stored: Callable[[str], Any]
) -> None:
    digest = base64.b64encode(hashlib.md5(SMALL).digest()).decode()
    params = {"Bucket": aws_bucket, "Key": "k", "ContentMD5": digest}
    url = v4_signer.generate_presigned_url("put_object", Params=params)
    with pytest.raises(PresignedUrlError, match="content-md5"):
        client.upload_file_to_url(url, io.BytesIO(SMALL))
    client.upload_file_to_url(url, io.BytesIO(SMALL), headers={"Content-MD5": digest})
    assert stored("k")[0] == SMALL


def test_a_bucket_that_is_not_there_is_an_error_of_its_own(
    signer: Any, client: RestClientBase
) -> None:
    url = signer.generate_presigned_url(
        "put_object", Params={"Bucket": "no-such-bucket-here", "Key": "k"}
    )
    with pytest.raises(NotFoundError) as caught:
        client.upload_file_to_url(url, io.BytesIO(b"x"))
    assert caught.value.code == "NoSuchBucket"
