"""A file is the one that was signed for, where the URL, a header or a field says which."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

CONTENT = b"a,b\n1,2\n"


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


CHECKSUMS = {
    "content-md5": b64(hashlib.md5(CONTENT).digest()),
    "x-amz-checksum-crc32": b64(zlib.crc32(CONTENT).to_bytes(4, "big")),
    "x-amz-checksum-sha1": b64(hashlib.sha1(CONTENT).digest()),
    "x-amz-checksum-sha256": b64(hashlib.sha256(CONTENT).digest()),
    "X-Amz-Content-Sha256": hashlib.sha256(CONTENT).hexdigest(),
}
OF_NOTHING = {
    "content-md5": b64(hashlib.md5().digest()),
    "x-amz-checksum-crc32": "AAAAAA==",
    "x-amz-checksum-sha1": b64(hashlib.sha1().digest()),
    "x-amz-checksum-sha256": b64(hashlib.sha256().digest()),
    "X-Amz-Content-Sha256": hashlib.sha256().hexdigest(),
}


def signed(name: str) -> str:
    return f"host;{name.lower()}"


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_file_with_the_checksum_signed_is_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path, name: str
) -> None:
    with file.open("rb") as source:
        client.upload_file_to_url(put_url(signed(name)), source, headers={name: CHECKSUMS[name]})
    assert server.seen[0].body == CONTENT


@pytest.mark.parametrize("name", OF_NOTHING)
def test_a_file_with_another_checksum_is_not_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path, name: str
) -> None:
    with pytest.raises(exceptions.PresignedUrlError, match=f"its {name.lower()} differs"):
        client.upload_file_to_url(put_url(signed(name)), file, headers={name: OF_NOTHING[name]})
    assert not server.seen


def test_the_hash_that_was_signed_into_the_query_is_compared(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    name = "X-Amz-Content-Sha256"
    client.upload_file_to_url(put_url(**{name: CHECKSUMS[name]}), file)
    with pytest.raises(exceptions.PresignedUrlError, match="its x-amz-content-sha256 differs"):
        client.upload_file_to_url(put_url(**{name: OF_NOTHING[name]}), file)
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", [name for name in OF_NOTHING if name != "X-Amz-Content-Sha256"])
def test_a_checksum_in_the_query_is_none_to_s3(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path, name: str
) -> None:
    client.upload_file_to_url(put_url(**{name: OF_NOTHING[name]}), file)
    assert server.seen[0].body == CONTENT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ],
)
def test_what_cannot_be_compared_is_left_to_s3(
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    *,
    name: str,
    value: str,
) -> None:
    assert client.upload_file_to_url(put_url(**{name: value}), file).status == 200


def test_a_checksum_that_is_not_known_here_is_left_to_s3(
    client: RestClientBase, put_url: Callable[..., str], file: Path
) -> None:
    headers = {"x-amz-checksum-crc32c": "AAAAAA=="}
    url = put_url(signed("x-amz-checksum-crc32c"))
    assert client.upload_file_to_url(url, file, headers=headers).status == 200


def test_a_checksum_among_the_fields_is_compared(
    client: RestClientBase, server: Any, form_url: str, form: Callable[..., Any], file: Path
) -> None:
    name = "x-amz-checksum-crc32"
    wrong, right = OF_NOTHING[name], CHECKSUMS[name]
    with pytest.raises(exceptions.PresignedUrlError, match=f"its {name} differs"):
        client.upload_file_to_form(form_url, form({name: wrong}, **{name: wrong}), file)
    client.upload_file_to_form(form_url, form({name: right}, **{name: right}), file)
    assert len(server.seen) == 1


def test_a_content_length_that_is_not_the_files_is_refused(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    url = put_url("content-length;host")
    with pytest.raises(exceptions.PresignedUrlError, match="got 8"):
        client.upload_file_to_url(url, file, headers={"Content-Length": "7"})
    client.upload_file_to_url(url, file, headers={"content-length": "8"})
    assert server.seen[0].headers.get_all("Content-Length") == ["8"]


def test_comparing_is_not_progress(
    client: RestClientBase,
    put_url: Callable[..., str],
    file: Path,
    progress: Any,
    told: list[tuple[int, int | None]],
) -> None:
    name = "X-Amz-Content-Sha256"
    client.upload_file_to_url(put_url(**{name: CHECKSUMS[name]}), file, progress=progress)
    assert told == [(0, 8), (8, 8)]
