"""The bytes of one object, forward only, taken up again where a connection broke."""

import binascii
import io
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from saigon.aws.s3._descriptor import S3ObjectDescriptor, describe
from saigon.aws.s3._errors import answer_of
from saigon.aws.s3._ranges import ByteRange, Place
from saigon.aws.s3.exceptions import S3Error, S3IntegrityError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["ObjectStream"]

_logger = logging.getLogger(__name__)

_CHUNK = 1024 * 1024
_MAX_BREAKS = 5  # in a row, without one byte in between


class ObjectStream:
    """A GET of an object or of a range of it.

    The object's checksum is verified where S3 has one of the whole object that can be computed
    here, and the length always. A broken connection is resumed with ``Range`` and ``If-Match``,
    so that the bytes are never a mixture of two versions.

    Attributes:
        size: The bytes that this stream gives.
        object_size: The bytes of the whole object.
        start: Where in the object this stream begins.
        etag: The entity tag of the object.
        version_id: The object's version, where its bucket keeps versions.
        checksum: The algorithm that the bytes are checked by, or None for length alone.
    """

    size: int
    object_size: int
    start: int
    etag: str
    version_id: str | None
    checksum: str | None

    def __init__(
        self,
        client: "S3Client",
        descriptor: S3ObjectDescriptor,
        *,
        byte_range: ByteRange | None = None,
        if_match: str | None = None,
    ) -> None:
        """Send the request.

        Args:
            client: Whom to ask.
            descriptor: The object.
            byte_range: The part of it; an answer with another part is refused.
            if_match: The entity tag that the object must have.

        Raises:
            S3Error: As its children say.
        """
        self._client = client
        self._descriptor = descriptor
        self._where = describe(descriptor)
        response = self._get(byte_range, if_match)
        self._body: Any = response["Body"]
        self.etag = response.get("ETag", "")
        self.version_id = response.get("VersionId")
        place = self._placed(response, byte_range)
        self.start, self.size, self.object_size = place.start, place.size, place.object_size
        self._done = 0
        self._breaks = 0
        self._checker = _Checker.of(self._body, response)
        self.checksum = None if self._checker is None else self._checker.algorithm

    def read(self) -> bytes:
        """Return the next bytes, at most 1 MiB of them; none only at the verified end.

        Raises:
            S3IntegrityError: The end is reached and the bytes are not those that were stored.
            S3Error: The connection broke and could not be taken up again.
        """
        from botocore.exceptions import (
            FlexibleChecksumError,
            IncompleteReadError,
            ReadTimeoutError,
            ResponseStreamingError,
        )
        from urllib3.exceptions import HTTPError

        broken = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, HTTPError)
        while True:
            try:
                chunk: bytes = self._body.read(_CHUNK)
            except (FlexibleChecksumError, binascii.Error) as error:
                raise self._corrupt() from error
            except broken as error:
                self._resume(error)
                continue
            return self._account(chunk)

    def close(self) -> None:
        """Give the connection up."""
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _get(self, byte_range: ByteRange | None, if_match: str | None) -> Any:
        arguments: dict[str, Any] = dict(self._descriptor)
        if byte_range is None:
            arguments["ChecksumMode"] = "ENABLED"
        else:  # S3's checksum is one of the whole object, so it says nothing about a range
            arguments["Range"] = byte_range.header
        if if_match is not None:
            arguments["IfMatch"] = if_match
        return answer_of(self._where, self._client.get_object, **arguments)

    def _placed(self, response: Any, byte_range: ByteRange | None) -> Place:
        size = response.get("ContentLength")
        place = None if size is None else Place.of_answer(response.get("ContentRange"), size)
        wanted = ByteRange(0, None) if byte_range is None else byte_range
        if place is None or not wanted.is_given_by(place):
            self.close()
            raise S3IntegrityError(f"{self._where}: other bytes came than were asked for")
        return place

    def _account(self, chunk: bytes) -> bytes:
        self._done += len(chunk)
        self._breaks = 0
        if self._checker is not None and self._checker.is_ours:
            self._checker.update(chunk)
        if not chunk:
            self._verify()
        return chunk

    def _verify(self) -> None:
        if self._done != self.size:
            raise self._corrupt()
        if self._checker is not None and self._checker.is_ours and not self._checker.matches():
            raise self._corrupt()

    def _corrupt(self) -> S3IntegrityError:
        text = f"{self._where}: {self._done} of {self.size} bytes came, or not those stored"
        return S3IntegrityError(f"{text}; download it again")

    def _resume(self, error: Exception) -> None:
        self._body.close()
        self._breaks += 1
        if self._breaks > _MAX_BREAKS:
            raise S3Error(f"the connection for {self._where} broke too often") from error
        if self._checker is not None:
            self._checker.is_ours = True
        if self._done == self.size:
            self._body = io.BytesIO()  # nothing is left to ask for
            return
        _logger.info("Resuming %s at byte %s of %s", self._where, self._done, self.size)
        rest = ByteRange(self.start + self._done, self.start + self.size - 1)
        response = self._get(rest, self.etag)
        self._body = response["Body"]
        place = self._placed(response, rest)
        if (place.object_size, response.get("ETag", "")) != (self.object_size, self.etag):
            raise self._corrupt()


class _Checker:
    """The running checksum of the first response, kept over its successors.

    botocore checks the response that it makes; once the connection broke, that check can no
    longer end, and the same running checksum is fed with the bytes of the responses after it.
    """

    def __init__(self, algorithm: str, running: Any, expected: str) -> None:
        self.algorithm = algorithm
        self.is_ours = False
        self._running = running
        self._expected = expected

    @classmethod
    def of(cls, body: Any, response: Any) -> "_Checker | None":
        # Older releases of botocore have no public property for it.
        running = getattr(body, "_checksum", None)
        algorithm = _algorithm(response)
        if running is None or algorithm is None:
            return None
        return cls(algorithm, running, response[f"Checksum{algorithm}"])

    def update(self, chunk: bytes) -> None:
        self._running.update(chunk)

    def matches(self) -> bool:
        return bool(self._running.b64digest() == self._expected)


def _algorithm(response: Any) -> str | None:
    fields = [name for name in response if name.startswith("Checksum") and name != "ChecksumType"]
    return fields[0].removeprefix("Checksum") if len(fields) == 1 else None
