"""What an archive must be like before a byte of it is extracted: refusal, not repair."""

import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

from saigon.aws.s3._limits import UnzipLimits
from saigon.aws.s3._names import is_portable_segment
from saigon.aws.s3._zip_format import DEFLATED, ENCRYPTED, LOCAL_HEADER_SIZE, STORED, Entry
from saigon.aws.s3.exceptions import (
    BadArchiveError,
    UnsafeMemberError,
    UnsupportedArchiveError,
    UnzipLimitError,
)

__all__ = ["check_amounts", "check_directory", "segments"]

_DRIVE = re.compile(r"[A-Za-z]:")
_PATCHED = 0x0020  # compressed patched data
_RATIO_FROM = 1024 * 1024
_SEGMENT_BYTES = 255  # of one name, on every file system in common use


def check_directory(entries: Sequence[Entry], end: int, limits: UnzipLimits) -> None:
    """Refuse a directory with any entry that is unsafe, unsupported or in another's way.

    Args:
        entries: All entries of the archive.
        end: Where the members' bytes end, which is where the directory starts.
        limits: How long and how deep a path may be.
    """
    for entry in entries:
        _check_supported(entry)
        _check_name(entry)
        _check_path(entry, limits)
        _check_kind(entry)
    _check_conflicts(entries)
    _check_overlaps(entries, end)


def check_amounts(entries: Iterable[Entry], limits: UnzipLimits) -> None:
    """Refuse members that come to more bytes than the limits allow."""
    total = packed = 0
    for entry in entries:
        if entry.size > limits.member_bytes:
            raise UnzipLimitError(f"{entry.name!r} has more than {limits.member_bytes} bytes")
        _check_ratio(repr(entry.name), entry.size, entry.compressed_size, limits)
        total += entry.size
        packed += entry.compressed_size
    if total > limits.total_bytes:
        raise UnzipLimitError(f"the members have more than {limits.total_bytes} bytes together")
    _check_ratio("the archive", total, packed, limits)


def segments(entry: Entry) -> list[str]:
    """Return the segments of a member's path."""
    return entry.name.removesuffix("/").split("/")


def _check_ratio(what: str, size: int, packed: int, limits: UnzipLimits) -> None:
    if size > _RATIO_FROM and size > packed * limits.ratio:
        raise UnzipLimitError(f"{what} inflates to more than {limits.ratio} times its size")


def _check_supported(entry: Entry) -> None:
    if entry.flags & ENCRYPTED:
        raise UnsupportedArchiveError(f"{entry.name!r} is encrypted")
    if entry.flags & _PATCHED or entry.method not in {STORED, DEFLATED}:
        text = f"{entry.name!r} is compressed by method {entry.method}; expected stored or deflated"
        raise UnsupportedArchiveError(text)
    if entry.method == STORED and entry.size != entry.compressed_size:
        raise BadArchiveError(f"{entry.name!r} is stored with two sizes")
    if entry.is_directory and entry.size:
        raise BadArchiveError(f"the directory {entry.name!r} has content")


def _check_name(entry: Entry) -> None:
    if entry.name.startswith("/") or _DRIVE.match(entry.name):
        raise UnsafeMemberError(f"the path {entry.name!r} is absolute")
    if not all(map(is_portable_segment, segments(entry))):
        raise UnsafeMemberError(f"the path {entry.name!r} is not one of plain names")


def _check_path(entry: Entry, limits: UnzipLimits) -> None:
    parts = segments(entry)
    if len(entry.name.encode()) > limits.path_bytes:
        raise UnzipLimitError(f"a member's path has more than {limits.path_bytes} bytes")
    if len(parts) > limits.depth:
        raise UnzipLimitError(f"a member's path has more than {limits.depth} segments")
    if any(len(part.encode()) > _SEGMENT_BYTES for part in parts):
        raise UnzipLimitError(f"a member's name has more than {_SEGMENT_BYTES} bytes")


def _check_kind(entry: Entry) -> None:
    """Refuse links and devices, which Unix writers put into the mode.

    A pipe is what the zip program calls content that it read from one.
    """
    kind = stat.S_IFMT(entry.mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO}:
        raise UnsafeMemberError(f"{entry.name!r} is a link or a device, not a file")
    if kind == stat.S_IFDIR and not entry.is_directory:
        raise UnsafeMemberError(f"{entry.name!r} is a directory by its mode and a file by its name")


def _check_conflicts(entries: Sequence[Entry]) -> None:
    """Refuse two members that one file system or another would put into one place."""
    places = [tuple(map(_folded, segments(entry))) for entry in entries]
    if len(set(places)) < len(places):
        raise UnsafeMemberError("two members have one path, or paths that differ by case alone")
    parents = {place[:depth] for place in places for depth in range(1, len(place))}
    for entry, place in zip(entries, places, strict=True):
        if place in parents and not entry.is_directory:
            raise UnsafeMemberError(f"{entry.name!r} is both a file and a directory")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_overlaps(entries: Sequence[Entry], end: int) -> None:
    """Refuse members that share bytes: a small archive would inflate without bound.

    See https://www.bamsoftware.com/hacks/zipbomb/
    """
    spans = sorted((entry.offset, _least_end(entry)) for entry in entries)
    if spans and spans[-1][1] > end:
        raise BadArchiveError("a member reaches into the archive's directory")
    if any(right[0] < left[1] for left, right in pairwise(spans)):
        raise BadArchiveError("two members overlap")


def _least_end(entry: Entry) -> int:
    return entry.offset + LOCAL_HEADER_SIZE + len(entry.raw_name) + entry.compressed_size
