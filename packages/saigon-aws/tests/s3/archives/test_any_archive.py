"""Whatever an archive holds: it comes out as it is, or nothing does."""

import io
import unicodedata
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saigon.aws.s3 import (
    UnzipError,
    UnzipLimits,
    s3_iter_unzip,
    s3_object_unzip,
    s3_unzip_list,
)

UTF8 = 0x0800
UNIX = 3 << 8


def few(number: int) -> settings:
    """Return settings of so many examples, with the fixtures of the test function."""
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def folded(name: str) -> str:
    """Return what names of one place have in common on every file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


safe_segments = st.one_of(
    st.sampled_from(
        ["a", "b", "readme.txt", "...", ".hidden", "a b", " ", "-", "é", "日本", "CON"]
    ),
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='/\\<>:"|?*'),
        min_size=1,
        max_size=8,
    ).filter(lambda name: name not in {".", ".."}),
)
contents = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda piece, count: piece * count, st.binary(min_size=1, max_size=9), st.integers(0, 999)
    ),
)


def without_signatures(size: int) -> st.SearchStrategy[bytes]:
    """Give bytes that the standard library's reader does not take for a record."""
    return st.binary(max_size=size).filter(lambda found: b"PK" not in found)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes | None]:
    """Draw files and directories (None) by their paths, of which no two are one place."""
    paths = draw(st.lists(st.lists(safe_segments, min_size=1, max_size=4).map(tuple), max_size=6))
    tree: dict[str, bytes | None] = {}
    files: set[tuple[str, ...]] = set()
    told: set[tuple[str, ...]] = set()
    above: set[tuple[str, ...]] = set()
    for path in paths:
        place, is_file = tuple(map(folded, path)), draw(st.booleans())
        parents = {place[:depth] for depth in range(1, len(place))}
        if place in files | told or parents & files or (is_file and place in above):
            continue
        (files if is_file else told).add(place)
        above |= parents
        tree["/".join(path)] = draw(contents) if is_file else None
    return tree


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw how a member is written, apart from its name and content."""
    return {
        "method": draw(st.sampled_from([0, 8])),
        "zip64": draw(st.booleans()),
        "descriptor": draw(st.sampled_from(["", "plain", "signed", "plain64", "signed64"])),
        "mode": draw(st.sampled_from([0, 0o644, 0o755, 0o7777])),
        "comment": draw(st.binary(max_size=5)),
        "gap": draw(st.one_of(st.just(b""), without_signatures(40))),
        "made_by": draw(st.sampled_from([0, UNIX | 30, 19 << 8, 10 << 8])),
    }


def name_fields(zips: Any, name: str, how: str) -> dict[str, Any]:
    """Return a name in one of the ways that a writer has."""
    if how == "cp437":
        try:
            return {"name": name.encode("cp437"), "made_by": 0}
        except UnicodeEncodeError:
            how = "field"
    if how == "field":
        raw = zlib.crc32(name.encode()).to_bytes(4, "big").hex().encode()
        return {"name": raw, "extra": zips.unicode_path(name.encode(), raw)}
    if how == "unix":
        return {"name": name.encode(), "made_by": UNIX | 30}
    return {"name": name.encode(), "flags": UTF8}


names_told = st.sampled_from(["flag", "flag", "cp437", "field", "unix"])


@given(data=st.data(), tree=trees())
@few(30)
def test_any_archive_comes_out_as_it_was_packed(
    data: st.DataObject, tree: dict[str, bytes | None], zips: Any, new_s3: Any, new_place: Any
) -> None:
    members, told = [], []
    for path, content in tree.items():
        name = path + ("/" if content is None else "")
        fields = data.draw(layouts()) | name_fields(zips, name, data.draw(names_told))
        members.append(zips.member(**(fields | {"content": content or b""})))
        told.append((name, content or b"", fields))
    archive = zips.archive(
        *members,
        prefix=data.draw(without_signatures(30)),
        counts_prefix=data.draw(st.booleans()),
        gap=data.draw(without_signatures(9)),
        comment=data.draw(without_signatures(9)),
        zip64=data.draw(st.booleans()),
    )
    s3, place = new_s3(), new_place()
    url, outside = s3.put(archive), place.outside()

    listed = s3_unzip_list(s3, url)
    assert [(member.name, member.size) for member in listed] == [
        (name, len(content)) for name, content, _ in told
    ]
    with zipfile.ZipFile(io.BytesIO(archive)) as theirs:
        assert [(i.file_size, i.compress_size, i.CRC) for i in theirs.infolist()] == [
            (member.size, member.compressed_size, member.crc32) for member in listed
        ]
        assert all(
            info.filename == member.name
            for info, member in zip(theirs.infolist(), listed, strict=True)
            if info.flag_bits & UTF8
        )

    paths = s3_object_unzip(s3, url, destination=place.out)
    files = {name: content for name, content in tree.items() if content is not None}
    got = place.extracted()
    assert {name: content for name, content in got.items() if content is not None} == files
    assert sorted(place.out / name for name in files) == paths
    assert got.keys() >= tree.keys()
    assert {m.name: stream.read() for m, stream in s3_iter_unzip(s3, url)} == files
    assert place.outside() == outside


hostile_segments = st.one_of(
    st.sampled_from(
        ["..", ".", "", "a", "A", "out", "world", "sentinel.txt", "neighbour", "link", "C:", "\0"]
    ),
    st.sampled_from(
        ["..\\..", "\\", "~", "$HOME", "%2e%2e", "\uff0e\uff0e", "\u2024\u2024", "a\n", "\x7f"]
    ),
    st.text(max_size=5),
)
hostile_names = st.one_of(
    st.lists(hostile_segments, max_size=6).map("/".join),
    st.integers(1, 9).map(lambda depth: "../" * depth + "sentinel.txt"),
    st.text(max_size=20),
)
modes = st.sampled_from([0, 0o100644, 0o040755, 0o120777, 0o020666, 0o010644])


@given(
    names=st.lists(hostile_names, min_size=1, max_size=4),
    absolute=st.booleans(),
    mode=modes,
    content=st.sampled_from([b"", b"evil"]),
    how=names_told,
)
@few(50)
def test_whatever_a_name_is_nothing_outside_is_touched(
    *,
    names: list[str],
    absolute: bool,
    mode: int,
    content: bytes,
    how: str,
    zips: Any,
    new_s3: Any,
    new_place: Any,
) -> None:
    s3, place = new_s3(), new_place()
    if absolute:
        names = [*names, str(place.world / "sentinel.txt")]
    fields = [name_fields(zips, escaped(name), how) for name in names]
    archive = zips.archive(*(zips.member(content=content, mode=mode, **one) for one in fields))
    url, outside = s3.put(archive), place.outside()
    try:
        paths = s3_object_unzip(s3, url, destination=place.out)
    except UnzipError:
        assert not place.out.exists()
        assert place.outside() == outside
        return
    assert not absolute
    assert place.outside() == outside
    files = {name for name in map(escaped, names) if not name.endswith("/")}
    got = place.extracted()
    assert {name for name, data in got.items() if data is not None} == files
    assert all(got[name] == content for name in files)
    assert sorted(place.out / name for name in files) == paths
    assert not any(path.is_symlink() for path in place.out.rglob("*"))


@given(raw=st.binary(max_size=20), flags=st.sampled_from([0, UTF8]), made_by=st.integers(0, 0xFFFF))
@few(40)
def test_whatever_the_bytes_of_a_name_are_it_is_one_file_or_refused(
    *, raw: bytes, flags: int, made_by: int, zips: Any, new_s3: Any, new_place: Any
) -> None:
    s3, place = new_s3(), new_place()
    member = zips.member(raw, content=b"", flags=flags, made_by=made_by)
    url, outside = s3.put(zips.archive(member)), place.outside()
    try:
        [listed] = s3_unzip_list(s3, url)
        s3_object_unzip(s3, url, destination=place.out)
    except UnzipError:
        assert not place.out.exists()
    else:
        assert listed.name.removesuffix("/") in place.extracted()
    assert place.outside() == outside


@given(amounts=st.lists(st.integers(0, 60), min_size=1, max_size=5), data=st.data())
@few(40)
def test_limits_are_kept_to_the_byte(
    amounts: list[int], data: st.DataObject, zips: Any, new_s3: Any
) -> None:
    limit = data.draw(
        st.sampled_from(["total_bytes", "member_bytes", "members", "directory_bytes"])
    )
    amount = {
        "total_bytes": sum(amounts),
        "member_bytes": max(amounts),
        "members": len(amounts),
        "directory_bytes": 47 * len(amounts),
    }[limit]
    allowed = max(1, amount + data.draw(st.integers(-3, 3)))
    archive = zips.of({str(i): bytes(size) for i, size in enumerate(amounts)})
    s3 = new_s3()
    options: dict[str, int] = {limit: allowed}
    taken = s3_iter_unzip(s3, s3.put(archive), limits=UnzipLimits(**options))
    if amount <= allowed:
        assert [len(stream.read()) for _, stream in taken] == amounts
    else:
        with pytest.raises(UnzipError, match=str(allowed)):
            next(taken)


def escaped(name: str) -> str:
    """Return a name that UTF-8 can hold: lone surrogates are another test's."""
    return name.encode("utf-8", "replace").decode()
