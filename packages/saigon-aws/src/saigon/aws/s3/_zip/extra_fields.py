"""Names and extra fields of a zip archive's headers, read from bytes; pure functions.

See https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.4.4, 4.5.3 and 4.6.9.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

from saigon.aws.s3.exceptions import BadArchiveError

__all__ = ["IN_ZIP64", "UTF8", "decoded_name", "has_zip64_field", "unicode_path", "with_zip64"]

UTF8 = 0x0800  # of the general purpose bits
IN_ZIP64 = 0xFFFFFFFF

_EXTRA_FIELD = struct.Struct("<2H")
_ZIP64_FIELD = 0x0001
# Info-ZIP's Unicode Path: version, CRC of the name that it stands for, name in UTF-8
_UNICODE_PATH_FIELD = 0x7075
_UNICODE_PATH = struct.Struct("<BL")
_UNICODE_PATH_VERSION = 1
# Of "version made by": what these systems write without the UTF-8 flag is UTF-8 nevertheless.
_UNIX_HOSTS = {3, 19}


def decoded_name(raw_name: bytes, flags: int, host: int, extra: bytes) -> str:
    """Return a member's name, which is in one of four places and encodings.

    Args:
        raw_name: Its bytes.
        flags: The general purpose bits.
        host: The system that made the archive, of ``version made by``.
        extra: The extra fields.
    """
    path = unicode_path(extra, raw_name)
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


def unicode_path(extra: bytes, raw_name: bytes) -> str | None:
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


def with_zip64(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """Return the values with those that did not fit into 32 bits, taken in their fixed order."""
    found = _only_field(extra, _ZIP64_FIELD)
    wanted = sum(value == IN_ZIP64 for value in values)
    if found is None or len(found) < 8 * wanted:
        raise BadArchiveError("a member's size is said to be in a Zip64 field that is not there")
    numbers = iter(struct.unpack_from(f"<{wanted}Q", found))
    return tuple(next(numbers) if value == IN_ZIP64 else value for value in values)


def has_zip64_field(extra: bytes) -> bool:
    """Tell whether there is one."""
    return _only_field(extra, _ZIP64_FIELD) is not None


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
