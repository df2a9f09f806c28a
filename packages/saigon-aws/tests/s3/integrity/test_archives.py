"""Archives that change on the way or at their place: the right members, or an error of ours."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saigon.aws.s3 import (
    BadArchiveError,
    S3Error,
    S3ObjectChangedError,
    s3_iter_unzip,
    s3_object_unzip,
    s3_unzip_list,
)

URL = "s3://bucket/key"
CUT = {"sent": 0.5, "end": "fin"}


@pytest.fixture(scope="module")
def wide_archive() -> bytes:
    """Return an archive whose directory is too long for one request."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(1300):
            file.writestr(f"{number:0200}", b"%d" % number)
    return buffer.getvalue()


def extracted(client: Any, root: Path) -> dict[str, bytes]:
    paths = s3_object_unzip(client, URL, destination=root)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=st.sampled_from([0, 1]), place=st.floats(0, 1, exclude_max=True))
def test_a_bit_that_is_turned_over_gives_no_wrong_member(
    s3: Any,
    client: Any,
    archive: bytes,
    *,
    members: dict[str, bytes],
    request: int,
    place: float,
) -> None:
    s3.reset()
    s3.objects["key"] = archive
    s3.plays(*[{}] * request, {"flip": int(place * 8 * len(archive))})
    try:
        found = {member.name: stream.read() for member, stream in s3_iter_unzip(client, URL)}
    except S3Error:
        return
    assert found == members


def test_a_bit_in_a_member_is_found_before_a_file_is_there(
    s3: Any, client: Any, archive: bytes, tmp_path: Path
) -> None:
    s3.objects["key"] = archive
    s3.plays({}, {"flip": 8 * archive.index(bytes(range(256)))})
    with pytest.raises(BadArchiveError):
        s3_object_unzip(client, URL, destination=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_bit_that_is_turned_over_in_a_listing_is_no_error_of_others(
    s3: Any, client: Any, archive: bytes, place: float
) -> None:
    s3.reset()
    s3.objects["key"] = archive
    s3.plays({"flip": int(place * 8 * len(archive))})
    try:
        found = s3_unzip_list(client, URL)
    except S3Error:
        return
    assert len(found) == 4


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    breaks=st.lists(
        st.tuples(st.integers(0, 4_000), st.sampled_from(["fin", "rst", "keep"])),
        min_size=1,
        max_size=4,
    )
)
def test_wherever_connections_break_the_members_are_the_same(
    s3: Any, client: Any, archive: bytes, members: dict[str, bytes], breaks: list[tuple[int, str]]
) -> None:
    s3.reset()
    s3.objects["key"] = archive
    s3.plays(*({} if end == "keep" else {"sent": at, "end": end} for at, end in breaks))
    found = {member.name: stream.read() for member, stream in s3_iter_unzip(client, URL)}
    assert found == members


@pytest.mark.parametrize("ignores", [False, True], ids=["honoured", "ignored"])
def test_an_archive_that_is_replaced_after_its_directory_was_read_is_refused(
    s3: Any, client: Any, archive: bytes, tmp_path: Path, ignores: bool
) -> None:
    other = archive.replace(b"\x00\x01\x02", b"\x02\x01\x00")

    def replace_after_the_first() -> None:
        if s3.requests:
            s3.objects["key"] = other

    s3.objects["key"] = archive
    s3.on_request = replace_after_the_first
    s3.plays({}, {"ignores_condition": ignores})
    with pytest.raises(S3Error if ignores else S3ObjectChangedError):
        s3_object_unzip(client, URL, destination=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("play", [[], [CUT], [{}, CUT], [{}, {}, CUT]])
def test_a_long_directory_is_read_through_breaks(
    s3: Any, client: Any, wide_archive: bytes, play: list[Any]
) -> None:
    s3.objects["key"] = wide_archive
    s3.plays(*play)
    names = [f"{number:0200}" for number in range(1300)]
    assert [member.name for member in s3_unzip_list(client, URL)] == names


@pytest.mark.parametrize(
    "answer",
    [
        {"whole": True},
        {"bounds": (0, 400)},
        {"body": b""},
        {"flip": 0},
        {"status": 412, "code": "PreconditionFailed"},
        {"headers": {"Content-Range": None}},
    ],
    ids=["whole", "other", "empty", "flipped", "changed", "untold"],
)
def test_a_start_of_the_directory_that_does_not_fit_is_refused(
    s3: Any, client: Any, wide_archive: bytes, answer: dict[str, Any]
) -> None:
    s3.objects["key"] = wide_archive
    s3.plays({}, answer)
    with pytest.raises(S3Error):
        s3_unzip_list(client, URL)


def test_a_tail_is_not_asked_for_in_vain_where_the_whole_comes(
    s3: Any, client: Any, wide_archive: bytes
) -> None:
    """A server that leaves ranges out would fill the memory with the whole object."""
    s3.objects["key"] = wide_archive
    s3.plays({"whole": True})
    with pytest.raises(S3Error):
        s3_unzip_list(client, URL)


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 100, -1, -22, -23], ids=lambda cut: f"to-{cut}")
def test_a_stored_archive_that_was_cut_is_refused(
    s3: Any, client: Any, archive: bytes, tmp_path: Path, cut: int
) -> None:
    s3.objects["key"] = archive[:cut]
    with pytest.raises(BadArchiveError):
        s3_object_unzip(client, URL, destination=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_archive_itself_is_read_right(
    s3: Any, client: Any, archive: bytes, members: dict[str, bytes], tmp_path: Path
) -> None:
    s3.objects["key"] = archive
    assert extracted(client, tmp_path / "out") == members
    assert s3.requests == ["get", "get"]
