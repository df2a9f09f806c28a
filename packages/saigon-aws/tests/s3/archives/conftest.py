"""Archives written field by field, an S3 without connections, and a place that is watched."""

import hashlib
import io
import re
import struct
import tempfile
import zlib
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

IN_ZIP64 = 0xFFFFFFFF
DESCRIPTOR = 0x0008
UNIX = 3 << 8


def _record(layout: str, fields: dict[str, Any], changes: dict[str, Any]) -> bytes:
    """Return a record with some of its fields set to anything."""
    unknown = changes.keys() - fields.keys()
    assert not unknown, unknown
    return struct.pack(layout, *(fields | changes).values())


def _extra(tag: int, content: bytes) -> bytes:
    return struct.pack("<2H", tag, len(content)) + content


@dataclass(kw_only=True)
class Member:
    """A member, honest where nothing else is said.

    ``local`` and ``central`` set fields of the one or the other header, whatever the rest is.
    """

    name: bytes = b"a.txt"
    content: bytes = b"content"
    method: int = 8
    packed: bytes | None = None
    flags: int = 0
    made_by: int = UNIX | 20
    mode: int = 0
    extra: bytes = b""
    local_extra: bytes | None = None
    comment: bytes = b""
    zip64: bool = False
    """Whether sizes and offset are in Zip64 fields."""
    descriptor: str = ""
    """Any of the words plain, signed, plain64 and signed64."""
    told_later: dict[str, Any] = field(default_factory=dict)
    """What the data descriptor says instead."""
    gap: bytes = b""
    absent: bool = False
    """Whether it is in the directory alone."""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == 0:
            return self.content
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.content) + packer.flush()

    def local_bytes(self) -> bytes:
        return self.local_header() + self.data + self._later()

    def local_header(self) -> bytes:
        changes = dict(self.local)
        name = changes.pop("name", self.name)
        own_extra = self.extra if self.local_extra is None else self.local_extra
        sizes = (0, 0) if self.descriptor else (len(self.content), len(self.data))
        if self.zip64:
            own_extra = _extra(1, struct.pack("<2Q", *sizes)) + own_extra
            sizes = (IN_ZIP64, IN_ZIP64)
        extra = changes.pop("extra", own_extra)
        fields = {
            "signature": b"PK\x03\x04",
            "needed": 45 if self.zip64 else 20,
            "flags": self._flags,
            "method": self.method,
            "time": 0,
            "date": 33,
            "crc": 0 if self.descriptor else zlib.crc32(self.content),
            "compressed": sizes[1],
            "size": sizes[0],
            "name_size": len(name),
            "extra_size": len(extra),
        }
        return _record("<4s5H3L2H", fields, changes) + bytes(name) + bytes(extra)

    def central_header(self, offset: int) -> bytes:
        changes = dict(self.central)
        name = changes.pop("name", self.name)
        sizes, extra = (len(self.content), len(self.data), offset), self.extra
        if self.zip64:
            extra = _extra(1, struct.pack("<3Q", *sizes)) + extra
            sizes = (IN_ZIP64,) * 3
        extra = changes.pop("extra", extra)
        fields = {
            "signature": b"PK\x01\x02",
            "made_by": self.made_by,
            "needed": 45 if self.zip64 else 20,
            "flags": self._flags,
            "method": self.method,
            "time": 0,
            "date": 33,
            "crc": zlib.crc32(self.content),
            "compressed": sizes[1],
            "size": sizes[0],
            "name_size": len(name),
            "extra_size": len(extra),
            "comment_size": len(self.comment),
            "disk": 0,
            "internal": 0,
            "attributes": self.mode << 16,
            "offset": sizes[2],
        }
        record = _record("<4s6H3L5H2L", fields, changes)
        return record + bytes(name) + bytes(extra) + self.comment

    @property
    def _flags(self) -> int:
        return self.flags | (DESCRIPTOR if self.descriptor else 0)

    def _later(self) -> bytes:
        if not self.descriptor:
            return b""
        signature = b"PK\x07\x08" if self.descriptor.startswith("signed") else b""
        layout = "<L2Q" if self.descriptor.endswith("64") else "<3L"
        fields = {
            "crc": zlib.crc32(self.content),
            "compressed": len(self.data),
            "size": len(self.content),
        }
        return signature + _record(layout, fields, self.told_later)


@dataclass(kw_only=True)
class Archive:
    """Members, and the records after them; honest where nothing else is said."""

    members: list[Member]
    prefix: bytes = b""
    counts_prefix: bool = False
    """Whether offsets count from the prefix's start instead of its end."""
    gap: bytes = b""
    """Bytes before the directory."""
    after: bytes = b""
    """Bytes after the directory's entries that its size includes."""
    between: bytes = b""
    """Bytes after the directory that its size leaves out."""
    comment: bytes = b""
    zip64: bool = False
    end: dict[str, Any] = field(default_factory=dict)
    end64: dict[str, Any] = field(default_factory=dict)
    locator: dict[str, Any] = field(default_factory=dict)

    def build(self) -> bytes:
        base = len(self.prefix) if self.counts_prefix else 0
        body, directory = b"", b""
        for member in self.members:
            body += member.gap
            directory += member.central_header(base + len(body))
            body += b"" if member.absent else member.local_bytes()
        body += self.gap
        directory += self.after
        told = (len(self.members), len(directory), base + len(body))
        ends = self._ends(told, told[2] + len(directory) + len(self.between))
        return self.prefix + body + directory + self.between + ends

    def _ends(self, told: tuple[int, int, int], at: int) -> bytes:
        entries, size, offset = (0xFFFF, IN_ZIP64, IN_ZIP64) if self.zip64 else told
        fields = {
            "signature": b"PK\x05\x06",
            "disk": 0,
            "first_disk": 0,
            "here": entries,
            "entries": entries,
            "size": size,
            "offset": offset,
            "comment_size": len(self.comment),
        }
        long = self._ends64(told, at) if self.zip64 else b""
        return long + _record("<4s4H2LH", fields, self.end) + self.comment

    def _ends64(self, told: tuple[int, int, int], at: int) -> bytes:
        end = {
            "signature": b"PK\x06\x06",
            "rest": 44,
            "made_by": 45,
            "needed": 45,
            "disk": 0,
            "first_disk": 0,
            "here": told[0],
            "entries": told[0],
            "size": told[1],
            "offset": told[2],
        }
        locator = {"signature": b"PK\x06\x07", "disk": 0, "at": at, "disks": 1}
        return _record("<4sQ2H2L4Q", end, self.end64) + _record("<4sLQL", locator, self.locator)


class Zips:
    """What tests write archives with."""

    @staticmethod
    def member(name: bytes = b"a.txt", **fields: Any) -> Member:
        return Member(name=name, **fields)

    @staticmethod
    def archive(*members: Member, **fields: Any) -> bytes:
        return Archive(members=list(members), **fields).build()

    @staticmethod
    def of(contents: dict[str, bytes], **fields: Any) -> bytes:
        members = [
            Member(name=name.encode(), content=content, flags=0 if name.isascii() else 0x0800)
            for name, content in contents.items()
        ]
        return Archive(members=members, **fields).build()

    @staticmethod
    def extra(tag: int, content: bytes) -> bytes:
        return _extra(tag, content)

    @staticmethod
    def unicode_path(name: bytes, raw_name: bytes, *, version: int = 1, crc: int = 0) -> bytes:
        """Return Info-ZIP's Unicode Path field, ``crc`` being how far its CRC is off."""
        told = zlib.crc32(raw_name) ^ crc
        return _extra(0x7075, struct.pack("<BL", version, told) + name)


@pytest.fixture(scope="session")
def zips() -> Zips:
    return Zips()


class _Body(StreamingBody):
    """A body that remembers how much of it was read and whether it was closed."""

    def __init__(self, content: bytes) -> None:
        super().__init__(cast("Any", io.BytesIO(content)), len(content))
        self.given = 0
        self.is_closed = False

    def read(self, amt: int | None = None) -> bytes:
        got = super().read(amt)
        self.given += len(got)
        return got

    def close(self) -> None:
        self.is_closed = True
        super().close()


class FakeS3:
    """As much of a client as a GET needs, with Range and If-Match."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.bodies: list[_Body] = []

    def put(self, content: bytes, key: str = "key.zip") -> str:
        self.objects[key] = content
        return f"s3://bucket/{key}"

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        content = self.objects[arguments["Key"]]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        span = arguments.get("Range")
        self.ranges.append(span)
        if arguments.get("IfMatch", etag) != etag:
            raise _refusal("PreconditionFailed")
        if span and not content:
            raise _refusal("InvalidRange")
        first, last = _bounds(span, len(content))
        body = _Body(content[first : last + 1])
        self.bodies.append(body)
        answer = {"Body": body, "ETag": etag, "ContentLength": len(content[first : last + 1])}
        if span:
            answer["ContentRange"] = f"bytes {first}-{last}/{len(content)}"
        return answer

    @property
    def all_closed(self) -> bool:
        return all(body.is_closed for body in self.bodies)


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")


def _bounds(header: str | None, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "bytes=0-")
    assert found is not None, header
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture(scope="session")
def new_s3() -> type[FakeS3]:
    """Return the class, for tests that need a new one for each example."""
    return FakeS3


class Place:
    """A world with things that nobody may touch, in which ``out`` is the destination."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = root / "above" / "world"
        self.out = self.world / "out"
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True)
        for path in (root, root / "above", self.world, self.world / "neighbour"):
            path.mkdir(exist_ok=True, parents=True)
            (path / "sentinel.txt").write_bytes(b"here before")
        (self.world / "link").symlink_to(self.world / "neighbour")

    def seen(self) -> dict[str, tuple[object, ...]]:
        """Return all there is, but for the times of directories that a sibling was made in."""
        return {str(path.relative_to(self.root)): _seen(path) for path in self.root.rglob("*")}

    def outside(self) -> dict[str, tuple[object, ...]]:
        """Return all there is but the destination."""
        inside = str(self.out.relative_to(self.root))
        seen = self.seen()
        return {name: what for name, what in seen.items() if (name + "/").find(inside + "/")}

    def extracted(self) -> dict[str, bytes | None]:
        """Return what is in the destination, None for directories."""
        return {
            path.relative_to(self.out).as_posix(): None if path.is_dir() else path.read_bytes()
            for path in self.out.rglob("*")
        }


def _seen(path: Path) -> tuple[object, ...]:
    state = path.lstat()
    if path.is_symlink():
        return ("link", str(path.readlink()), state.st_mtime_ns)
    if path.is_dir():
        untouched = state.st_mtime_ns if path.name == "neighbour" else None
        return ("directory", state.st_mode, untouched)
    return ("file", path.read_bytes(), state.st_mtime_ns, state.st_mode)


@pytest.fixture
def new_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes a new world, with its own directory for temporary files."""
    numbers = count()

    def make() -> Place:
        place = Place(tmp_path / str(next(numbers)))
        monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
        return place

    return make


@pytest.fixture
def place(new_place: Any) -> Place:
    made: Place = new_place()
    return made
