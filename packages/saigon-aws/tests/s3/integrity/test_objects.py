"""Bytes that changed on the way or at their place: detected, taken up again, or refused."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saigon.aws.s3 import (
    S3AccessDeniedError,
    S3Error,
    S3IntegrityError,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    s3_object_to_file,
)

MIB = 1024 * 1024
URL = "s3://bucket/key"
CUT = {"sent": 0.5, "end": "fin"}

# Those that botocore computes without its optional library.
COMPUTABLE = ["crc32", "sha1", "sha256"]


@pytest.mark.parametrize("bit", [0, 7, 40_000, -1])
@pytest.mark.parametrize("algorithm", COMPUTABLE)
def test_a_bit_that_is_turned_over_is_found(
    s3: Any, client: Any, tmp_path: Path, algorithm: str, bit: int
) -> None:
    s3.checksum = algorithm
    for play in ([], [CUT]):
        s3.plays(*play, {"flip": bit})
        with pytest.raises(S3IntegrityError, match=URL):
            s3_object_to_file(client, URL, destination=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1, MIB - 1, MIB, MIB + 1, 2 * MIB])
@pytest.mark.parametrize("bit", [0, -1])
def test_a_bit_at_the_edge_of_a_read_is_found(
    s3: Any, client: Any, tmp_path: Path, size: int, bit: int
) -> None:
    s3.objects["key"] = os.urandom(size)
    s3.plays({"flip": bit})
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(client, URL, destination=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_object_is_checked_too(s3: Any, client: Any, tmp_path: Path) -> None:
    s3.objects["key"] = b""
    s3.plays({"headers": {"x-amz-checksum-crc32": "AAAAAQ=="}})
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(client, URL, destination=tmp_path)
    assert s3_object_to_file(client, URL, destination=tmp_path).read_bytes() == b""


@pytest.mark.parametrize("algorithm", [*COMPUTABLE, "crc32c", "crc64nvme", None])
@pytest.mark.parametrize("composite", [False, True])
def test_the_right_bytes_are_taken_whatever_checksum_is_kept(
    s3: Any, client: Any, tmp_path: Path, algorithm: str | None, composite: bool
) -> None:
    s3.checksum, s3.composite = algorithm, composite
    for play in ([], [CUT, CUT]):
        s3.plays(*play)
        got = s3_object_to_file(client, URL, destination=tmp_path, overwrite=True)
        assert got.read_bytes() == s3.objects["key"]


@pytest.mark.parametrize("algorithm", COMPUTABLE)
@pytest.mark.parametrize("left", [0, 1, 5_000, 10_239])
def test_an_object_cut_with_a_length_to_match_is_found(
    s3: Any, client: Any, tmp_path: Path, algorithm: str, left: int
) -> None:
    s3.checksum = algorithm
    s3.plays({"body": s3.objects["key"][:left]})
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(client, URL, destination=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"x" * 70},
        {"bounds": (100, 170)},
        {"bounds": (99, 8_000)},
        {"bounds": (101, 8_000)},
        {"bounds": (100, 8_001), "headers": {"Content-Range": "bytes 100-8000/10240"}},
        {"headers": {"Content-Range": "bytes 0-7900/10240"}},
    ],
    ids=["cut-to-match", "shorter", "earlier", "later", "longer-than-told", "moved"],
)
def test_another_range_than_was_asked_for_is_found(
    s3: Any, client: Any, tmp_path: Path, answer: dict[str, Any]
) -> None:
    for last in (8_000, None):
        s3.plays(answer)
        with pytest.raises(S3IntegrityError):
            s3_object_to_file(client, URL, destination=tmp_path, byte_range=(100, last))
    assert list(tmp_path.iterdir()) == []


def test_a_range_is_no_answer_to_a_request_for_the_whole(
    s3: Any, client: Any, tmp_path: Path
) -> None:
    s3.plays({"bounds": (0, 4_000)})
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(client, URL, destination=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"whole": True},
        {"bounds": (0, 10_239)},
        {"bounds": (5_120, 10_000)},
        {"bounds": (5_121, 10_239)},
        {"bounds": (5_119, 10_239)},
        {"body": b"x" * 70},
        {"headers": {"Content-Range": "bytes 5120-10239/10241"}},
        {"headers": {"ETag": '"another"'}},
    ],
    ids=["whole", "from-zero", "shorter", "later", "earlier", "cut-to-match", "grown", "retagged"],
)
@pytest.mark.parametrize("algorithm", ["crc32", None])
def test_a_rest_that_does_not_fit_is_never_put_behind_the_start(
    s3: Any, client: Any, tmp_path: Path, algorithm: str | None, answer: dict[str, Any]
) -> None:
    s3.checksum = algorithm
    s3.plays(CUT, answer)
    with pytest.raises(S3IntegrityError):
        s3_object_to_file(client, URL, destination=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ({"status": 404, "code": "NoSuchKey"}, S3ObjectNotFoundError),
        ({"status": 412, "code": "PreconditionFailed"}, S3ObjectChangedError),
        ({"status": 403, "code": "AccessDenied"}, S3AccessDeniedError),
        ({"status": 500, "code": "InternalError"}, S3Error),
        ({"status": 503, "code": "SlowDown"}, S3Error),
        ({"status": 416, "code": "InvalidRange"}, S3Error),
    ],
)
def test_a_refusal_of_the_rest_is_told_as_what_it_is(
    s3: Any, client: Any, tmp_path: Path, refusal: dict[str, Any], kind: type[S3Error]
) -> None:
    s3.plays(CUT, refusal)
    with pytest.raises(kind) as caught:
        s3_object_to_file(client, URL, destination=tmp_path)
    assert (type(caught.value), caught.value.code) == (kind, refusal["code"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ignores", [False, True], ids=["honoured", "ignored"])
@pytest.mark.parametrize("byte_range", [None, (10, 9_000)], ids=["whole", "range"])
def test_an_object_that_is_replaced_between_two_answers_is_never_a_mixture(
    s3: Any, client: Any, tmp_path: Path, ignores: bool, byte_range: tuple[int, int] | None
) -> None:
    other = s3.objects["key"][::-1]

    def replace_after_the_first() -> None:
        if s3.requests:
            s3.objects["key"] = other

    s3.checksum = None
    s3.on_request = replace_after_the_first
    s3.plays(CUT, {"ignores_condition": ignores})
    kind = S3IntegrityError if ignores else S3ObjectChangedError
    with pytest.raises(kind):
        s3_object_to_file(client, URL, destination=tmp_path, byte_range=byte_range)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["gzip", "aws-chunked", "aws-chunked,gzip", "br"])
def test_an_encoded_object_is_given_as_it_is_stored(
    s3: Any, client: Any, tmp_path: Path, encoding: str
) -> None:
    stored = gzip.compress(b"hello" * 1000, mtime=0)
    s3.objects["key"] = stored
    encoded = {"headers": {"Content-Encoding": encoding}}
    for play in ([encoded], [{**encoded, **CUT}, encoded]):
        s3.plays(*play)
        got = s3_object_to_file(client, URL, destination=tmp_path, overwrite=True)
        assert got.read_bytes() == stored


@pytest.mark.parametrize("byte_range", [None, (0, 0), (10_239, 10_239), (10_239, None)])
def test_one_byte_is_taken_up_again_like_many(
    s3: Any, client: Any, tmp_path: Path, byte_range: tuple[int, int | None] | None
) -> None:
    content = s3.objects["key"]
    s3.plays({"sent": 0, "end": "rst"})
    got = s3_object_to_file(client, URL, destination=tmp_path, byte_range=byte_range)
    first, last = byte_range or (0, None)
    assert got.read_bytes() == content[first : None if last is None else last + 1]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    breaks=st.lists(st.tuples(st.integers(0, 10_240), st.sampled_from(["fin", "rst"])), max_size=5),
    span=st.none() | st.tuples(st.integers(0, 5_000), st.none() | st.integers(5_000, 10_239)),
    algorithm=st.sampled_from([*COMPUTABLE, None]),
)
def test_wherever_connections_break_the_bytes_are_the_same(
    s3: Any,
    client: Any,
    tmp_path: Path,
    *,
    breaks: list[tuple[int, str]],
    span: tuple[int, int | None] | None,
    algorithm: str | None,
) -> None:
    s3.reset()
    content = s3.objects["key"]
    s3.checksum = algorithm
    s3.plays(*({"sent": at, "end": end} for at, end in breaks))
    got = s3_object_to_file(
        client, URL, destination=tmp_path / "file", byte_range=span, overwrite=True
    )
    first, last = span or (0, None)
    assert got.read_bytes() == content[first : None if last is None else last + 1]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
