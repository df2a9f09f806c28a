"""Bytes, files and streams as an object."""

import logging
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from saigon.aws.s3._content import Content, Source, opened_content
from saigon.aws.s3._descriptor import DescriptorArguments, S3ObjectDescriptor, describe, resolve
from saigon.aws.s3._errors import answer_of
from saigon.aws.s3._headers import check_header, checked_metadata
from saigon.aws.s3._progress import Progress
from saigon.aws.s3.exceptions import S3Error, S3ObjectTooLargeError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["s3_write_bytes"]

_logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_PART = 8 * 1024 * 1024
_MAX_PARTS = 10_000

Checksum = Literal["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
_CHECKSUMS = get_args(Checksum)


def s3_write_bytes(
    client: "S3Client",
    bucket: str,
    key: str,
    target_bytes: Source,
    content_type: str = "application/octet-stream",
    *,
    if_none_match: Literal["*"] | None = None,
    checksum: Checksum = "CRC32",
    metadata: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> S3ObjectDescriptor:
    """Write an object: in one request up to 8 MiB, in parts above, few of them in memory.

    An upload that ends by any exception is aborted, so that S3 keeps no parts of it; where that
    fails too, a warning is logged.
    See https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html

    Args:
        client: An S3 client.
        bucket: Where to.
        key: The object's key.
        target_bytes: The content: bytes, a path, or a binary file or stream, read from where it
            stands to its end; the caller's object stays open.
        content_type: The media type that S3 answers with.
        if_none_match: ``"*"`` writes only where no object is.
        checksum: The algorithm that S3 checks and keeps; CRC32C and CRC64NVME need botocore[crt].
        metadata: The object's own metadata, in ASCII.
        progress: Called with the bytes done and in all after each part; bytes in all are those
            read so far where a stream does not tell. An exception from it cancels an upload in
            parts; one in a single request is done by then.

    Returns:
        The descriptor of what was written, with its version where the bucket keeps versions.

    Raises:
        ValueError: An argument is wrong; no request was made.
        S3ObjectChangedError: An object is there and ``if_none_match`` was given; the text says
            where it may be this call's own, because the answer to an attempt was lost.
        S3ObjectTooLargeError: A stream of unknown length has more than 10,000 parts.
        S3AccessDeniedError: It may not be written.
        S3Error: Anything else went wrong in S3 or on the way to it.
    """
    found = resolve(None, DescriptorArguments(Bucket=bucket, Key=key))
    check_header("content_type", content_type)
    if checksum not in _CHECKSUMS:
        raise ValueError(f"expected a checksum of {', '.join(_CHECKSUMS)}, got {checksum!r}")
    if if_none_match not in {None, "*"}:
        raise ValueError("expected if_none_match to be '*' or nothing")
    headers: dict[str, Any] = {
        "ContentType": content_type,
        "Metadata": checked_metadata(metadata or {}),
    }
    condition = {} if if_none_match is None else {"IfNoneMatch": if_none_match}
    with opened_content(target_bytes) as content:
        upload = _Upload(
            client=client,
            descriptor=found,
            headers=headers,
            condition=condition,
            checksum=checksum,
            content=content,
            progress=progress,
        )
        return upload.run()


@dataclass(slots=True, kw_only=True)
class _Upload:
    client: Any  # is called with dictionaries of arguments
    descriptor: S3ObjectDescriptor
    headers: dict[str, Any]
    condition: Mapping[str, str]
    checksum: Checksum
    content: Content
    progress: Progress | None
    done: int = 0
    crc: int = 0

    def run(self) -> S3ObjectDescriptor:
        part_size = max(_PART, -(-(self.content.size or 0) // _MAX_PARTS))
        parts = self._parts(part_size)
        first = next(parts)
        second = next(parts, None) if len(first) == part_size else None
        if second is None:
            return _written(self.descriptor, self._put(first))
        ahead = [second, first]
        del first, second  # so that each part is free when it was sent
        return _written(self.descriptor, self._put_parts(_drained(ahead, parts)))

    def _parts(self, size: int) -> Iterator[bytes]:
        """Yield the content in parts, one at least."""
        yield self.content.read(size)
        while part := self.content.read(size):
            yield part
            del part

    def _put(self, body: bytes) -> Any:
        response = self._ask(
            self.client.put_object,
            **self.descriptor,
            **self.headers,
            **self.condition,
            Body=body,
            ChecksumAlgorithm=self.checksum,
        )
        self._account(body)
        return response

    def _put_parts(self, parts: Iterator[bytes]) -> Any:
        created = self._ask(
            self.client.create_multipart_upload,
            **self.descriptor,
            **self.headers,
            ChecksumAlgorithm=self.checksum,
            ChecksumType="COMPOSITE" if self.checksum.startswith("SHA") else "FULL_OBJECT",
        )
        target: dict[str, Any] = {**self.descriptor, "UploadId": self._told(created, "UploadId")}
        try:
            return self._complete(target, self._sent(target, parts))
        except BaseException:
            self._abort(target)
            raise

    def _sent(self, target: dict[str, Any], parts: Iterator[bytes]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        # A loop with a name for the part would hold it while the next one is read.
        while (tags := self._put_next(target, len(sent) + 1, parts)) is not None:
            sent.append(tags)
        return sent

    def _put_next(
        self, target: dict[str, Any], number: int, parts: Iterator[bytes]
    ) -> dict[str, Any] | None:
        part = next(parts, None)
        return None if part is None else self._put_part(target, number, part)

    def _put_part(self, target: dict[str, Any], number: int, part: bytes) -> dict[str, Any]:
        if number > _MAX_PARTS:
            text = f"the stream for {describe(self.descriptor)} has more than {_MAX_PARTS} parts"
            raise S3ObjectTooLargeError(text)
        response = self._ask(
            self.client.upload_part,
            **target,
            PartNumber=number,
            Body=part,
            ChecksumAlgorithm=self.checksum,
        )
        self._account(part)
        field_name = f"Checksum{self.checksum}"
        tags = {"PartNumber": number, "ETag": self._told(response, "ETag")}
        return tags | {name: value for name, value in response.items() if name == field_name}

    def _complete(self, target: dict[str, Any], parts: list[dict[str, Any]]) -> Any:
        whole: dict[str, Any] = {}
        if self.checksum == "CRC32":
            encoded = b64encode(self.crc.to_bytes(4, "big")).decode()
            whole = {"ChecksumCRC32": encoded, "ChecksumType": "FULL_OBJECT"}
        response = self._ask(
            self.client.complete_multipart_upload,
            **target,
            **self.condition,
            **whole,
            MultipartUpload={"Parts": parts},
        )
        self._told(response, "ETag")  # without it, nobody has said that the object is there
        return response

    def _abort(self, target: dict[str, Any]) -> None:
        try:
            self._ask(self.client.abort_multipart_upload, **target)
        except S3Error as error:
            _logger.warning("The parts of an upload stay: %s", error)

    def _ask(self, ask: Callable[..., Any], **given: Any) -> Any:
        return answer_of(describe(self.descriptor), ask, **given)

    def _told(self, response: Mapping[str, Any], name: str) -> str:
        found = response.get(name)
        if not found:
            raise S3Error(f"S3's answer for {describe(self.descriptor)} has no {name}")
        return str(found)

    def _account(self, sent: bytes) -> None:
        self.crc = zlib.crc32(sent, self.crc)
        self.done += len(sent)
        if self.progress is not None:
            self.progress(self.done, max(self.done, self.content.size or 0))


def _drained(ahead: list[bytes], parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what was read ahead, last in first out, and then the rest; hold none of it."""
    while ahead:
        yield ahead.pop()
    yield from parts


def _written(descriptor: S3ObjectDescriptor, response: Any) -> S3ObjectDescriptor:
    version = response.get("VersionId")
    return descriptor if version is None else {**descriptor, "VersionId": version}
