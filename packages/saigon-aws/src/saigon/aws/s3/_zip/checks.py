"""What an archive must be like before a byte of it is extracted: refusal, not repair."""

import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

from saigon.aws.s3._limits import UnzipLimits
from saigon.aws.s3._names import WINDOWS, is_portable_segment
from saigon.aws.s3._zip.records import DEFLATED, ENCRYPTED, LOCAL_HEADER_SIZE, STORED, Entry
from saigon.aws.s3.exceptions import (
    BadArchiveError,
    UnsafeMemberError,
    UnsupportedArchiveError,
    UnzipLimitError,
)

__all__ = ["check_amounts", "check_directory", "segments"]

_DRIVE = re.compile(r"[A-Za-z]:")
# Segments of ASCII that begin with a letter, a digit or an underscore, and are not too long.
_ORDINARY = re.compile(
    r"(?:\w[\w .,;=+@~()\[\]{}#&!'-]{0,200}/)*\w[\w .,;=+@~()\[\]{}#&!'-]{0,200}/?", re.ASCII
)
_KINDS = {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO}
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
        if not _is_ordinary(entry.name, limits):
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
        if _is_over_ratio(entry.size, entry.compressed_size, limits):
            raise _ratio_error(repr(entry.name), limits)
        total += entry.size
        packed += entry.compressed_size
    if total > limits.total_bytes:
        raise UnzipLimitError(f"the members have more than {limits.total_bytes} bytes together")
    if _is_over_ratio(total, packed, limits):
        raise _ratio_error("the archive", limits)


def segments(entry: Entry) -> list[str]:
    """Return the segments of a member's path."""
    return entry.name.removesuffix("/").split("/")


def _is_over_ratio(size: int, packed: int, limits: UnzipLimits) -> bool:
    return size > _RATIO_FROM and size > packed * limits.ratio


def _ratio_error(what: str, limits: UnzipLimits) -> UnzipLimitError:
    return UnzipLimitError(f"{what} inflates to more than {limits.ratio} times its size")


def _is_ordinary(name: str, limits: UnzipLimits) -> bool:
    """Tell in one look what is true of most names: it is within the limits, and of plain names."""
    return (
        not WINDOWS
        and len(name) <= limits.path_bytes
        and name.count("/") < limits.depth
        and _ORDINARY.fullmatch(name) is not None
    )


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
    if kind not in _KINDS:
        raise UnsafeMemberError(f"{entry.name!r} is a link or a device, not a file")
    if kind == stat.S_IFDIR and not entry.is_directory:
        raise UnsafeMemberError(f"{entry.name!r} is a directory by its mode and a file by its name")


def _check_conflicts(entries: Sequence[Entry]) -> None:
    """Refuse two members that one file system or another would put into one place."""
    places = [_folded(entry.name.removesuffix("/")) for entry in entries]
    if len(set(places)) < len(places):
        raise UnsafeMemberError("two members have one path, or paths that differ by case alone")
    parents = _parents(places)
    for entry, place in zip(entries, places, strict=True):
        if place in parents and not entry.is_directory:
            raise UnsafeMemberError(f"{entry.name!r} is both a file and a directory")


def _parents(places: Iterable[str]) -> set[str]:
    parents: set[str] = set()
    for place in places:
        parent = place.rpartition("/")[0]
        while parent and parent not in parents:
            parents.add(parent)
            parent = parent.rpartition("/")[0]
    return parents


def _folded(path: str) -> str:
    """Return what is the same for two paths that some file system takes for one."""
    if path.isascii():
        return path.lower()
    return "/".join(map(_folded_segment, path.split("/")))


def _folded_segment(name: str) -> str:
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
