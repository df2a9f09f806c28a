"""Objects as files."""

import copy
import hashlib
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from saigon.aws.s3 import (
    S3AccessDeniedError,
    S3Error,
    S3IntegrityError,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    S3ObjectTooLargeError,
    s3_object_to_file,
    s3_temporary_file,
    s3_write_bytes,
)
from saigon.aws.s3._descriptor import describe, resolve
from saigon.aws.s3._errors import answer_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MIB = 1024 * 1024
BODY = os.urandom(3 * MIB + 17)


def test_an_object_becomes_a_file(object_server: Any, tmp_path: Path) -> None:
    url = object_server.put(BODY)
    got = s3_object_to_file(object_server.client, url, destination=tmp_path / "file")
    assert got == tmp_path / "file"
    assert got.read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_name_is_taken_from_the_key(object_server: Any, tmp_path: Path) -> None:
    object_server.put(b"x", "a/b/report.csv")
    got = s3_object_to_file(
        object_server.client, Bucket="bucket", Key="a/b/report.csv", destination=tmp_path
    )
    assert got == tmp_path / "report.csv"


def test_without_a_destination_the_file_is_in_a_new_directory(object_server: Any) -> None:
    got = s3_object_to_file(object_server.client, object_server.put(b"x"))
    assert got.read_bytes() == b"x"
    got.unlink()
    got.parent.rmdir()


def test_an_empty_object_becomes_an_empty_file(object_server: Any, tmp_path: Path) -> None:
    got = s3_object_to_file(object_server.client, object_server.put(b""), destination=tmp_path)
    assert got.read_bytes() == b""


def test_a_range_is_inclusive_like_the_one_of_http(object_server: Any, tmp_path: Path) -> None:
    url = object_server.put(b"0123456789")
    first = s3_object_to_file(
        object_server.client, url, destination=tmp_path / "a", byte_range=(2, 4)
    )
    second = s3_object_to_file(
        object_server.client, url, destination=tmp_path / "b", byte_range=(7, None)
    )
    assert (first.read_bytes(), second.read_bytes()) == (b"234", b"789")


def test_a_broken_download_goes_on_where_it_broke(object_server: Any, tmp_path: Path) -> None:
    object_server.breaks = [MIB + 5, 7, 0, 0, 3]
    url = object_server.put(BODY)
    got = s3_object_to_file(object_server.client, url, destination=tmp_path)
    assert got.read_bytes() == BODY
    assert len(object_server.ranges) == 6


def test_a_range_that_breaks_goes_on_in_its_own_bounds(object_server: Any, tmp_path: Path) -> None:
    object_server.breaks = [MIB]
    url = object_server.put(BODY)
    got = s3_object_to_file(
        object_server.client, url, destination=tmp_path, byte_range=(10, 2 * MIB)
    )
    assert got.read_bytes() == BODY[10 : 2 * MIB + 1]


def test_a_download_that_breaks_again_and_again_ends(object_server: Any, tmp_path: Path) -> None:
    object_server.breaks = [0] * 20
    url = object_server.put(BODY)
    with pytest.raises(S3Error, match="broke too often"):
        s3_object_to_file(object_server.client, url, destination=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_object_replaced_in_the_middle_is_not_mixed(object_server: Any, tmp_path: Path) -> None:
    object_server.breaks = [MIB]
    url = object_server.put(BODY)

    def replace_after_the_first() -> None:
        if object_server.ranges:
            object_server.put(BODY[::-1])

    object_server.on_request = replace_after_the_first
    with pytest.raises(S3ObjectChangedError):
        s3_object_to_file(object_server.client, url, destination=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("breaks", [[], [MIB + 5]])
def test_bytes_that_differ_from_the_checksum_are_refused(
    object_server: Any, tmp_path: Path, breaks: list[int]
) -> None:
    object_server.breaks = breaks
    object_server.checksum = "AAAAAA=="
    url = object_server.put(BODY)
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(object_server.client, url, destination=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_composite_checksum_is_no_reason_to_refuse(object_server: Any, tmp_path: Path) -> None:
    object_server.checksum = "AAAAAA==-2"
    url = object_server.put(BODY)
    got = s3_object_to_file(object_server.client, url, destination=tmp_path)
    assert got.read_bytes() == BODY


def test_too_large_an_object_is_refused_before_a_file_is_there(
    object_server: Any, tmp_path: Path
) -> None:
    url = object_server.put(b"12345")
    with pytest.raises(S3ObjectTooLargeError, match="5 bytes are more than 4"):
        s3_object_to_file(object_server.client, url, destination=tmp_path, max_bytes=4)
    assert not list(tmp_path.iterdir())
    s3_object_to_file(object_server.client, url, destination=tmp_path, max_bytes=5)


def test_another_entity_tag_is_a_change(object_server: Any, tmp_path: Path) -> None:
    url = object_server.put(b"x")
    with pytest.raises(S3ObjectChangedError, match="s3://bucket/key"):
        s3_object_to_file(object_server.client, url, destination=tmp_path, if_match='"other"')


def test_an_existing_file_is_kept_unless_told_otherwise(object_server: Any, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    url = object_server.put(b"new")
    with pytest.raises(FileExistsError):
        s3_object_to_file(object_server.client, url, destination=target)
    assert target.read_bytes() == b"old"
    assert object_server.ranges == []
    s3_object_to_file(object_server.client, url, destination=target, overwrite=True)
    assert target.read_bytes() == b"new"


def test_progress_comes_at_most_once_per_mib_and_once_at_the_end(
    object_server: Any, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    s3_object_to_file(
        object_server.client,
        object_server.put(BODY),
        destination=tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (len(BODY), len(BODY))
    assert len(seen) <= 4
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_from_progress_cancels_and_leaves_nothing(
    object_server: Any, tmp_path: Path, error: type[BaseException]
) -> None:
    def cancel(done: int, total: int) -> None:
        raise error

    with pytest.raises(error):
        s3_object_to_file(
            object_server.client, object_server.put(BODY), destination=tmp_path, progress=cancel
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("s3://bucket/key",), {"Bucket": "bucket"}),
        (("https://bucket/key",), {}),
        (("s3://bucket",), {}),
        (("s3:///key",), {}),
        ((), {"Bucket": "bucket"}),
        ((), {"Bucket": "bucket", "Key": ""}),
        ((), {"Bucket": "bucket", "Key": "k" * 1025}),
        ((), {"Bucket": "bucket", "Key": "k", "VersionId": ""}),
        ((), {"Bucket": "..", "Key": "key"}),
        ((), {"Bucket": "no/bucket", "Key": "key"}),
        ((), {"Bucket": "bucket", "Key": "key", "Versionid": "misspelt"}),
        (({"Bucket": "bucket", "Key": "key", "Size": 1},), {}),
        (("s3://bucket/key",), {"max_bytes": -1}),
        (("s3://bucket/key",), {"byte_range": (-1, 4)}),
        (("s3://bucket/key",), {"byte_range": (4, 3)}),
        (("s3://bucket/key",), {"byte_range": (True, 3)}),
        (("s3://bucket/key",), {"byte_range": (0, 3.0)}),
        (("s3://bucket/key",), {"byte_range": (None, 3)}),
        (("s3://bucket/key",), {"byte_range": (1,)}),
        (("s3://bucket/key",), {"byte_range": "01"}),
        (("s3://bucket/key",), {"max_bytes": float("nan")}),
        (("s3://bucket/key",), {"max_bytes": "50"}),
        (("s3://bucket/key",), {"max_bytes": True}),
        (("s3://bucket/\ud800",), {}),
        (("s3://no bucket/key",), {}),
        ((["bucket", "key"],), {}),
        ((Path("bucket/key"),), {}),
        ((b"s3://bucket/key",), {}),
        ((7,), {}),
    ],
)
def test_a_wrong_argument_is_a_value_error_before_any_request(
    object_server: Any, tmp_path: Path, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    object_server.put(b"x")
    with pytest.raises(ValueError, match="expected"):
        s3_object_to_file(object_server.client, *arguments, destination=tmp_path, **options)
    assert object_server.ranges == []
    assert not list(tmp_path.iterdir())


def test_a_misspelt_option_is_named(object_server: Any) -> None:
    misspelt: Any = {"overwite": True}
    with pytest.raises(ValueError, match="overwite"):
        s3_object_to_file(object_server.client, "s3://bucket/key", **misspelt)


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        (
            "s3://arn:aws:s3:eu-west-1:1:accesspoint/point/a/key",
            "arn:aws:s3:eu-west-1:1:accesspoint/point",
        ),
        (
            "s3://arn:aws:s3-outposts:us-west-2:1:outpost/op-01ac/accesspoint/point/a/key",
            "arn:aws:s3-outposts:us-west-2:1:outpost/op-01ac/accesspoint/point",
        ),
        ("s3://my.bucket/a/key", "my.bucket"),
    ],
)
def test_a_url_names_a_bucket_or_an_access_point(url: str, bucket: str) -> None:
    found = resolve(url, {})
    assert found == {"Bucket": bucket, "Key": "a/key"}
    assert describe(found) == url


def test_a_strangers_key_forges_no_line_of_a_log() -> None:
    text = describe({"Bucket": "bucket", "Key": "a\nERROR forged\x1b[31m"})
    assert text == "s3://bucket/a\\nERROR forged\\x1b[31m"
    assert describe({"Bucket": "bucket", "Key": "ü 'x'\\"}) == "s3://bucket/ü 'x'\\"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pipe_is_not_replaced_by_a_file(
    object_server: Any, tmp_path: Path, overwrite: bool
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe"):
        s3_object_to_file(
            object_server.client,
            object_server.put(b"x"),
            destination=tmp_path / "pipe",
            overwrite=overwrite,
        )
    assert (tmp_path / "pipe").is_fifo()
    assert object_server.ranges == []


def test_a_directory_that_is_not_there_is_not_made_a_file(
    object_server: Any, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        s3_object_to_file(
            object_server.client, object_server.put(b"x"), destination=f"{tmp_path}/new/"
        )
    assert not list(tmp_path.iterdir())


def test_a_changed_working_directory_is_no_matter(
    object_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "first")
    s3_object_to_file(
        object_server.client,
        object_server.put(b"x"),
        destination="file",
        progress=lambda _done, _total: os.chdir(tmp_path / "second"),
    )
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == ["first", "first/file", "second"]


@pytest.mark.parametrize("byte_range", [(2, 4), (2, None), (0, 4)])
def test_a_range_that_a_server_leaves_out_is_not_taken_for_it(
    object_server: Any, tmp_path: Path, byte_range: tuple[int, int | None]
) -> None:
    object_server.ignores_ranges = True
    url = object_server.put(b"0123456789")
    with pytest.raises(S3IntegrityError, match="other bytes"):
        s3_object_to_file(object_server.client, url, destination=tmp_path, byte_range=byte_range)
    assert not list(tmp_path.iterdir())


def test_a_temporary_file_is_gone_after_the_block(object_server: Any) -> None:
    with s3_temporary_file(object_server.client, object_server.put(b"x")) as path:
        assert path.read_bytes() == b"x"
    assert not path.parent.exists()


def test_what_is_not_there_is_not_found(
    s3_client: "S3Client", aws_bucket: str, tmp_path: Path
) -> None:
    for bucket in (aws_bucket, "no-such-bucket"):
        with pytest.raises(S3ObjectNotFoundError, match=bucket):
            s3_object_to_file(s3_client, Bucket=bucket, Key="absent", destination=tmp_path)


def test_a_version_is_downloaded_after_it_was_replaced(
    s3_client: "S3Client", aws_bucket: str, tmp_path: Path
) -> None:
    s3_client.put_bucket_versioning(
        Bucket=aws_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    first = s3_write_bytes(s3_client, aws_bucket, "key", b"first")
    s3_write_bytes(s3_client, aws_bucket, "key", b"second")
    got = s3_object_to_file(s3_client, **first, destination=tmp_path)
    assert got.read_bytes() == b"first"


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        ("AccessDenied", S3AccessDeniedError, "s3:ListBucket"),
        ("MethodNotAllowed", S3ObjectNotFoundError, "s3://b/k"),
        ("PreconditionFailed", S3ObjectChangedError, "s3://b/k"),
        ("EntityTooLarge", S3ObjectTooLargeError, "s3://b/k"),
        ("ConditionalRequestConflict", S3Error, "try again"),
        ("InvalidRange", S3Error, "no bytes in that range"),
        ("SlowDown", S3Error, "SlowDown"),
    ],
)
def test_a_refusal_is_told_by_its_code(code: str, error: type[S3Error], text: str) -> None:
    def refuse() -> None:
        metadata: Any = {"RequestId": "request-1", "RetryAttempts": 0}
        refusal: Any = {
            "Error": {"Code": code, "Message": "no", "Token-0": "the-token"},
            "ResponseMetadata": metadata,
        }
        raise ClientError(refusal, "GetObject")

    with pytest.raises(error, match=text) as caught:
        answer_of("s3://b/k", refuse)
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.request_id) == (code, "request-1")
    # S3 repeats a token that it refuses; boto3's error holds all of the answer.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_a_write_is_denied_is_not_told_as_absent() -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    with pytest.raises(S3AccessDeniedError, match="s3:PutObject"):
        answer_of("s3://b/k", refuse)


@pytest.mark.parametrize("error", [RuntimeError("secret"), FileNotFoundError("secret")])
def test_a_provider_of_credentials_that_fails_is_an_error_of_ours(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(S3Error, match=type(error).__name__) as caught:
        answer_of("s3://b/k", fail)
    assert "secret" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_verified_a_file_is_told(object_server: Any, tmp_path: Path) -> None:
    client, url = object_server.client, object_server.put(BODY)
    whole = s3_object_to_file(client, url, destination=tmp_path / "whole")
    part = s3_object_to_file(client, url, destination=tmp_path / "part", byte_range=(1, 5))
    object_server.checksum = "AAAAAA==-3"
    composite = s3_object_to_file(client, url, destination=tmp_path / "composite")
    assert [file.checksum for file in (whole, part, composite)] == ["CRC32", None, None]
    assert whole.etag == part.etag == f'"{hashlib.sha256(BODY).hexdigest()}"'


def test_a_downloaded_files_path_is_like_any_other(object_server: Any, tmp_path: Path) -> None:
    got = s3_object_to_file(object_server.client, object_server.put(b"x"), destination=tmp_path)
    found: dict[Path, int] = {got: 1}
    assert found[tmp_path / "key"] == 1
    assert (got.parent, got.with_suffix(".x"), got / "y") == (
        tmp_path,
        tmp_path / "key.x",
        tmp_path / "key" / "y",
    )
    assert got.parent.etag is None
    for copied in (pickle.loads(pickle.dumps(got)), copy.copy(got), copy.deepcopy(got)):
        assert copied == got
        assert (copied.etag, copied.checksum) == (got.etag, got.checksum) != (None, None)


def test_a_file_that_appears_during_the_download_is_kept(
    object_server: Any, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    url = object_server.put(BODY)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        s3_object_to_file(
            object_server.client,
            url,
            destination=target,
            progress=lambda _done, _total: target.write_text("another's"),
        )
    assert target.read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_system_without_hard_links_will_do(
    object_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    got = s3_object_to_file(object_server.client, object_server.put(b"x"), destination=tmp_path)
    assert got.read_bytes() == b"x"
    with pytest.raises(FileExistsError):
        s3_object_to_file(
            object_server.client,
            object_server.put(b"y", "other"),
            destination=tmp_path / "other",
            progress=lambda _done, _total: (tmp_path / "other").write_bytes(b"another's"),
        )
    assert (tmp_path / "other").read_bytes() == b"another's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "other"]
