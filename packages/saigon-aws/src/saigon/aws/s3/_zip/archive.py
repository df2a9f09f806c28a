"""An archive in S3: its directory by a suffix range, its members by one forward GET."""

from collections.abc import Generator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from saigon.aws.s3._descriptor import S3ObjectDescriptor, describe
from saigon.aws.s3._limits import UnzipLimits
from saigon.aws.s3._ranges import ByteRange
from saigon.aws.s3._stream import ObjectStream
from saigon.aws.s3._zip.checks import check_amounts, check_directory
from saigon.aws.s3._zip.members import ForwardReader, member_pieces
from saigon.aws.s3._zip.records import EndRecord, Entry, find_end, parse_directory
from saigon.aws.s3.exceptions import BadArchiveError, S3Error, UnzipError, UnzipLimitError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Archive", "located", "open_archive", "selected_entries", "unpacked_members"]

# Longer than the end record with the longest comment, and long enough for the directory of
# about 3,000 members, which then costs no request of its own.
_TAIL = 256 * 1024


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose whole directory was read and found safe."""

    client: "S3Client" = field(repr=False)
    descriptor: S3ObjectDescriptor
    etag: str
    entries: list[Entry]
    directory_start: int


@dataclass(frozen=True, slots=True)
class _Tail:
    data: bytes = field(repr=False)
    start: int
    etag: str


@contextmanager
def located(descriptor: S3ObjectDescriptor) -> Iterator[None]:
    """Put the name of the object before what is found wrong in it."""
    try:
        yield
    except UnzipError as error:
        error.args = (f"{describe(descriptor)}: {error}",)
        raise


def open_archive(
    client: "S3Client", descriptor: S3ObjectDescriptor, limits: UnzipLimits
) -> Archive:
    """Read and check the directory of an archive: one request, two where it is long."""
    tail = _read_tail(client, descriptor)
    with located(descriptor):
        end = find_end(tail.data, tail.start + len(tail.data))
        if end.entries > limits.members:
            raise UnzipLimitError(f"the archive has more than {limits.members} members")
        if end.directory_size > limits.directory_bytes:
            raise UnzipLimitError(f"the directory has more than {limits.directory_bytes} bytes")
        entries = parse_directory(_directory(client, descriptor, end, tail), end)
        check_directory(entries, end.directory_start, limits)
    return Archive(client, descriptor, tail.etag, entries, end.directory_start)


def selected_entries(
    archive: Archive, members: AbstractSet[str] | None, limits: UnzipLimits
) -> list[Entry]:
    """Return the entries to extract, in the order of their bytes, within the limits."""
    with located(archive.descriptor):
        wanted = archive.entries if members is None else _named(archive, members)
        check_amounts(wanted, limits)
    return sorted(wanted, key=lambda entry: entry.offset)


def unpacked_members(
    archive: Archive, files: Sequence[Entry]
) -> Generator[tuple[Entry, Iterator[bytes | memoryview]]]:
    """Yield files with their content, which must be read before the next is asked for.

    Args:
        archive: Where they are.
        files: Some of its entries that are no directories, in the order of their bytes.
    """
    if not files:
        return
    ends = _ends(archive)
    span = ByteRange(files[0].offset, ends[files[-1].offset] - 1)
    with ObjectStream(
        archive.client, archive.descriptor, byte_range=span, if_match=archive.etag
    ) as stream:
        reader = ForwardReader(stream)
        for entry in files:
            yield entry, member_pieces(reader, entry, ends[entry.offset])


def _read_tail(client: "S3Client", descriptor: S3ObjectDescriptor) -> _Tail:
    try:
        with ObjectStream(client, descriptor, byte_range=ByteRange.suffix(_TAIL)) as stream:
            return _Tail(_read_all(stream), stream.start, stream.etag)
    except S3Error as error:
        if error.code != "InvalidRange":  # the answer to any range of an empty object
            raise
    raise BadArchiveError(f"{describe(descriptor)}: the object is empty")


def _directory(
    client: "S3Client",
    descriptor: S3ObjectDescriptor,
    end: EndRecord,
    tail: _Tail,
) -> bytes:
    start = end.directory_start - tail.start
    if start >= 0:
        return tail.data[start : start + end.directory_size]
    span = ByteRange(end.directory_start, tail.start - 1)
    with ObjectStream(client, descriptor, byte_range=span, if_match=tail.etag) as stream:
        return (_read_all(stream) + tail.data)[: end.directory_size]


def _read_all(stream: ObjectStream) -> bytes:
    return b"".join(iter(stream.read, b""))


def _named(archive: Archive, names: AbstractSet[str]) -> list[Entry]:
    found = [entry for entry in archive.entries if entry.name in names]
    missing = names - {entry.name for entry in found}
    if missing:
        raise UnzipError(f"the archive has no members {sorted(missing)}")
    return found


def _ends(archive: Archive) -> dict[int, int]:
    """Return where each member's bytes end at the latest, by the place where they begin."""
    starts = sorted(entry.offset for entry in archive.entries)
    return dict(zip(starts, [*starts[1:], archive.directory_start], strict=True))
