"""The records of a zip archive, read from bytes; pure functions.

See https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from saigon.aws.s3.exceptions import BadArchiveError, UnsupportedArchiveError

__all__ = [
    "DEFLATED",
    "ENCRYPTED",
    "LOCAL_HEADER_SIZE",
    "STORED",
    "UTF8",
    "EndRecord",
    "Entry",
    "check_local_header",
    "find_end",
    "local_variable_size",
    "parse_directory",
]

STORED = 0
DEFLATED = 8
# General purpose bits: encrypted, strong encryption, masked local headers
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
UTF8 = 0x0800
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
_EXTRA_FIELD = struct.Struct("<2H")
_ZIP64_FIELD = 0x0001
# Info-ZIP's Unicode Path, APPNOTE 4.6.9: version, CRC of the name that it stands for, UTF-8 name
_UNICODE_PATH_FIELD = 0x7075
_UNICODE_PATH = struct.Struct("<BL")
_UNICODE_PATH_VERSION = 1
# Of "version made by": what these systems write without the UTF-8 flag is UTF-8 nevertheless.
_UNIX_HOSTS = {3, 19}
_IN_ZIP64_16 = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A member as the central directory describes it; its offset counts from the object's start."""

    name: str
    raw_name: bytes = field(repr=False)
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
    elif _IN_ZIP64 in {length, offset}:
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


def local_variable_size(header: bytes) -> int:
    """Return the size of what follows the fixed part of a local header: name and extra fields."""
    if not header.startswith(_LOCAL_SIGNATURE):
        raise BadArchiveError("a member's local header is not where the directory says")
    *_, name_size, extra_size = _LOCAL.unpack(header)
    return int(name_size + extra_size)


def check_local_header(header: bytes, variable: bytes, entry: Entry) -> None:
    """Refuse a local header that tells another story than the central directory."""
    _, _, flags, method, _, _, crc, compressed, size, name_size, _ = _LOCAL.unpack(header)
    raw_name, extra = variable[:name_size], variable[name_size:]
    told = (raw_name, method, flags & (ENCRYPTED | UTF8))
    if told != (entry.raw_name, entry.method, entry.flags & (ENCRYPTED | UTF8)):
        raise _disagreement(entry)
    if _unicode_path(extra, raw_name) not in {None, entry.name}:
        raise _disagreement(entry)
    later = bool(flags & _DESCRIPTOR)
    if _IN_ZIP64 in {size, compressed} and not (later and _only_field(extra, _ZIP64_FIELD) is None):
        size, compressed = _zip64(extra, (size, compressed))
    for here, there in ((crc, entry.crc), (size, entry.size), (compressed, entry.compressed_size)):
        if here != there and not (later and here in {0, _IN_ZIP64}):
            raise _disagreement(entry)


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
    markers = (_IN_ZIP64_16, _IN_ZIP64, _IN_ZIP64)
    if any(s not in {n, m} for s, n, m in zip(short, long, markers, strict=True)):
        raise BadArchiveError("the archive's two end records disagree")
    entries, length, offset = long
    return at, entries, length, offset


def _entry(data: bytes, at: int, end: EndRecord) -> tuple[Entry, int]:
    if at + _CENTRAL.size > len(data) or not data.startswith(_CENTRAL_SIGNATURE, at):
        raise BadArchiveError("the archive's directory has fewer entries than it says")
    fields = _CENTRAL.unpack_from(data, at)
    _, made_by, _, flags, method, _, _, crc, compressed, size = fields[:10]
    name_size, extra_size, comment_size, disk, _, attributes, offset = fields[10:]
    name_at = at + _CENTRAL.size
    raw_name, extra = _split(data, name_at, name_size, extra_size)
    sizes = (size, compressed, offset)
    if _IN_ZIP64 in sizes:
        size, compressed, offset = _zip64(extra, sizes)
    if disk:
        raise UnsupportedArchiveError("the archive has several volumes")
    entry = Entry(
        name=_decoded(raw_name, flags, made_by >> 8, extra),
        raw_name=raw_name,
        flags=flags,
        method=method,
        crc=crc,
        compressed_size=compressed,
        size=size,
        offset=offset + end.prefix,
        mode=attributes >> 16,
    )
    return entry, name_at + name_size + extra_size + comment_size


def _split(data: bytes, at: int, name_size: int, extra_size: int) -> tuple[bytes, bytes]:
    extra_at = at + name_size
    return data[at:extra_at], data[extra_at : extra_at + extra_size]


def _decoded(raw_name: bytes, flags: int, host: int, extra: bytes) -> str:
    path = _unicode_path(extra, raw_name)
    if flags & UTF8:
        name = _utf8(raw_name)
        if path not in {None, name}:
            raise BadArchiveError("a member has two names")
        return name
    if path is not None:
        return path
    if host in _UNIX_HOSTS:
        with suppress(UnicodeDecodeError):
            return raw_name.decode()
    return raw_name.decode("cp437")


def _unicode_path(extra: bytes, raw_name: bytes) -> str | None:
    """Return the name of the Unicode Path field, unless it belongs to a name that was changed."""
    found = _only_field(extra, _UNICODE_PATH_FIELD)
    if found is None:
        return None
    if len(found) < _UNICODE_PATH.size:
        raise BadArchiveError("a member's Unicode Path field is too short")
    version, crc = _UNICODE_PATH.unpack_from(found)
    if version != _UNICODE_PATH_VERSION or crc != zlib.crc32(raw_name):
        return None
    return _utf8(found[_UNICODE_PATH.size :])


def _utf8(raw_name: bytes) -> str:
    try:
        return raw_name.decode()
    except UnicodeDecodeError as error:
        raise BadArchiveError("a member's name is marked as UTF-8 and is not") from error


def _zip64(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return the values with those that did not fit into 32 bits, taken in their fixed order."""
    found = _only_field(extra, _ZIP64_FIELD)
    wanted = sum(value == _IN_ZIP64 for value in values)
    if found is None or len(found) < 8 * wanted:
        raise BadArchiveError("a member's size is said to be in a Zip64 field that is not there")
    numbers = iter(struct.unpack_from(f"<{wanted}Q", found))
    return tuple(next(numbers) if value == _IN_ZIP64 else value for value in values)


def _only_field(extra: bytes, wanted: int) -> bytes | None:
    found = [content for tag, content in _extra_fields(extra) if tag == wanted]
    if len(found) > 1:
        raise BadArchiveError(f"a member has two extra fields of kind {wanted:#06x}")
    return found[0] if found else None


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _EXTRA_FIELD.size <= len(extra):  # fewer bytes are alignment's padding
        tag, size = _EXTRA_FIELD.unpack_from(extra, at)
        at += _EXTRA_FIELD.size
        if at + size > len(extra):
            raise BadArchiveError("a member's extra field is longer than its header says")
        yield tag, extra[at : at + size]
        at += size
