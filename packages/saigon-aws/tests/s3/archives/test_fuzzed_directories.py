"""The reader of the directory, given anything: a typed error, or what another reader sees."""

import io
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saigon.aws.s3 import UnzipError, UnzipLimits, s3_iter_unzip, s3_unzip_list
from saigon.aws.s3._zip.checks import check_directory
from saigon.aws.s3._zip.records import Entry, find_end, parse_directory

UTF8 = 0x0800
END = b"PK\x05\x06"
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]),
    st.sampled_from([1 << 63, (1 << 64) - 1]),
    st.integers(0, 300),
)


def parsed(archive: bytes) -> list[Entry]:
    """Read the directory by the pure functions alone."""
    end = find_end(archive, len(archive))
    start = end.directory_start
    entries = parse_directory(archive[start : start + end.directory_size], end)
    check_directory(entries, start, UnzipLimits())
    return entries


def seeds(zips: Any) -> list[bytes]:
    """Return archives that are right, of each kind, for a fuzzer to spoil."""
    name = zips.unicode_path("é".encode(), b"e")
    return [
        zips.archive(),
        zips.of({"a": b"1" * 30, "b/c": b"2", "d/": b"", "é": b"3"}),
        zips.of({"a": b"1", "b": b"2"}, zip64=True, prefix=b"prefix"),
        zips.archive(
            zips.member(b"a", zip64=True, descriptor="signed64"),
            zips.member(b"e", extra=name, comment=b"comment"),
            zips.member(b"s", method=0, mode=0o100644, gap=b"gap", descriptor="plain"),
            comment=b"comment",
            gap=b"gap",
        ),
    ]


@st.composite
def spoiled(draw: st.DrawFn, archives: list[bytes]) -> bytes:
    """Draw an archive with bytes set, cut out, doubled, or put in from another one."""
    archive = bytearray(draw(st.sampled_from(archives)))
    for _ in range(draw(st.integers(1, 4))):
        size = len(archive)
        # The records that the reader looks at first stand last.
        at = max(0, size - 1 - draw(st.integers(0, max(0, size - 1))))
        end = min(size, at + draw(st.integers(0, 60)))
        kind = draw(st.sampled_from(["byte", "number", "cut", "double", "splice", "tail", "noise"]))
        if kind == "byte":
            archive[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "number":
            width = draw(st.sampled_from([2, 4, 8]))
            number = draw(NUMBERS) % (1 << 8 * width)
            archive[at : at + width] = number.to_bytes(width, "little")
        elif kind == "cut":
            del archive[at:end]
        elif kind == "double":
            archive[at:at] = archive[at:end]
        elif kind == "splice":
            other = draw(st.sampled_from(archives))
            start = draw(st.integers(0, len(other)))
            archive[at:end] = other[start : start + draw(st.integers(0, 80))]
        elif kind == "tail":
            del archive[at:]
        else:
            archive[at:at] = draw(st.binary(max_size=30))
    return bytes(archive)


def independent(archive: bytes) -> list[zipfile.ZipInfo] | None:
    """Return what zipfile lists; None where it cannot, for one of these reasons.

    It takes the last end signature, even one whose comment does not end with the object; it
    refuses extra fields that overrun where ours does not look into them, versions above 6.3, and
    (in newer releases) Zip64 records that do not fit together.
    """
    at = archive.rfind(END, max(0, len(archive) - 22 - 0xFFFF))
    comment_size = int.from_bytes(archive[at + 20 : at + 22], "little")
    if at + 22 + comment_size != len(archive):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as theirs:
            return theirs.infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        return None


def check(archive: bytes, new_s3: Any) -> str:
    """Check one archive, and return how it ended."""
    s3 = new_s3()
    url = s3.put(archive)
    try:
        entries = parsed(archive)
    except UnzipError:
        with pytest.raises(UnzipError):
            s3_unzip_list(s3, url)
        return "refused"
    listed = s3_unzip_list(s3, url)
    assert [member.name for member in listed] == [entry.name for entry in entries]
    assert 46 * len(listed) <= len(archive)
    assert len({entry.offset for entry in entries}) == len(entries)
    theirs = independent(archive)
    if theirs is None:
        return "listed alone"
    assert len(theirs) == len(listed)
    for info, member, entry in zip(theirs, listed, entries, strict=True):
        assert (info.file_size, info.compress_size) == (member.size, member.compressed_size)
        assert (info.CRC, info.header_offset) == (member.crc32, entry.offset)
        if info.flag_bits & UTF8 or (info.orig_filename.isascii() and b"up" not in info.extra):
            assert info.orig_filename == member.name
    return "listed"


def check_content(archive: bytes, new_s3: Any) -> None:
    """Read all there is: what comes has its size and its CRC."""
    s3 = new_s3()
    try:
        for member, stream in s3_iter_unzip(s3, s3.put(archive)):
            content = stream.read()
            assert (len(content), zlib.crc32(content)) == (member.size, member.crc32)
    except UnzipError:
        pass
    assert s3.all_closed


@st.composite
def any_fields(draw: st.DrawFn, zips: Any) -> bytes:
    """Draw an archive by the builder, some of whose fields are set to anything."""
    widths = {
        "made_by": 2, "needed": 2, "flags": 2, "method": 2, "time": 2, "date": 2, "crc": 4,
        "compressed": 4, "size": 4, "name_size": 2, "extra_size": 2, "comment_size": 2, "disk": 2,
        "internal": 2, "attributes": 4, "offset": 4,
    }  # fmt: skip
    ends = {"disk": 2, "first_disk": 2, "here": 2, "entries": 2, "size": 4, "offset": 4}
    ends64 = {
        "rest": 8,
        "disk": 4,
        "first_disk": 4,
        "here": 8,
        "entries": 8,
        "size": 8,
        "offset": 8,
    }
    locators = {"disk": 4, "at": 8, "disks": 4}

    def some(fields: dict[str, int]) -> dict[str, int]:
        # Most records stay whole, for the reader to come as far as the others.
        count = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
        names = draw(st.permutations(sorted(fields)))[:count]
        return {name: draw(NUMBERS) % (1 << 8 * fields[name]) for name in names}

    extras = st.one_of(
        st.just(b""),
        st.binary(max_size=20),
        st.lists(NUMBERS, max_size=4).map(
            lambda numbers: zips.extra(1, b"".join(n.to_bytes(8, "little") for n in numbers))
        ),
        st.binary(max_size=5).map(lambda name: zips.unicode_path(name, b"a")),
    )
    members = [
        zips.member(
            draw(st.one_of(st.sampled_from([b"a", b"b", b"c/d", b"e/"]), st.binary(max_size=6))),
            content=draw(st.sampled_from([b"", b"1", b"2" * 50])),
            method=draw(st.sampled_from([0, 8])),
            flags=draw(st.sampled_from([0, 0, UTF8, 8])),
            extra=draw(extras),
            zip64=draw(st.booleans()),
            descriptor=draw(st.sampled_from(["", "", "signed", "plain64"])),
            central=some(widths),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return bytes(
        zips.archive(
            *members,
            zip64=draw(st.booleans()),
            end=some(ends),
            end64=some(ends64),
            locator=some(locators),
            between=draw(st.sampled_from([b"", b"", b"", b"\0"])),
            after=draw(st.sampled_from([b"", b"", b"", b"PK\x01\x02", bytes(46)])),
            comment=draw(st.sampled_from([b"", b"", b"comment", END, END + bytes(18)])),
        )
    )


records = st.sampled_from(
    [
        b"PK\x01\x02",
        b"PK\x03\x04",
        END,
        b"PK\x06\x06",
        b"PK\x06\x07",
        b"\xff" * 4,
        bytes(8),
        b"\1\0",
    ]
)
noise = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(records, st.binary(max_size=20)), max_size=20).map(b"".join),
    st.lists(st.one_of(records, st.binary(max_size=20)), max_size=20).map(
        lambda parts: b"".join(parts) + END + bytes(18)
    ),
)


def fuzzed(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def spoil(data: st.DataObject, zips: Any, new_s3: Any) -> None:
    archive = data.draw(spoiled(seeds(zips)))
    check(archive, new_s3)
    check_content(archive, new_s3)


def set_fields(data: st.DataObject, zips: Any, new_s3: Any) -> None:
    archive = data.draw(any_fields(zips))
    check(archive, new_s3)
    check_content(archive, new_s3)


def make_noise(data: st.DataObject, zips: Any, new_s3: Any) -> None:
    check(data.draw(noise), new_s3)


fuzzers = pytest.mark.parametrize("fuzz", [spoil, set_fields, make_noise])


@fuzzers
@given(data=st.data())
@fuzzed(60)
def test_any_directory_is_refused_or_read_as_others_read_it(
    data: st.DataObject, fuzz: Callable[..., None], zips: Any, new_s3: Any
) -> None:
    fuzz(data, zips, new_s3)


@pytest.mark.slow
@fuzzers
@given(data=st.data())
@fuzzed(20_000)
def test_any_of_very_many_directories_is_refused_or_read_as_others_read_it(
    data: st.DataObject, fuzz: Callable[..., None], zips: Any, new_s3: Any
) -> None:
    fuzz(data, zips, new_s3)


def test_the_archives_that_are_spoiled_are_good_ones(zips: Any, new_s3: Any) -> None:
    assert [check(archive, new_s3) for archive in seeds(zips)] == ["listed"] * 4


def test_each_byte_of_a_directory_may_have_any_of_the_values_that_matter(
    zips: Any, new_s3: Any
) -> None:
    """Not one field is left to chance: each byte after the members, in turn."""
    for archive in seeds(zips)[2:]:
        for at in range(archive.index(b"PK\x01\x02"), len(archive)):
            for value in {0xFF, archive[at] ^ 1}:
                check(archive[:at] + bytes([value]) + archive[at + 1 :], new_s3)


def work(call: Callable[[], object]) -> int:
    """Return how many functions are called, those of C too."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(before)
    return calls


def members_of_one_directory(zips: Any, count: int) -> bytes:
    return bytes(zips.of({f"d/{i:05}": b"" for i in range(count)}))


def members_that_are_deep(zips: Any, count: int) -> bytes:
    return bytes(zips.of({f"{i:05}/" + "d/" * 30 + "f": b"" for i in range(count)}))


def members_of_many_extra_fields(zips: Any, count: int) -> bytes:
    fields = zips.extra(0xCAFE, b"") * 50
    return bytes(zips.archive(*(zips.member(b"%05d" % i, extra=fields) for i in range(count))))


def ends_in_a_comment(zips: Any, count: int) -> bytes:
    return bytes(zips.archive(zips.member(), comment=(END + b"\0") * (13 * count)))


@pytest.mark.parametrize(
    "make",
    [
        members_of_one_directory,
        members_that_are_deep,
        members_of_many_extra_fields,
        ends_in_a_comment,
    ],
)
def test_the_work_grows_no_faster_than_the_archive(
    make: Callable[[Any, int], bytes], zips: Any
) -> None:
    small, large = make(zips, 200), make(zips, 800)
    assert work(lambda: parsed(large)) < 4.2 * work(lambda: parsed(small))
