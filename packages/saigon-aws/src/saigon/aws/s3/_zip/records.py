"""The records of a zip archive, read from bytes; pure functions.

See https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from saigon.aws.s3._zip.extra_fields import (
    IN_ZIP64,
    UTF8,
    decoded_name,
    has_zip64_field,
    unicode_path,
    with_zip64,
)
from saigon.aws.s3.exceptions import BadArchiveError, UnsupportedArchiveError

__all__ = [
    "DEFLATED",
    "ENCRYPTED",
    "LOCAL_HEADER_SIZE",
    "STORED",
    "EndRecord",
    "Entry",
    "LocalHeader",
    "find_end",
    "parse_directory",
]

STORED = 0
DEFLATED = 8
# General purpose bits: encrypted, strong encryption, masked local headers
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_DESCRIPTOR = 0x0008  # sizes and CRC follow the data instead of standing in the local header

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_SIGNATURE = b"PK\x06\x06"
_END64_REST = _END64.size - 12  # the record's own size leaves out signature and size
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_IN_ZIP64_16 = 0xFFFF

LOCAL_HEADER_SIZE = _LOCAL.size


@dataclass(frozen=True, slots=True)
class EndRecord:
    """Where the central directory is.

    ``directory_start`` counts from the object's start; the offsets in the directory count from
    ``prefix``, because bytes may stand before an archive.
    """

    directory_start: int
    directory_size: int
    entries: int
    prefix: int


class Entry(NamedTuple):
    """A member as the central directory describes it; its offset counts from the object's start."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    offset: int
    mode: int

    @property
    def is_directory(self) -> bool:
        """Tell whether it is a directory, which its name alone decides."""
        return self.name.endswith("/")


class LocalHeader(NamedTuple):
    """The fixed part of the header before a member's bytes."""

    signature: bytes
    version: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_size: int
    extra_size: int

    @classmethod
    def parse(cls, header: bytes) -> "LocalHeader":
        """Read it."""
        if not header.startswith(_LOCAL_SIGNATURE):
            raise BadArchiveError("a member's local header is not where the directory says")
        return cls._make(_LOCAL.unpack(header))

    @property
    def variable_size(self) -> int:
        """The size of what follows: name and extra fields."""
        return self.name_size + self.extra_size

    def check(self, variable: bytes, entry: Entry) -> None:
        """Refuse a header that tells another story than the central directory."""
        raw_name, extra = variable[: self.name_size], variable[self.name_size :]
        if (raw_name, self.method) != (entry.raw_name, entry.method):
            raise _disagreement(entry)
        if (self.flags ^ entry.flags) & (ENCRYPTED | UTF8):
            raise _disagreement(entry)
        if extra and unicode_path(extra, raw_name) not in {None, entry.name}:
            raise _disagreement(entry)
        told = (self.crc, self.size, self.compressed_size)
        if told != (entry.crc, entry.size, entry.compressed_size):
            self._check_numbers(extra, entry)

    def _check_numbers(self, extra: bytes, entry: Entry) -> None:
        later = bool(self.flags & _DESCRIPTOR)
        size, compressed = self.size, self.compressed_size
        if IN_ZIP64 in {size, compressed} and not (later and not has_zip64_field(extra)):
            size, compressed = with_zip64(extra, (size, compressed))
        told = (self.crc, entry.crc), (size, entry.size), (compressed, entry.compressed_size)
        for here, there in told:
            if here != there and not (later and here in {0, IN_ZIP64}):
                raise _disagreement(entry)


def find_end(tail: bytes, size: int) -> EndRecord:
    """Return the end record of an archive.

    Args:
        tail: The last bytes of the object; 64 KiB and a little at least, or all of them.
        size: The size of the object.
    """
    at = _find_end_signature(tail)
    _, disk, first_disk, here, entries, length, offset, _ = _END.unpack_from(tail, at)
    locator_at = at - _LOCATOR.size
    if locator_at >= 0 and tail.startswith(_LOCATOR_SIGNATURE, locator_at):
        at, entries, length, offset = _end64(tail, locator_at, (entries, length, offset))
    elif IN_ZIP64 in {length, offset}:
        raise BadArchiveError("the archive's Zip64 end record is missing")
    elif disk or first_disk or here != entries:
        raise UnsupportedArchiveError("the archive has several volumes")
    start = size - len(tail) + at - length
    if start < offset or not _is_located(tail, at, size - len(tail), start - offset):
        raise BadArchiveError("the archive's directory is not where its end record says")
    return EndRecord(start, length, entries, prefix=start - offset)


def parse_directory(data: bytes, end: EndRecord) -> list[Entry]:
    """Return the entries of a central directory, which must fill the data to its last byte."""
    entries: list[Entry] = []
    at = 0
    for _ in range(end.entries):
        entry, at = _entry(data, at, end)
        entries.append(entry)
    if at != len(data):
        raise BadArchiveError("the archive's directory is longer than its entries")
    return entries


def _disagreement(entry: Entry) -> BadArchiveError:
    return BadArchiveError(f"the local header of {entry.name!r} disagrees with the directory")


def _find_end_signature(tail: bytes) -> int:
    """Return where the end record is: the one whose comment ends with the object.

    Two of them, one in the other's comment, would let two readers see two archives.
    """
    found = [at for at in _positions(tail, _END_SIGNATURE) if _ends_at(tail, at) == len(tail)]
    if not found:
        raise BadArchiveError("the object does not end like a zip archive")
    if len(found) > 1:
        raise BadArchiveError("the archive has two ends")
    return found[0]


def _positions(data: bytes, signature: bytes) -> Iterator[int]:
    at = data.find(signature, max(0, len(data) - _END.size - 0xFFFF))
    while at >= 0:
        yield at
        at = data.find(signature, at + 1)


def _ends_at(tail: bytes, at: int) -> int:
    if at + _END.size > len(tail):
        return -1
    *_, comment_size = _END.unpack_from(tail, at)
    return int(at + _END.size + comment_size)


def _is_located(tail: bytes, at: int, tail_start: int, prefix: int) -> bool:
    """Tell whether a Zip64 end record is where its locator says: another reader looks there."""
    if not tail.startswith(_END64_SIGNATURE, at):
        return True
    _, _, offset, _ = _LOCATOR.unpack_from(tail, at + _END64.size)
    return bool(offset + prefix == tail_start + at)


def _end64(tail: bytes, locator_at: int, short: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return position, entries, size and offset, of the Zip64 end record before its locator."""
    at = locator_at - _END64.size
    if at < 0 or not tail.startswith(_END64_SIGNATURE, at):
        raise BadArchiveError("the archive's Zip64 end record is not before its locator")
    _, rest, _, _, disk, first_disk, here, *long = _END64.unpack_from(tail, at)
    _, locator_disk, _, disks = _LOCATOR.unpack_from(tail, locator_at)
    if rest != _END64_REST or disk or first_disk or locator_disk or disks > 1 or here != long[0]:
        raise UnsupportedArchiveError("the archive has several volumes or an extensible end record")
    markers = (_IN_ZIP64_16, IN_ZIP64, IN_ZIP64)
    if any(s not in {n, m} for s, n, m in zip(short, long, markers, strict=True)):
        raise BadArchiveError("the archive's two end records disagree")
    entries, length, offset = long
    return at, entries, length, offset


def _entry(data: bytes, at: int, end: EndRecord) -> tuple[Entry, int]:
    name_at = at + _CENTRAL.size
    if name_at > len(data) or not data.startswith(_CENTRAL_SIGNATURE, at):
        raise BadArchiveError("the archive's directory has fewer entries than it says")
    fields = _CENTRAL.unpack_from(data, at)
    _, made_by, _, flags, method, _, _, crc, compressed, size = fields[:10]
    name_size, extra_size, comment_size, disk, _, attributes, offset = fields[10:]
    extra_at = name_at + name_size
    comment_at = extra_at + extra_size
    raw_name, extra = data[name_at:extra_at], data[extra_at:comment_at]
    if IN_ZIP64 in (size, compressed, offset):  # a set costs more
        size, compressed, offset = with_zip64(extra, (size, compressed, offset))
    if disk:
        raise UnsupportedArchiveError("the archive has several volumes")
    if raw_name.isascii() and not extra:
        name = raw_name.decode("ascii")
    else:
        name = decoded_name(raw_name, flags, made_by >> 8, extra)
    place, mode = offset + end.prefix, attributes >> 16
    entry = Entry(name, raw_name, flags, method, crc, compressed, size, place, mode)
    return entry, comment_at + comment_size
