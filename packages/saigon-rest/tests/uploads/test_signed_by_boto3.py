"""Whatever boto3 signs is taken as it stands."""

import hashlib
import io
from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from saigon.rest._uploads.prepared import prepare_form, prepare_put

CONTENT = b"a,b\n1,2\n"
OF_THE_FILE = {
    "content-md5": b64encode(hashlib.md5(CONTENT).digest()).decode(),
    "x-amz-checksum-sha256": b64encode(hashlib.sha256(CONTENT).digest()).decode(),
}
VERSIONS = ("s3", "s3v4")

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
fields = st.fixed_dictionaries(
    {},
    optional={
        "acl": st.sampled_from(["private", "public-read"]),
        "Content-Type": st.sampled_from(["text/csv", "image/png, image/jpeg", "a/b; c=d"]),
        "success_action_status": st.sampled_from(["200", "201", "204"]),
        "Cache-Control": texts,
        "x-amz-meta-a": texts,
    },
)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "ACL": st.just("private"),
        "CacheControl": st.just("no-cache"),
        "ChecksumAlgorithm": st.sampled_from(["CRC32", "SHA256"]),
        "ChecksumSHA256": st.just(OF_THE_FILE["x-amz-checksum-sha256"]),
        "ContentLength": st.just(len(CONTENT)),
        "ContentMD5": st.just(OF_THE_FILE["content-md5"]),
        "ContentType": st.just("text/csv"),
        "IfNoneMatch": st.just("*"),
        "Metadata": st.dictionaries(st.sampled_from(["a", "b-c"]), st.just("1")),
        "ServerSideEncryption": st.just("AES256"),
        "StorageClass": st.just("STANDARD_IA"),
        "Tagging": st.just("a=b&c=d"),
    },
)


@pytest.fixture(scope="session")
def signers() -> Mapping[tuple[str, bool], Any]:
    """Clients of boto3 by the version that they sign with, and whether as a temporary user."""

    def signer(version: str, *, temporary: bool) -> Any:
        return boto3.Session("AKIDEXAMPLE", "secret", "token/+=" if temporary else None).client(
            "s3", region_name="eu-west-1", config=Config(signature_version=version)
        )

    return {(v, t): signer(v, temporary=t) for v in VERSIONS for t in (False, True)}


def put(url: str, headers: Mapping[str, str]) -> AbstractContextManager[Any]:
    return prepare_put(
        url,
        io.BytesIO(CONTENT),
        content_type=None,
        headers=headers,
        progress=None,
        timeout=1,
        now=datetime.now(UTC),
    )


def post(url: str, fields: Mapping[str, str], filename: str) -> AbstractContextManager[Any]:
    return prepare_form(
        url,
        fields,
        io.BytesIO(CONTENT),
        filename=filename,
        content_type=None,
        progress=None,
        timeout=1,
        now=datetime.now(UTC),
    )


def is_key(text: str) -> bool:
    return text != "" and {".", ".."}.isdisjoint(text.split("/"))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("temporary", [False, True], ids=["keys", "session"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_is_taken(
    signers: Mapping[tuple[str, bool], Any], version: str, data: Any, *, temporary: bool
) -> None:
    key = data.draw(texts.filter(is_key))
    params = {"Bucket": "bucket", "Key": key, **data.draw(parameters)}
    url = signers[version, temporary].generate_presigned_url("put_object", Params=params)
    query = parse_qs(urlsplit(url).query)
    names = query.get("X-Amz-SignedHeaders", ["host"])[0].split(";")
    headers = {name: OF_THE_FILE.get(name, "signed") for name in names}
    del headers["host"]
    headers.pop("content-length", None)
    with put(url, headers) as call:
        assert call.url == url


@settings(deadline=None, max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("temporary", [False, True], ids=["keys", "session"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_is_taken(
    signers: Mapping[tuple[str, bool], Any], version: str, data: Any, *, temporary: bool
) -> None:
    given_fields = data.draw(fields)
    prefix, filename = data.draw(texts), data.draw(texts.filter(is_key))
    assume("/" not in filename and "\\" not in filename)
    conditions: list[Any] = [
        {name: value} if data.draw(st.booleans()) else ["starts-with", f"${name}", value[:1]]
        for name, value in given_fields.items()
    ]
    form = signers[version, temporary].generate_presigned_post(
        "bucket",
        f"{prefix}${{filename}}",
        Fields=dict(given_fields),
        Conditions=[*conditions, ["content-length-range", 8, 8]],
    )
    with post(form["url"], form["fields"], filename) as call:
        assert f"{prefix}${{filename}}".encode() in call.body.read()
