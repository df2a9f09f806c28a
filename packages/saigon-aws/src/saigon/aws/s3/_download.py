"""An object as a file."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from saigon.aws.s3._descriptor import DescriptorArguments, S3ObjectDescriptor, describe, resolve
from saigon.aws.s3._file import S3File
from saigon.aws.s3._names import safe_file_name
from saigon.aws.s3._places import beside, new_temporary_directory, put_file, removed_on_error
from saigon.aws.s3._progress import Progress, ProgressMeter
from saigon.aws.s3._ranges import ByteRange
from saigon.aws.s3._stream import ObjectStream
from saigon.aws.s3.exceptions import S3ObjectTooLargeError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["s3_object_to_file"]

_SEPARATORS = ("/", os.sep)
_BOUNDS = 2


def s3_object_to_file(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    destination: Path | str | None = None,
    max_bytes: int | None = None,
    byte_range: tuple[int, int | None] | None = None,
    if_match: str | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    **descriptor: Unpack[DescriptorArguments],
) -> S3File:
    """Download an object into a file that appears whole or not at all.

    The bytes are checked by the object's checksum where S3 keeps one of the whole object that
    can be computed here, and by their number always; a broken connection is resumed on the same
    version. A directory as destination gets a file named like the key's last segment, made safe:
    no key leads out of it.
    See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    Args:
        client: An S3 client.
        source: The object as a descriptor or as ``s3://bucket/key``, instead of keywords.
        destination: A file, or a directory that exists; a new temporary directory where absent.
        max_bytes: The most bytes that are taken; there is no limit where absent.
        byte_range: The first and the last byte, both included; None as the last is the end.
        if_match: The entity tag that the object must have.
        progress: Called with the bytes done and in all, at most once per MiB and at the end;
            an exception from it cancels the download.
        overwrite: Whether a file at the destination is replaced.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Returns:
        The path of the file, which says too by what its bytes were verified.

    Raises:
        ValueError: An argument is wrong; no request was made.
        FileExistsError: The destination is there and ``overwrite`` is not set.
        S3ObjectNotFoundError: The object is not there.
        S3AccessDeniedError: It may not be read.
        S3ObjectChangedError: It is not, or no longer, the one expected.
        S3ObjectTooLargeError: It has more than ``max_bytes``.
        S3IntegrityError: The bytes that came are not the bytes that were stored.
        S3Error: Anything else went wrong in S3 or on the way to it.
    """
    found = resolve(source, descriptor)
    part = _checked_range(byte_range)
    if max_bytes is not None and not _is_whole(max_bytes):
        raise ValueError("expected max_bytes of 0 or more")
    with (
        _place(destination, found["Key"], overwrite=overwrite) as target,
        ObjectStream(client, found, byte_range=part, if_match=if_match) as stream,
    ):
        _check_size(stream, max_bytes, found)
        _store(stream, target, progress, overwrite=overwrite)
    return S3File.of(
        target, etag=stream.etag, version_id=stream.version_id, checksum=stream.checksum
    )


@contextmanager
def _place(destination: Path | str | None, key: str, *, overwrite: bool) -> Iterator[Path]:
    if destination is not None:
        yield _target(destination, key, overwrite=overwrite)
        return
    with new_temporary_directory() as directory:
        yield directory / safe_file_name(key)


def _store(
    stream: ObjectStream, target: Path, progress: Progress | None, *, overwrite: bool
) -> None:
    target = target.absolute()  # the working directory may change meanwhile
    with removed_on_error(beside(target)) as unfinished:
        _copy(stream, unfinished, ProgressMeter(progress, stream.size))
        put_file(unfinished, target, overwrite=overwrite)


def _copy(stream: ObjectStream, path: Path, meter: ProgressMeter) -> None:
    with path.open("xb", buffering=0) as file:
        while size := _copy_chunk(stream, file):
            meter.add(size)
    meter.finish()


def _copy_chunk(stream: ObjectStream, file: io.FileIO) -> int:
    # A function of its own: the chunk is free, and its memory hot, when the next one is read.
    chunk = memoryview(stream.read())
    written = file.write(chunk)
    while written < len(chunk):
        written += file.write(chunk[written:])
    return written


def _check_size(
    stream: ObjectStream, max_bytes: int | None, descriptor: S3ObjectDescriptor
) -> None:
    if max_bytes is not None and stream.size > max_bytes:
        text = f"{describe(descriptor)}: {stream.size} bytes are more than {max_bytes}"
        raise S3ObjectTooLargeError(text)


def _target(destination: Path | str, key: str, *, overwrite: bool) -> Path:
    place = Path(destination)
    target = place / safe_file_name(key) if place.is_dir() else place
    if target is place and str(destination).endswith(_SEPARATORS):
        raise FileNotFoundError(f"expected a directory at {target}")
    if target.is_dir():
        raise FileExistsError(f"{target} is a directory")
    if target.exists() and not target.is_file():
        raise FileExistsError(f"{target} is a device or a pipe, not a file")
    if not overwrite and (target.exists() or target.is_symlink()):
        raise FileExistsError(f"{target} exists; pass overwrite=True to replace it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"expected a directory at {target.parent}")
    return target


def _checked_range(byte_range: object) -> ByteRange | None:
    if byte_range is None:
        return None
    if isinstance(byte_range, tuple) and len(byte_range) == _BOUNDS:
        first, last = byte_range
        if _is_whole(first) and (last is None or (_is_whole(last) and last >= first)):
            return ByteRange(first, last)
    raise ValueError("expected a byte range of a first byte and a last one not before it")


def _is_whole(value: object) -> bool:
    return type(value) is int and value >= 0
