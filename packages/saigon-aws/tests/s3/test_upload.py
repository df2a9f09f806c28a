"""Objects written."""

import io
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from saigon.aws.s3 import S3Error, S3ObjectChangedError, s3_object_to_file, s3_write_bytes

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MIB = 1024 * 1024
LARGE = os.urandom(17 * MIB + 3)


class Trickle(io.RawIOBase):
    """A stream that gives few bytes at a time and cannot be measured, like a socket."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(min(size, 3 * MIB))


@contextmanager
def requests_of(client: "S3Client") -> Iterator[list[str]]:
    """Give the names of the operations that the client calls."""
    names: list[str] = []

    def remember(model: Any, **_: object) -> None:
        names.append(model.name)

    client.meta.events.register("before-call.s3", remember)
    yield names
    client.meta.events.unregister("before-call.s3", remember)


@pytest.mark.parametrize("size", [0, 1, 100_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_what_is_written_is_what_was_given(
    s3_client: "S3Client", aws_bucket: str, kind: Any, size: int
) -> None:
    content = LARGE[:size]
    found = s3_write_bytes(s3_client, aws_bucket, "key", kind(content), "text/x")
    response = s3_client.get_object(**found)
    assert response["Body"].read() == content
    assert response["ContentType"] == "text/x"


def test_a_path_is_read_and_closed(s3_client: "S3Client", aws_bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    found = s3_write_bytes(s3_client, aws_bucket, "key", path)
    assert s3_client.get_object(**found)["Body"].read() == b"content"


def test_a_file_is_read_from_where_it_stands_and_stays_open(
    s3_client: "S3Client", aws_bucket: str
) -> None:
    file = io.BytesIO(b"head|body")
    file.seek(5)
    found = s3_write_bytes(s3_client, aws_bucket, "key", file)
    assert s3_client.get_object(**found)["Body"].read() == b"body"
    assert not file.closed


def test_a_view_of_every_second_byte_is_written(s3_client: "S3Client", aws_bucket: str) -> None:
    found = s3_write_bytes(s3_client, aws_bucket, "key", memoryview(b"a-b-c-")[::2])
    assert s3_client.get_object(**found)["Body"].read() == b"abc"


@pytest.mark.parametrize("kind", [bytes, io.BytesIO, Trickle])
@pytest.mark.parametrize("checksum", ["CRC32", "SHA256"])
def test_a_large_object_goes_in_parts(
    s3_client: "S3Client", aws_bucket: str, tmp_path: Path, kind: Any, checksum: Any
) -> None:
    with requests_of(s3_client) as names:
        found = s3_write_bytes(s3_client, aws_bucket, "key", kind(LARGE), checksum=checksum)
    assert names == ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload"]
    assert s3_object_to_file(s3_client, **found, destination=tmp_path).read_bytes() == LARGE


def test_exactly_one_part_goes_in_one_request(s3_client: "S3Client", aws_bucket: str) -> None:
    with requests_of(s3_client) as names:
        s3_write_bytes(s3_client, aws_bucket, "key", Trickle(LARGE[: 8 * MIB]))
    assert names == ["PutObject"]


def test_progress_ends_with_all_bytes(s3_client: "S3Client", aws_bucket: str) -> None:
    seen: list[tuple[int, int]] = []
    s3_write_bytes(
        s3_client, aws_bucket, "key", LARGE, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(n, len(LARGE)) for n in (8 * MIB, 16 * MIB, len(LARGE))]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_cancelled_upload_leaves_no_parts(
    s3_client: "S3Client", aws_bucket: str, error: type[BaseException]
) -> None:
    def cancel(done: int, total: int) -> None:
        raise error

    with pytest.raises(error):
        s3_write_bytes(s3_client, aws_bucket, "key", LARGE, progress=cancel)
    assert "Uploads" not in s3_client.list_multipart_uploads(Bucket=aws_bucket)
    assert "Contents" not in s3_client.list_objects_v2(Bucket=aws_bucket)


def test_an_existing_object_is_kept_where_none_may_be(
    s3_client: "S3Client", aws_bucket: str
) -> None:
    found = s3_write_bytes(s3_client, aws_bucket, "key", b"first", if_none_match="*")
    with pytest.raises(S3ObjectChangedError):
        s3_write_bytes(s3_client, aws_bucket, "key", b"second", if_none_match="*")
    assert s3_client.get_object(**found)["Body"].read() == b"first"


def test_metadata_is_kept(s3_client: "S3Client", aws_bucket: str) -> None:
    found = s3_write_bytes(s3_client, aws_bucket, "key", b"", metadata={"origin": "test"})
    assert s3_client.head_object(**found)["Metadata"] == {"origin": "test"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"origin": "\u00e9"},
        {"\u00e9": "test"},
        {"number": 1},
        {1: "number"},
        {"a b": "c"},
        {"a:b": "c"},
        {"": "c"},
        {"a": "b\nc: d"},
        {"a": " b"},
        {"a": "b", "A": "c"},
        [("a", "b")],
        "a=b",
    ],
    ids=repr,
)
def test_metadata_that_http_cannot_carry_is_refused_before_any_request(
    s3_client: "S3Client", aws_bucket: str, metadata: Any
) -> None:
    with requests_of(s3_client) as names, pytest.raises(ValueError, match="metadata"):
        s3_write_bytes(s3_client, aws_bucket, "key", b"", metadata=metadata)
    assert names == []


@pytest.mark.parametrize(
    "options",
    [
        {"checksum": "MD5"},
        {"checksum": "crc32"},
        {"checksum": None},
        {"if_none_match": ""},
        {"if_none_match": '"tag"'},
        {"content_type": None},
        {"content_type": "t\u00ebxt"},
        {"content_type": "a\nb: c"},
    ],
    ids=repr,
)
def test_an_option_that_s3_would_take_otherwise_is_refused_before_any_request(
    s3_client: "S3Client", aws_bucket: str, options: dict[str, Any]
) -> None:
    with requests_of(s3_client) as names, pytest.raises(ValueError, match="expected"):
        s3_write_bytes(s3_client, aws_bucket, "key", b"x", **options)
    assert names == []


class StubClient:
    """Takes an upload in parts, and keeps nothing of it."""

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"UploadId": "id"}

    def upload_part(self, **_: Any) -> dict[str, str]:
        return {"ETag": "tag"}

    def complete_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"ETag": "tag"}


def test_two_parts_are_in_memory_at_most(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(80 * MIB)
    client: Any = StubClient()
    tracemalloc.start()
    try:
        s3_write_bytes(client, "bucket", "key", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 17 * MIB


@pytest.mark.parametrize("difference", [-5, 5])
def test_progress_never_shows_more_done_than_there_is(
    s3_client: "S3Client", aws_bucket: str, difference: int
) -> None:
    class Changing(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) + (difference if whence == io.SEEK_END else 0)

    seen: list[tuple[int, int]] = []
    content = Changing(b"1234567890")
    s3_write_bytes(
        s3_client, aws_bucket, "key", content, progress=lambda done, of: seen.append((done, of))
    )
    assert seen == [(10, max(10, 10 + difference))]


@pytest.mark.parametrize("content", ["text", io.StringIO("text"), 7, None])
def test_what_is_not_binary_is_refused_before_any_request(
    s3_client: "S3Client", aws_bucket: str, content: Any
) -> None:
    with requests_of(s3_client) as names, pytest.raises(ValueError, match="expected bytes"):
        s3_write_bytes(s3_client, aws_bucket, "key", content)
    assert names == []


def test_a_missing_bucket_is_an_error_of_ours(s3_client: "S3Client") -> None:
    with pytest.raises(S3Error, match="no-such-bucket"):
        s3_write_bytes(s3_client, "no-such-bucket", "key", b"")
