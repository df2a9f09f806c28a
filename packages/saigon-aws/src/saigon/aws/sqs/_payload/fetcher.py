"""Read payloads from S3, several at once and none larger than allowed."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from saigon.aws._clients import OncePerProcess
from saigon.aws.sqs._payload.pointers import PayloadPointer
from saigon.aws.sqs._payload.verdict import verdict_on_s3
from saigon.aws.sqs._sqs.until import EachUntil
from saigon.aws.sqs.exceptions import ForwarderError, MessageRejectedError
from saigon.aws.sqs.payloads import S3Payloads

_CHUNK: Final = 1024 * 1024
# What botocore and its providers of credentials raise besides their own.
_OTHERS: Final = (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


class PayloadFetcher:
    """Reads what pointers point to, from the places that are allowed."""

    def __init__(self, payloads: S3Payloads) -> None:
        self._payloads = payloads
        self._made = OncePerProcess(self._make_client)

    def fetch_all(
        self, pointers: Sequence[PayloadPointer], deadline: float
    ) -> Iterator[bytes | MessageRejectedError | None]:
        """Yield the payloads in the order of their pointers, or why a message is bad.

        No more than ``concurrency`` of them are read before the first of those is used.

        Args:
            pointers: Where they are.
            deadline: The monotonic time after which nothing is waited for: then there is None.

        Raises:
            PayloadUnavailableError: S3 can not give them now.
            PayloadRefusedError: S3 does not permit them to be read.
        """
        threads = self._payloads.concurrency
        each = EachUntil(deadline, threads)
        for start in range(0, len(pointers), threads):
            some = range(start, min(start + threads, len(pointers)))
            fetched = dict(each(lambda i: (i, self._fetch(pointers[i])), some))
            yield from map(fetched.get, some)

    def _fetch(self, pointer: PayloadPointer) -> bytes | MessageRejectedError:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
        from urllib3.exceptions import HTTPError

        try:
            self._check_place(pointer)
            return self._download(pointer)
        except MessageRejectedError as error:
            return error
        except (BotoCoreError, ClientError, HTTPError, ResponseParserError, *_OTHERS) as error:
            failure = verdict_on_s3(error, pointer.bucket)
        return _bad_or_raised(failure)

    def _check_place(self, pointer: PayloadPointer) -> None:
        from saigon.aws.s3._descriptor import check_key, check_no_dot_segments

        if pointer.bucket not in self._payloads.buckets:
            raise MessageRejectedError("the large payload is in a bucket that is not allowed")
        try:
            key = check_key(pointer.key)
            check_no_dot_segments(key)
        except ValueError:
            key = None
        if key is None or not key.startswith(self._payloads.prefix):
            raise MessageRejectedError("the large payload has a key that is not allowed")
        if pointer.size is not None:
            self._check_size(pointer.size, pointer)

    def _download(self, pointer: PayloadPointer) -> bytes:
        given = self._payloads.s3_client
        client = self._made.get() if given is None else given
        answer = client.get_object(Bucket=pointer.bucket, Key=pointer.key)
        with closing(answer["Body"]) as body:
            self._check_size(answer["ContentLength"], pointer)
            payload = _read(body, self._payloads.max_bytes + 1)
        self._check_size(len(payload), pointer)
        return payload

    def _check_size(self, size: int, pointer: PayloadPointer) -> None:
        if size > self._payloads.max_bytes:
            raise MessageRejectedError(
                f"the large payload has {size} bytes, more than {self._payloads.max_bytes}"
            )
        if pointer.size is not None and size != pointer.size:
            raise MessageRejectedError(
                f"the large payload has {size} bytes, the message says {pointer.size}"
            )

    def _make_client(self) -> Any:
        from botocore.config import Config

        from saigon.aws.s3 import s3_get_client

        return s3_get_client(
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                max_pool_connections=self._payloads.concurrency,
                retries={"mode": "standard", "max_attempts": 4},
            )
        )


def _bad_or_raised(failure: ForwarderError) -> MessageRejectedError:
    # Outside of the handler: S3 repeats a token that it refuses in its answer, which a caught
    # error holds.
    if isinstance(failure, MessageRejectedError):
        return failure
    raise failure


def _read(body: Any, limit: int) -> bytes:
    payload = bytearray()
    while chunk := body.read(min(_CHUNK, limit - len(payload))):
        payload += chunk
    return bytes(payload)
