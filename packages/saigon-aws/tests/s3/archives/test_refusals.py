"""Every archive that is refused, each through all three ways in."""

import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from saigon.aws.s3 import (
    BadArchiveError,
    UnsafeMemberError,
    UnsupportedArchiveError,
    UnzipError,
    UnzipLimitError,
    UnzipLimits,
    s3_iter_unzip,
    s3_object_unzip,
    s3_unzip_list,
)
from saigon.aws.s3._zip import members as reading

MIB = 1024 * 1024
UTF8 = 0x0800
MARK = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Case:
    """An archive and what it is refused with."""

    build: Callable[[Any], bytes]
    error: type[UnzipError]
    listed: bool = False
    """Whether the directory alone does not show it."""
    limits: UnzipLimits = field(default_factory=UnzipLimits)


def one(error: type[UnzipError], *, listed: bool = False, **fields: Any) -> Case:
    """Return the case of an archive whose second member is as told."""

    def build(zips: Any) -> bytes:
        return bytes(zips.archive(zips.member(b"good.txt"), zips.member(**fields)))

    return Case(build=build, error=error, listed=listed)


def named(name: str) -> Case:
    return one(UnsafeMemberError, name=name.encode(), content=b"", flags=UTF8)


def both(*names: str) -> Case:
    def build(zips: Any) -> bytes:
        members = (zips.member(name.encode(), content=b"", flags=UTF8) for name in names)
        return bytes(zips.archive(*members))

    return Case(build=build, error=UnsafeMemberError)


def whole(error: type[UnzipError], **fields: Any) -> Case:
    """Return the case of an archive of two members whose records are as told."""

    def build(zips: Any) -> bytes:
        return bytes(zips.archive(zips.member(b"a"), zips.member(b"b"), **fields))

    return Case(build=build, error=error)


def zip64(
    error: type[UnzipError], numbers: list[int], *, listed: bool = False, **central: Any
) -> Case:
    """Return the case of a member with these numbers in its directory's Zip64 field."""
    content = b"".join(number.to_bytes(8, "little") for number in numbers)

    def build(zips: Any) -> bytes:
        extra = zips.extra(1, content)
        return bytes(zips.archive(zips.member(central=central | {"extra": extra})))

    return Case(build=build, error=error, listed=listed)


def deflated(packed: bytes, content: bytes = b"content", **fields: Any) -> Case:
    return one(BadArchiveError, listed=True, packed=packed, content=content, **fields)


def limit(build: Callable[[Any], bytes], *, listed: bool = False, **limits: int) -> Case:
    return Case(build=build, error=UnzipLimitError, listed=listed, limits=UnzipLimits(**limits))


def squeezed(content: bytes, *, end: bool = True) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(zlib.Z_FINISH if end else zlib.Z_SYNC_FLUSH)


def full_overlap_bomb(zips: Any) -> bytes:
    kernel = zips.member(b"0000", content=bytes(100_000))
    shared = [
        zips.member(b"%04d" % i, content=bytes(100_000), absent=True, central={"offset": 0})
        for i in range(1, 50)
    ]
    return bytes(zips.archive(kernel, *shared))


def quoted_overlap_bomb(zips: Any) -> bytes:
    """Each member's data quotes the header after it, in a stored block.

    See https://www.bamsoftware.com/hacks/zipbomb/
    """
    content = bytes(10_000)
    members = [zips.member(b"0020", content=content, packed=squeezed(content))]
    for number in range(19, -1, -1):
        header = members[0].local_header()
        quote = b"\0" + len(header).to_bytes(2, "little")
        quote += (len(header) ^ 0xFFFF).to_bytes(2, "little")
        content = header + content
        packed = quote + header + members[0].data
        members.insert(0, zips.member(b"%04d" % number, content=content, packed=packed))
    header_size = len(members[0].local_header())
    at = 0
    for member in members:
        member.central["offset"] = at
        at += header_size + 5  # the next header is the one quoted, after a block's own
    for member in members[1:]:
        member.absent = True
    return bytes(zips.archive(*members))


def nested_bomb(zips: Any) -> bytes:
    """A stored member whose bytes are a second member's header and data."""
    inner = zips.member(b"inner", content=bytes(1000))
    outer = zips.member(b"outer", content=inner.local_bytes(), method=0)
    inner.absent = True
    inner.central["offset"] = len(outer.local_header())
    return bytes(zips.archive(outer, inner))


def touching(zips: Any) -> bytes:
    """Two members that share one byte: the first one's last is the second one's first."""
    first = zips.member(b"a", content=b"1234P", method=0)
    second = zips.member(b"b", content=b"second", method=0)
    joined = first.local_bytes() + second.local_bytes()[1:]
    first.packed, second.absent = joined[31:], True
    first.central = first.local = {"compressed": 5}
    second.central["offset"] = 35
    return bytes(zips.archive(first, second))


NAMES = {
    "absolute": "/a",
    "absolute of two slashes": "//server/a",
    "absolute directory": "/a/",
    "root": "/",
    "drive": "C:/a",
    "drive without slash": "c:a",
    "drive alone": "z:",
    "backslash": "a\\b",
    "backslash first": "\\a",
    "parent by backslash": "..\\a",
    "parent": "..",
    "parent first": "../a",
    "parent directory": "../",
    "parent within": "a/../b",
    "parent last": "a/..",
    "two parents": "a/../../b",
    "itself": ".",
    "itself first": "./a",
    "itself within": "a/./b",
    "itself last": "a/.",
    "itself as directory": "./",
    "empty": "",
    "empty segment": "a//b",
    "empty last segment": "a//",
    "NUL": "a\0b",
    "NUL last": "a.txt\0",
    "new line": "a\nb",
    "carriage return": "a\r",
    "escape": "a\x1b[2Jb",
    "tab": "a\tb",
    "delete": "a\x7fb",
    "C1 control": "a\x85b",
    "control in directory": "a\x01/b",
}
MODES = {
    "symlink": 0o120777,
    "character device": 0o020666,
    "block device": 0o060660,
    "socket": 0o140755,
    "whiteout": 0o160000,
    "no known kind": 0o150644,
    "directory as file": 0o040755,
}
DOUBLES = {
    "twice": ("a", "a"),
    "by case": ("Name", "nAME"),
    "by case of a parent": ("Dir/a", "dir/A"),
    "by case of sharp s": ("STRASSE", "stra\u00dfe"),
    "by case of Greek": ("\u03a3\u03a3", "\u03c3\u03c2"),
    "by normal form": ("caf\u00e9", "cafe\u0301"),
    "by normal form and case": ("CAFE\u0301", "caf\u00e9"),
    "by ligature": ("\ufb01le", "FILE"),
    "directory twice": ("d/", "d/"),
    "directories by case": ("d/", "D/"),
    "file and directory": ("d", "d/"),
    "directory and file": ("d/", "d"),
    "file in file": ("d", "d/a"),
    "file above file": ("d/a", "d"),
    "file deep in file": ("d", "d/e/f/a"),
    "file in file by case": ("D", "d/a"),
    "file in file by normal form": ("\u00e9", "e\u0301/a"),
    "directory in file": ("d", "d/e/"),
}
UNSAFE = (
    {f"name: {key}": named(name) for key, name in NAMES.items()}
    | {f"mode: {key}": one(UnsafeMemberError, mode=mode) for key, mode in MODES.items()}
    | {
        "mode: symlink as directory": one(
            UnsafeMemberError, name=b"d/", content=b"", mode=0o120777
        ),
        "mode: symlink made on another system": one(UnsafeMemberError, mode=0o120777, made_by=20),
    }
    | {f"double: {key}": both(*names) for key, names in DOUBLES.items()}
)
UNSUPPORTED = (
    {
        f"{key}, {where}": one(
            UnsupportedArchiveError if where != "local" else BadArchiveError,
            listed=where == "local",
            **({"flags": flag} if where == "both" else {where: {"flags": flag}}),
        )
        for key, flag in (
            ("encrypted", 0x0001),
            ("strongly encrypted", 0x0041),
            ("bit of strong encryption alone", 0x0040),
            ("masked headers", 0x2000),
        )
        for where in ("both", "central", "local")
    }
    | {
        f"method {method}": one(UnsupportedArchiveError, method=method)
        for method in (1, 2, 6, 7, 9, 10, 12, 14, 93, 95, 96, 97, 98, 99, 0xFFFF)
    }
    | {
        "patched data": one(UnsupportedArchiveError, flags=0x0020),
        "member on another volume": one(UnsupportedArchiveError, central={"disk": 1}),
        "end on another volume": whole(UnsupportedArchiveError, end={"disk": 1}),
        "directory on another volume": whole(UnsupportedArchiveError, end={"first_disk": 1}),
        "entries on another volume": whole(UnsupportedArchiveError, end={"here": 1}),
        "Zip64 end on another volume": whole(
            UnsupportedArchiveError, zip64=True, end64={"disk": 1}
        ),
        "Zip64 directory on another volume": whole(
            UnsupportedArchiveError, zip64=True, end64={"first_disk": 1}
        ),
        "Zip64 entries on another volume": whole(
            UnsupportedArchiveError, zip64=True, end64={"here": 1}
        ),
        "locator of another volume": whole(
            UnsupportedArchiveError, zip64=True, locator={"disk": 1}
        ),
        "locator of two volumes": whole(UnsupportedArchiveError, zip64=True, locator={"disks": 2}),
        "extensible Zip64 end": whole(UnsupportedArchiveError, zip64=True, end64={"rest": 45}),
    }
)
LOCAL: dict[str, dict[str, Any]] = {
    "no signature": {"local": {"signature": b"PK\x03\x05"}},
    "name": {"local": {"name": b"b.txt"}},
    "name by case": {"local": {"name": b"A.txt"}},
    "longer name": {"local": {"name": b"a.txt2"}},
    "shorter name": {"descriptor": "signed", "local": {"name": b"a.tx"}},
    "no name": {"descriptor": "signed", "local": {"name": b""}},
    "name's size over the end": {"local": {"name_size": 0xFFFF}},
    "extra's size over the end": {"local": {"extra_size": 0xFFFF}},
    "extra's size over the data": {"local": {"extra_size": 3}},
    "UTF-8 in the local header": {"local": {"flags": UTF8}},
    "UTF-8 in the directory": {"central": {"flags": UTF8}},
    "method stored": {"local": {"method": 0}},
    "method unknown": {"local": {"method": 12}},
    "CRC": {"local": {"crc": 1}},
    "CRC of nothing": {"local": {"crc": 0}},
    "size": {"local": {"size": 6}},
    "size of nothing": {"local": {"size": 0}},
    "compressed size": {"local": {"compressed": 6}},
    "compressed size of nothing": {"local": {"compressed": 0}},
    "CRC before a descriptor": {"descriptor": "signed", "local": {"crc": 1}},
    "size before a descriptor": {"descriptor": "signed", "local": {"size": 6}},
    "compressed size before a descriptor": {"descriptor": "plain", "local": {"compressed": 6}},
    "Zip64 field missing": {"local": {"size": MARK}},
    "Zip64 field too short": {
        "local": {"size": MARK, "compressed": MARK, "extra": b"\1\0\x08\0" + bytes(8)}
    },
    "Zip64 field with another size": {
        "local": {"size": MARK, "extra": b"\1\0\x08\0\x06" + bytes(7)}
    },
    "Zip64 field with a vast size": {"local": {"size": MARK, "extra": b"\1\0\x08\0" + b"\xff" * 8}},
    "two Zip64 fields": {"local": {"size": MARK, "extra": (b"\1\0\x08\0\x07" + bytes(7)) * 2}},
    "extra field that overruns": {"local_extra": b"\x99\x99\x05\0abcd"},
}
DISAGREEING = {
    f"local: {key}": one(BadArchiveError, listed=True, **fields) for key, fields in LOCAL.items()
}
CONTENT = {
    "deflate goes on after its end": deflated(squeezed(b"content") + b"\0"),
    "deflate goes on with a second stream": deflated(squeezed(b"content") * 2),
    "deflate goes on over the next read": deflated(squeezed(b"content") + bytes(300_000)),
    "deflate is cut": deflated(squeezed(b"content")[:-1]),
    "deflate has no end": deflated(squeezed(b"content", end=False)),
    "deflate is empty": deflated(b""),
    "deflate is empty for nothing": deflated(b"", b""),
    "deflate is corrupt": deflated(b"\xff" * 20),
    "deflate is corrupt in the middle": deflated(squeezed(bytes(range(256)))[:100] + b"\xff" * 99),
    "deflate asks for a dictionary": deflated(zlib.compress(b"content")),
    "deflate refers to before its start": deflated(bytes.fromhex("4b04220000")),
    "less than told": deflated(squeezed(b"conten")),
    "more than told": deflated(squeezed(b"content!")),
    "more than none": deflated(squeezed(b"content"), b""),
    "none instead of some": deflated(squeezed(b"")),
    "wrong CRC": deflated(squeezed(b"contenT")),
    "wrong CRC of stored": deflated(b"contenT", method=0),
    "wrong CRC of none": one(
        BadArchiveError, listed=True, content=b"", local={"crc": 1}, central={"crc": 1}
    ),
    "wrong CRC in both headers": one(
        BadArchiveError, listed=True, local={"crc": 1}, central={"crc": 1}
    ),
    "wrong size in both headers": one(
        BadArchiveError, listed=True, local={"size": 6}, central={"size": 6}
    ),
    "wrong size of stored": one(BadArchiveError, method=0, local={"size": 6}, central={"size": 6}),
    "directory with content": one(BadArchiveError, name=b"d/"),
    "directory with stored content": one(BadArchiveError, name=b"d/", method=0),
}
OVERLAPS = {
    "full overlap": Case(build=full_overlap_bomb, error=BadArchiveError),
    "quoted overlap": Case(build=quoted_overlap_bomb, error=BadArchiveError),
    "member in a member": Case(build=nested_bomb, error=BadArchiveError),
    "one byte shared": Case(build=touching, error=BadArchiveError),
    "a member at the place of its neighbour": one(BadArchiveError, central={"offset": 0}),
    "in its neighbour": one(BadArchiveError, central={"offset": 1}),
    "in the directory": one(BadArchiveError, central={"offset": 150}),
    "after the archive": one(BadArchiveError, central={"offset": 0xFFFFFF00}),
    "into the directory": one(
        BadArchiveError, central={"compressed": 99}, local={"compressed": 99}
    ),
    "one byte into the directory": one(
        BadArchiveError, method=0, central={"compressed": 8, "size": 8}
    ),
    "into the directory by its local header": one(
        BadArchiveError, listed=True, local={"extra_size": 1}
    ),
    "bytes before it": one(BadArchiveError, listed=True, gap=b"gap", central={"offset": 47}),
}
ENDS = {
    "one entry more than told": whole(BadArchiveError, end={"here": 1, "entries": 1}),
    "one entry fewer than told": whole(BadArchiveError, end={"here": 3, "entries": 3}),
    "no entries told": whole(BadArchiveError, end={"here": 0, "entries": 0}),
    "entries of nothing": whole(
        BadArchiveError, end={"here": 1, "entries": 1, "size": 0, "offset": 0}
    ),
    "directory longer than told": whole(BadArchiveError, end={"size": 93}),
    "directory shorter than told": whole(BadArchiveError, end={"size": 95}),
    "directory over the object": whole(BadArchiveError, end={"size": 0x7FFFFFFF}),
    "directory later than told": whole(BadArchiveError, end={"offset": 10_000}),
    "directory before the object": whole(BadArchiveError, end={"offset": 0xFFFFFFFE}),
    "directory earlier than told": whole(BadArchiveError, end={"offset": 3}),
    "bytes after the entries": whole(BadArchiveError, after=b"\0"),
    "signature after the entries": whole(BadArchiveError, after=b"PK\x05\x05\0\0"),
    "entry that is not counted": whole(BadArchiveError, after=b"PK\x01\x02" + bytes(42)),
    "bytes after the directory": whole(BadArchiveError, between=b"\0"),
    "Zip64 end missing for size": whole(BadArchiveError, end={"size": MARK}),
    "Zip64 end missing for offset": whole(BadArchiveError, end={"offset": MARK}),
    "comment longer than told": whole(BadArchiveError, comment=b"12", end={"comment_size": 1}),
    "comment shorter than told": whole(BadArchiveError, comment=b"12", end={"comment_size": 3}),
    "bytes after the end": Case(
        build=lambda zips: zips.archive(zips.member()) + b"\0", error=BadArchiveError
    ),
    "two ends": whole(BadArchiveError, comment=b"PK\x05\x06" + bytes(18)),
    "two archives, one in the other's comment": Case(
        build=lambda zips: zips.archive(zips.member(), comment=zips.archive(zips.member(b"b"))),
        error=BadArchiveError,
    ),
    "no entries, one in the directory": Case(
        build=lambda zips: zips.archive(zips.member(), end={"here": 0, "entries": 0}),
        error=BadArchiveError,
    ),
    "empty object": Case(build=lambda zips: b"", error=BadArchiveError),
    "a member alone": Case(build=lambda zips: zips.member().local_bytes(), error=BadArchiveError),
}
ENTRIES: dict[str, dict[str, Any]] = {
    "no signature": {"central": {"signature": b"PK\x01\x03"}},
    "name's size over the end": {"central": {"name_size": 0xFFFF}},
    "name's size of one more": {"central": {"name_size": 6}},
    "name's size of one less": {"central": {"name_size": 4}},
    "extra's size over the end": {"central": {"extra_size": 0xFFFF}},
    "comment's size over the end": {"central": {"comment_size": 1}},
    "comment that is not counted": {"comment": b"1", "central": {"comment_size": 0}},
    "extra field that overruns": {"extra": b"\x99\x99\x05\0abcd", "local_extra": b""},
    "Zip64 field that overruns": {"central": {"size": MARK, "extra": b"\1\0\x09\0" + bytes(8)}},
    "name that is no UTF-8": {"name": b"a\xff", "flags": UTF8},
    "name of a surrogate": {"name": b"a\xed\xa0\x80", "flags": UTF8},
    "name that is an overlong slash": {"name": b"..\xc0\xafa", "flags": UTF8},
    "name that is cut": {"name": b"a\xe2\x82", "flags": UTF8},
}
ENDS |= {f"entry: {key}": one(BadArchiveError, **fields) for key, fields in ENTRIES.items()}
ZIP64 = {
    "field missing": one(BadArchiveError, central={"size": MARK}),
    "field missing for the offset": one(BadArchiveError, central={"offset": MARK}),
    "field of nothing": zip64(BadArchiveError, [], size=MARK),
    "field of too few": zip64(BadArchiveError, [7], size=MARK, compressed=MARK),
    "size of 2^63": zip64(UnzipLimitError, [1 << 63], listed=True, size=MARK),
    "size of 2^64 - 1": zip64(UnzipLimitError, [(1 << 64) - 1], listed=True, size=MARK),
    "compressed size of 2^63": zip64(BadArchiveError, [1 << 63], compressed=MARK),
    "compressed size of 2^64 - 1": zip64(BadArchiveError, [(1 << 64) - 1], compressed=MARK),
    "offset of 2^63": zip64(BadArchiveError, [1 << 63], offset=MARK),
    "offset of 2^64 - 1": zip64(BadArchiveError, [(1 << 64) - 1], offset=MARK),
    "two fields": one(
        BadArchiveError,
        central={"size": MARK, "extra": (b"\1\0\x08\0\x07" + bytes(7)) * 2},
    ),
    "another count in the end": whole(BadArchiveError, zip64=True, end={"entries": 1}),
    "another size in the end": whole(BadArchiveError, zip64=True, end={"size": 93}),
    "another offset in the end": whole(BadArchiveError, zip64=True, end={"offset": 1}),
    "count too high": whole(BadArchiveError, zip64=True, end64={"here": 3, "entries": 3}),
    "count too low": whole(BadArchiveError, zip64=True, end64={"here": 1, "entries": 1}),
    "count of 2^63": whole(
        UnzipLimitError, zip64=True, end64={"here": 1 << 63, "entries": 1 << 63}
    ),
    "directory of 2^63": whole(BadArchiveError, zip64=True, end64={"size": 1 << 63}),
    "directory at 2^63": whole(BadArchiveError, zip64=True, end64={"offset": 1 << 63}),
    "directory longer than told": whole(BadArchiveError, zip64=True, end64={"size": 93}),
    "directory shorter than told": whole(BadArchiveError, zip64=True, end64={"size": 95}),
    "directory later than told": whole(BadArchiveError, zip64=True, end64={"offset": 500}),
    "end without signature": whole(BadArchiveError, zip64=True, end64={"signature": b"PK\6\5"}),
    "end that is not there": whole(
        BadArchiveError, between=b"PK\x06\x07" + bytes(12) + b"\1\0\0\0"
    ),
    "locator to elsewhere": whole(BadArchiveError, zip64=True, locator={"at": 0}),
    "locator to one byte before": Case(
        build=lambda zips: zips.archive(zips.member(), zip64=True, locator={"at": 93}),
        error=BadArchiveError,
    ),
    "locator to after the end": whole(BadArchiveError, zip64=True, locator={"at": 1 << 63}),
    "locator alone": Case(
        build=lambda zips: b"PK\x06\x07" + bytes(12) + b"\1\0\0\0" + b"PK\x05\x06" + bytes(18),
        error=BadArchiveError,
    ),
}


def two(zips: Any) -> bytes:
    """Return 50 and 51 bytes, in a directory of 46 + 5 and 46 + 3 bytes."""
    return bytes(
        zips.archive(
            zips.member(b"a/b/c", content=b"1" * 50, method=0),
            zips.member("é/".encode()[:-1] + b"x", content=b"2" * 51, method=0, flags=UTF8),
        )
    )


def lying(size: int, packed: int) -> Callable[[Any], bytes]:
    """Return an archive of a member that tells these sizes."""

    def build(zips: Any) -> bytes:
        sizes = {"size": size, "compressed": packed}
        data = bytes(packed)
        return bytes(zips.archive(zips.member(packed=data, central=sizes, local=sizes)))

    return build


def stored(size: int) -> Callable[[Any], bytes]:
    return lambda zips: zips.archive(zips.member(content=bytes(size), method=0))


def path(name: str) -> Callable[[Any], bytes]:
    return lambda zips: zips.of({name: b"1"})


LIMITED = {
    "total": limit(two, listed=True, total_bytes=100),
    "total of the default": limit(
        lambda zips: zips.archive(
            *(zips.member(b"%d" % i, central={"size": 400 * MIB}) for i in range(3))
        ),
        listed=True,
    ),
    "member": limit(two, listed=True, member_bytes=50),
    "member of the default": limit(lying(512 * MIB + 1, 9), listed=True),
    "members": limit(two, members=1),
    "directory": limit(two, directory_bytes=99),
    "ratio": limit(lying(MIB + 2, MIB + 1), listed=True, ratio=1),
    "ratio of the default": limit(lying(200 * 6000 + 1, 6000), listed=True),
    "ratio to nothing": limit(lying(MIB + 1, 0), listed=True),
    "path": limit(path("ab/cde/é"), path_bytes=8),
    "path of the default": limit(path("/".join(["n" * 204] * 5) + "z")),
    "depth": limit(path("a/b/c"), depth=2),
    "depth of a directory": limit(lambda zips: zips.of({"a/b/c/": b""}), depth=2),
    "depth of the default": limit(path("/".join(["d"] * 33))),
    "name": limit(path("n" * 256)),
    "name in UTF-8": limit(path("é" * 128)),
    "name of a directory": limit(path("n" * 256 + "/a")),
}
WITHIN: dict[str, tuple[Callable[[Any], bytes], UnzipLimits]] = {
    "total": (two, UnzipLimits(total_bytes=101)),
    "member": (two, UnzipLimits(member_bytes=51)),
    "members": (two, UnzipLimits(members=2)),
    "directory": (two, UnzipLimits(directory_bytes=100)),
    "ratio": (stored(MIB + 1), UnzipLimits(ratio=1)),
    "ratio of little": (
        lambda zips: zips.archive(zips.member(content=bytes(MIB))),
        UnzipLimits(ratio=1),
    ),
    "path": (path("ab/cde/é"), UnzipLimits(path_bytes=9)),
    "path of the default": (path("/".join(["n" * 204] * 5)), UnzipLimits()),
    "depth": (path("a/b/c"), UnzipLimits(depth=3)),
    "depth of the default": (path("/".join(["d"] * 32)), UnzipLimits()),
    "name": (path("n" * 255), UnzipLimits()),
    "name in UTF-8": (path("é" * 127 + "n"), UnzipLimits()),
}
REFUSED = {
    f"{table}: {key}": case
    for table, cases in {
        "unsafe": UNSAFE,
        "unsupported": UNSUPPORTED,
        "disagreeing": DISAGREEING,
        "content": CONTENT,
        "overlap": OVERLAPS,
        "end": ENDS,
        "zip64": ZIP64,
        "limit": LIMITED,
    }.items()
    for key, case in cases.items()
}


def read_all(client: Any, url: str, limits: UnzipLimits) -> None:
    members: Any = s3_iter_unzip(client, url, limits=limits)
    with closing(members):
        for _, stream in members:
            stream.read()


each_case = pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())


@each_case
def test_extraction_refuses_it_and_leaves_nothing(
    case: Case, zips: Any, s3: Any, place: Any
) -> None:
    url, before = s3.put(case.build(zips)), place.seen()
    with pytest.raises(case.error) as caught:
        s3_object_unzip(s3, url, destination=place.out, limits=case.limits)
    assert caught.type is case.error
    with pytest.raises(case.error):
        s3_object_unzip(s3, url, limits=case.limits)
    assert place.seen() == before
    assert s3.all_closed


@each_case
def test_streams_and_the_list_refuse_it(case: Case, zips: Any, s3: Any) -> None:
    url = s3.put(case.build(zips))
    with pytest.raises(case.error) as caught:
        read_all(s3, url, case.limits)
    assert caught.type is case.error
    # What the directory shows is refused before a member is asked for.
    assert (len(s3.ranges) == 1) != (case.listed and case.error is not UnzipLimitError)
    if case.listed:
        assert s3_unzip_list(s3, url, limits=case.limits)
    else:
        with pytest.raises(case.error) as caught:
            s3_unzip_list(s3, url, limits=case.limits)
        assert caught.type is case.error
    assert s3.all_closed


@pytest.mark.parametrize(("build", "limits"), WITHIN.values(), ids=WITHIN.keys())
def test_what_is_exactly_at_a_limit_is_taken(
    build: Callable[[Any], bytes], limits: UnzipLimits, zips: Any, s3: Any, place: Any
) -> None:
    got = s3_object_unzip(s3, s3.put(build(zips)), destination=place.out, limits=limits)
    assert [path.stat().st_size for path in got] == [
        member.size for member in s3_unzip_list(s3, "s3://bucket/key.zip", limits=limits)
    ]


def test_an_archive_that_lacks_bytes_at_its_end_is_refused(zips: Any, s3: Any, place: Any) -> None:
    archive = zips.of({"a/b": b"1" * 30, "c": b"2"}, comment=b"the end")
    before = place.seen()
    for size in range(len(archive)):
        url = s3.put(archive[:size])
        for call in (s3_object_unzip, s3_unzip_list):
            with pytest.raises(BadArchiveError):
                call(s3, url)
    assert place.seen() == before


def test_an_archive_that_lacks_bytes_at_its_start_is_refused(
    zips: Any, s3: Any, place: Any
) -> None:
    archive = zips.of({"a/b": b"1" * 30, "c": b"2"})
    before = place.seen()
    for cut in range(1, len(archive)):
        url = s3.put(archive[cut:])
        with pytest.raises(BadArchiveError):
            s3_object_unzip(s3, url)
    assert place.seen() == before


def test_an_archive_that_lacks_a_byte_within_is_refused(zips: Any, s3: Any, place: Any) -> None:
    archive = zips.of({"a/b": b"1" * 30, "c": b"2"}, zip64=True)
    before = place.seen()
    for at in range(len(archive)):
        url = s3.put(archive[:at] + archive[at + 1 :])
        with pytest.raises((BadArchiveError, UnsupportedArchiveError, UnzipLimitError)):
            s3_object_unzip(s3, url)
    assert place.seen() == before


@pytest.mark.parametrize("told", [0, 1, 1000, 3 * MIB])
def test_a_bomb_is_inflated_no_further_than_the_size_it_tells(
    told: int, zips: Any, s3: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inflated = 0

    class Counting:
        def __init__(self, wbits: int) -> None:
            self.inflater = zlib.decompressobj(wbits)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal inflated
            out = self.inflater.decompress(data, most)
            inflated += len(out)
            return out

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inflater, name)

    counting = SimpleNamespace(
        decompressobj=Counting, crc32=zlib.crc32, error=zlib.error, MAX_WBITS=zlib.MAX_WBITS
    )
    monkeypatch.setattr(reading, "zlib", counting)
    bomb = squeezed(bytes(24 * MIB))
    sizes = {"size": told}
    url = s3.put(zips.archive(zips.member(packed=bomb, central=sizes, local=sizes)))
    before = place.seen()
    with pytest.raises(BadArchiveError):
        s3_object_unzip(s3, url, destination=place.out)
    assert told <= inflated <= told + MIB
    assert place.seen() == before


def test_bytes_before_between_and_after_members_are_passed_over(
    zips: Any, s3: Any, place: Any
) -> None:
    archive = zips.archive(
        zips.member(b"b", content=b"2", gap=b"PK\x03\x04 no header"),
        zips.member(b"a", content=b"1", gap=bytes(200_000)),
        prefix=b"#!/bin/sh\n",
        gap=b"PK\x01\x02 no directory",
    )
    s3_object_unzip(s3, s3.put(archive), destination=place.out)
    assert place.extracted() == {"a": b"1", "b": b"2"}


def test_what_was_told_of_a_refused_archive_was_true(zips: Any, s3: Any) -> None:
    """Members before the bad one are whole: an error comes with the one it is about."""
    url = s3.put(zips.archive(zips.member(b"a", content=b"1" * 100), zips.member(local={"crc": 1})))
    seen: list[bytes] = []
    with pytest.raises(BadArchiveError, match=r"a\.txt"):
        seen.extend(stream.read() for _, stream in s3_iter_unzip(s3, url))
    assert seen == [b"1" * 100]
