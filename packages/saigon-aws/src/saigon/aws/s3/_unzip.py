"""An archive as files, as streams, as a list."""

import io
from collections.abc import Generator, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Unpack, cast

from saigon.aws.s3._descriptor import DescriptorArguments, S3ObjectDescriptor, resolve
from saigon.aws.s3._limits import DEFAULT_LIMITS, UnzipLimits
from saigon.aws.s3._places import (
    beside,
    check_directory_target,
    make_like,
    new_temporary_directory,
    put_directory,
    remove,
    removed_on_error,
)
from saigon.aws.s3._progress import Progress
from saigon.aws.s3._zip.archive import (
    located,
    open_archive,
    selected_entries,
    unpacked_members,
)
from saigon.aws.s3._zip.extraction import extract, paths_of
from saigon.aws.s3._zip.records import Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3.client import S3Client

__all__ = ["ZipMember", "s3_iter_unzip", "s3_object_unzip", "s3_unzip_list"]


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A member of an archive, as its directory describes it."""

    name: str
    """The path inside the archive; a directory's ends in a slash."""
    size: int
    """The bytes of the content."""
    compressed_size: int
    """The bytes that the content takes in the archive."""
    crc32: int
    """The CRC-32 of the content."""
    is_directory: bool
    """Whether it is a directory."""


def s3_object_unzip(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    destination: Path | str | None = None,
    members: Iterable[str] | None = None,
    limits: UnzipLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    overwrite: bool = False,
    **descriptor: Unpack[DescriptorArguments],
) -> list[Path]:
    """Extract a zip archive into a directory that appears whole or not at all.

    Two requests, and no archive on the disk: the archive's directory is read by a suffix range
    (a third request reads the start of a long one), everything in it is checked before the first
    byte is written, and the members are inflated out of one forward GET of the same version.
    Files get the process's default permissions; modes and times in the archive are not taken.

    Args:
        client: An S3 client.
        source: The archive as a descriptor or as ``s3://bucket/key``, instead of keywords.
        destination: A directory that is not there yet or is empty, in one that is there; a new
            temporary directory where absent, which is removed again if there are no files.
        members: The names of the members to extract; all of them where absent. What lies between
            the first and the last of them is read, too.
        limits: The most that is extracted.
        progress: Called with the bytes written and in all, at most once per MiB and at the end;
            an exception from it cancels the extraction.
        overwrite: Whether a destination with content is replaced as a whole.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Returns:
        The files at all depths, sorted.

    Raises:
        ValueError: An argument is wrong; no request was made.
        FileExistsError: The destination has content and ``overwrite`` is not set, or it is a file,
            a mount point or the working directory.
        FileNotFoundError: The directory that it would stand in is not there.
        UnsafeMemberError: A member would not become a plain file inside the destination.
        UnzipLimitError: The archive holds more than the limits allow.
        BadArchiveError: It is not a whole and consistent zip archive.
        UnsupportedArchiveError: It is encrypted or compressed by an unknown method.
        UnzipError: It has not all of the members that were asked for.
        S3ObjectChangedError: It was replaced between the two requests.
        S3Error: As in s3_object_to_file.
    """
    found = resolve(source, descriptor)
    names = _checked_members(members)
    _check_limits(limits)
    with _directory_for(destination, overwrite=overwrite) as (unfinished, target):
        archive = open_archive(client, found, limits)
        entries = selected_entries(archive, names, limits)
        files = extract(archive, entries, unfinished, progress)
        put_directory(unfinished, target, overwrite=overwrite)
    if destination is None and not files:
        remove(target)  # nobody could find it
    return paths_of(files, target if destination is None else Path(destination))


def s3_iter_unzip(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    members: Iterable[str] | None = None,
    limits: UnzipLimits = DEFAULT_LIMITS,
    **descriptor: Unpack[DescriptorArguments],
) -> Generator[tuple[ZipMember, BinaryIO]]:
    """Yield the files of a zip archive as streams, without touching the disk.

    A stream is good until the next member is asked for; what of it was not read is then skipped.
    Its size and CRC are verified before its last bytes are given. The order is that of the
    bytes in the archive.

    Args:
        client: An S3 client.
        source: The archive as a descriptor or as ``s3://bucket/key``, instead of keywords.
        members: The names of the members to read; all of them where absent.
        limits: The most that is read.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Raises:
        ValueError: An argument is wrong; no request was made.
        S3Error: As in s3_object_unzip, also while a stream is read.
    """
    found = resolve(source, descriptor)
    names = _checked_members(members)
    _check_limits(limits)
    return _streams(client, found, names, limits)


def s3_unzip_list(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    limits: UnzipLimits = DEFAULT_LIMITS,
    **descriptor: Unpack[DescriptorArguments],
) -> list[ZipMember]:
    """Return the members of a zip archive in the order of its directory, in one or two requests.

    The directory is checked as for an extraction, but for the amounts of bytes.

    Args:
        client: An S3 client.
        source: The archive as a descriptor or as ``s3://bucket/key``, instead of keywords.
        limits: The most entries, and the longest paths, that the archive may have.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Raises:
        ValueError: An argument is wrong; no request was made.
        S3Error: As in s3_object_unzip.
    """
    found = resolve(source, descriptor)
    _check_limits(limits)
    archive = open_archive(client, found, limits)
    return [_member(entry) for entry in archive.entries]


def _streams(
    client: "S3Client",
    descriptor: S3ObjectDescriptor,
    names: AbstractSet[str] | None,
    limits: UnzipLimits,
) -> Generator[tuple[ZipMember, BinaryIO]]:
    archive = open_archive(client, descriptor, limits)
    entries = selected_entries(archive, names, limits)
    files = [entry for entry in entries if not entry.is_directory]
    with located(descriptor), closing(unpacked_members(archive, files)) as unpacked:
        for entry, pieces in unpacked:
            with io.BufferedReader(_PiecesIO(_located(pieces, descriptor))) as stream:
                yield _member(entry), cast("BinaryIO", stream)


def _located(
    pieces: Iterator[bytes | memoryview], descriptor: S3ObjectDescriptor
) -> Iterator[bytes | memoryview]:
    with located(descriptor):
        yield from pieces


@contextmanager
def _directory_for(
    destination: Path | str | None, *, overwrite: bool
) -> Iterator[tuple[Path, Path]]:
    """Give a new directory to fill, and the place that it takes then."""
    if destination is None:
        with new_temporary_directory() as directory:
            yield directory, directory
        return
    target = Path(destination).resolve()
    check_directory_target(target, overwrite=overwrite)
    with removed_on_error(beside(target)) as unfinished:
        make_like(unfinished, target)
        yield unfinished, target


class _PiecesIO(io.RawIOBase):
    """Pieces of bytes as a raw stream."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._rest:
            piece = self._next()
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        view = memoryview(buffer)
        count = min(len(view), len(self._rest))
        view[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def _next(self) -> bytes | memoryview | None:
        if self._error is not None:
            raise self._error  # who reads on must not take it for the end
        try:
            return next(self._pieces, None)
        except BaseException as error:
            self._error = error
            raise


def _member(entry: Entry) -> ZipMember:
    return ZipMember(
        name=entry.name,
        size=entry.size,
        compressed_size=entry.compressed_size,
        crc32=entry.crc,
        is_directory=entry.is_directory,
    )


def _checked_members(members: object) -> AbstractSet[str] | None:
    if members is None:
        return None
    if isinstance(members, Iterable) and not isinstance(members, str | bytes):
        names = set(members)
        if all(isinstance(name, str) for name in names):
            return names
    raise ValueError("expected the names of members, as a collection of texts")


def _check_limits(limits: object) -> None:
    if not isinstance(limits, UnzipLimits):
        raise ValueError(f"expected UnzipLimits, got {type(limits).__name__}")  # noqa: TRY004  # every wrong argument is a ValueError
