"""Objects as files for the length of a block."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from saigon.aws.s3._descriptor import DescriptorArguments, S3ObjectDescriptor, resolve
from saigon.aws.s3._download import s3_object_to_file
from saigon.aws.s3._file import S3File
from saigon.aws.s3._limits import DEFAULT_LIMITS, UnzipLimits
from saigon.aws.s3._places import new_temporary_directory, remove
from saigon.aws.s3._progress import Progress
from saigon.aws.s3._unzip import s3_object_unzip

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["s3_temporary_file", "s3_temporary_unzip"]


@contextmanager
def s3_temporary_file(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    max_bytes: int | None = None,
    if_match: str | None = None,
    progress: Progress | None = None,
    **descriptor: Unpack[DescriptorArguments],
) -> Iterator[S3File]:
    """Give an object as a file that is gone after the block.

    Args:
        client: An S3 client.
        source: The object as a descriptor or as ``s3://bucket/key``, instead of keywords.
        max_bytes: The most bytes that are taken; there is no limit where absent.
        if_match: The entity tag that the object must have.
        progress: As in s3_object_to_file.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Raises:
        ValueError: An argument is wrong; no request was made.
        S3Error: As in s3_object_to_file.
    """
    found = resolve(source, descriptor)
    with _temporary_directory() as directory:
        yield s3_object_to_file(
            client,
            found,
            destination=directory,
            max_bytes=max_bytes,
            if_match=if_match,
            progress=progress,
        )


@contextmanager
def s3_temporary_unzip(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    members: Iterable[str] | None = None,
    limits: UnzipLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    **descriptor: Unpack[DescriptorArguments],
) -> Iterator[list[Path]]:
    """Give a zip archive's files, sorted, in a directory that is gone after the block.

    Args:
        client: An S3 client.
        source: The archive as a descriptor or as ``s3://bucket/key``, instead of keywords.
        members: The names of the members to extract; all of them where absent.
        limits: The most that is extracted.
        progress: As in s3_object_unzip.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Raises:
        ValueError: An argument is wrong; no request was made.
        S3Error: As in s3_object_unzip.
    """
    found = resolve(source, descriptor)
    with _temporary_directory() as directory:
        yield s3_object_unzip(
            client,
            found,
            destination=directory / "files",
            members=members,
            limits=limits,
            progress=progress,
        )


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    with new_temporary_directory() as directory:
        yield directory
        remove(directory)
