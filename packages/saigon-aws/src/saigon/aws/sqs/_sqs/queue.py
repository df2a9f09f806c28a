"""One queue, in the few requests that the forwarder makes of it."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from saigon.aws._clients import OncePerProcess
from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._message.received import ReceivedMessage, from_receive
from saigon.aws.sqs._sqs.client import SqsClient, client_for, is_denied, queue_errors
from saigon.aws.sqs._sqs.url import check_queue_url
from saigon.aws.sqs.exceptions import QueueError

_log = logging.getLogger(__name__)

_BATCH: Final = 10  # of SQS: the most messages in one request
_ATTRIBUTES: Final = 10  # of SQS: the most attributes of a message
_REASON: Final = "saigon.reason"
_REASON_LENGTH: Final = 256
_UNFIT: Final = re.compile(r"invalidparametervalue|invalidmessagecontents", re.IGNORECASE)
_PROMPT_SECONDS: Final = 5  # for an answer that SQS does not wait with

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """Calls a function with each item, as ``map`` does or an executor's ``map``."""

    def __call__(self, fn: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Return the results in the order of the items."""
        ...


@dataclass(slots=True)
class _Sorted:
    """What became of the entries of a batch request."""

    done: list[ReceivedMessage] = field(default_factory=list)
    again: list[ReceivedMessage] = field(default_factory=list)
    """Those that the same request may succeed for."""
    lost: list[ReceivedMessage] = field(default_factory=list)
    """Those whose handle holds nothing any more."""

    def add(self, other: "_Sorted") -> None:
        self.done += other.done
        self.again += other.again
        self.lost += other.lost


class SqsQueue:
    """A queue, behind a client that is handed in or made at the first request.

    Args:
        url: The queue's URL.
        client: A boto3 client of SQS, or what answers like one.
        wait_seconds: The longest wait of a receive, which its answer may take.
        connections: How many requests are made at once.
    """

    def __init__(
        self,
        url: str,
        client: SqsClient | None = None,
        *,
        wait_seconds: int = 20,
        connections: int = 10,
    ) -> None:
        self.url = check_queue_url(url)
        self.is_fifo = url.endswith(".fifo")
        make = partial(_client_maker, url, client, connections=connections)
        self._polling = make(read_timeout=wait_seconds + 10, attempts=4)
        # Another one, because a heartbeat can not wait for as long as a poll may take.
        self._prompt = make(read_timeout=_PROMPT_SECONDS, attempts=2)

    @property
    def name(self) -> str:
        """The queue's name, the last part of its URL."""
        return self.url.rsplit("/", 1)[-1]

    def receive(self, attempt_id: str | None = None, **options: Any) -> list[ReceivedMessage]:
        """Receive up to ten messages with all that a copy of them needs.

        Args:
            attempt_id: Given again after a failure, it makes a FIFO queue give the same messages
                again, instead of none of their groups until their visibility has ended.
            options: Arguments of ReceiveMessage.
        """
        request: dict[str, Any] = {
            "QueueUrl": self.url,
            "MaxNumberOfMessages": _BATCH,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["ApproximateReceiveCount", "MessageGroupId"],
        }
        if self.is_fifo:
            request["ReceiveRequestAttemptId"] = attempt_id or new_attempt_id()
        with queue_errors("ReceiveMessage"):
            answer = self._polling.get().receive_message(**(request | options))
            return [from_receive(raw) for raw in answer.get("Messages") or ()]

    def delete(
        self,
        messages: Sequence[ReceivedMessage],
        *,
        attempts: int,
        backoff: float,
        is_over: Callable[[], bool] = lambda: False,
        each: Each = map,
    ) -> list[ReceivedMessage]:
        """Delete deliveries, trying those again that failed; return the deleted ones.

        What can not be deleted is left to its redelivery. Errors that another attempt would
        meet again are raised.

        Args:
            messages: The deliveries.
            attempts: How often each is tried.
            backoff: The first pause in seconds before another attempt.
            is_over: Tells when none is tried again.
            each: Makes the requests, ten deliveries each: one by one, or several at once.
        """
        left, deleted = list(messages), []

        for attempt in range(attempts):
            if attempt:
                time.sleep(pause(backoff, attempt - 1))
            found = _together(each(self._delete, _chunks(left)))
            deleted += found.done
            left = found.again
            if not left:
                return deleted
            if is_over():
                break
        _log.warning("%s deletes failed and are left to redelivery: %s", len(left), _ids(left))
        return deleted

    def _delete(self, chunk: Sequence[ReceivedMessage]) -> _Sorted:
        try:
            with queue_errors("DeleteMessageBatch"):
                answer = self._prompt.get().delete_message_batch(
                    QueueUrl=self.url, Entries=_entries(chunk)
                )
        except QueueError as error:
            if not error.retryable:
                raise
            return _Sorted(again=list(chunk))
        return _sorted(chunk, answer)

    def hide(
        self, waits: Sequence[tuple[ReceivedMessage, int]], *, each: Each = map
    ) -> tuple[list[ReceivedMessage], list[ReceivedMessage]]:
        """Change how long deliveries stay hidden; return those it failed for: lost, and unknown.

        A failure is no error: the visibility that a message has ends by itself. The hold on a
        lost one has ended; for an unknown one the same request may succeed.

        Args:
            waits: The deliveries in their order, each with its seconds from now.
            each: Makes the requests, ten deliveries each.
        """
        found = _together(each(self._hide, _chunks(waits)))
        return found.lost, found.again

    def _hide(self, chunk: Sequence[tuple[ReceivedMessage, int]]) -> _Sorted:
        messages = [message for message, _ in chunk]
        entries = [
            entry | {"VisibilityTimeout": seconds}
            for entry, (_, seconds) in zip(_entries(messages), chunk, strict=True)
        ]
        try:
            with queue_errors("ChangeMessageVisibilityBatch"):
                answer = self._prompt.get().change_message_visibility_batch(
                    QueueUrl=self.url, Entries=entries
                )
        except QueueError as error:
            _log.warning("the visibility of %s was not changed: %s", _ids(messages), error.code)
            return _Sorted(again=messages)
        return _sorted(messages, answer)

    def copy_to(self, url: str, message: ReceivedMessage, reason: str) -> None:
        """Send a message as it is to another queue, with the reason where it fits.

        A FIFO queue gets the message's group, and its id as the deduplication id, so that a copy
        sent twice is one.
        """
        request: dict[str, Any] = {"QueueUrl": url, "MessageBody": message.body}
        if url.endswith(".fifo"):
            request["MessageGroupId"] = message.group_id or message.message_id
            request["MessageDeduplicationId"] = message.message_id
        try:
            self._send(request, _with_reason(message.attributes, reason))
        except QueueError as error:
            # The size that fits is the other queue's own, between 1 KiB and 1 MiB.
            if not _UNFIT.search(error.code):
                raise
            self._send(request, message.attributes)

    def _send(self, request: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        with queue_errors("SendMessage"):
            self._prompt.get().send_message(**request, MessageAttributes=dict(attributes))

    def has_redrive_policy(self) -> bool:
        """Tell whether SQS moves messages to a dead-letter queue; where that is denied, no."""
        try:
            with queue_errors("GetQueueAttributes"):
                answer = self._prompt.get().get_queue_attributes(
                    QueueUrl=self.url, AttributeNames=["RedrivePolicy"]
                )
        except QueueError as error:
            if is_denied(error):
                return False
            raise
        return bool(answer.get("Attributes", {}).get("RedrivePolicy"))


def new_attempt_id() -> str:
    """Return a new id for the attempts at one receive."""
    return uuid.uuid4().hex


def _client_maker(url: str, client: SqsClient | None, **options: Any) -> OncePerProcess[SqsClient]:
    """Return what gives the client: the one handed in, or one that is made when it is needed."""
    if client is not None:
        return OncePerProcess(lambda: client)
    return OncePerProcess(lambda: client_for(url, **options))


def _together(found: Iterable[_Sorted]) -> _Sorted:
    total = _Sorted()
    for one in found:
        total.add(one)
    return total


def _sorted(chunk: Sequence[ReceivedMessage], answer: Mapping[str, Any]) -> _Sorted:
    failed = {int(entry["Id"]): entry for entry in answer.get("Failed", ())}
    return _Sorted(
        done=[message for i, message in enumerate(chunk) if i not in failed],
        again=[chunk[i] for i, entry in failed.items() if not entry.get("SenderFault")],
        lost=[chunk[i] for i, entry in failed.items() if entry.get("SenderFault")],
    )


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _entries(messages: Sequence[ReceivedMessage]) -> list[dict[str, Any]]:
    # Positions, not message ids: those are not unique where one message came twice.
    return [
        {"Id": str(i), "ReceiptHandle": message.receipt_handle}
        for i, message in enumerate(messages)
    ]


def _with_reason(attributes: Mapping[str, Any], reason: str) -> Mapping[str, Any]:
    if not reason or len(attributes) >= _ATTRIBUTES:
        return attributes
    return {**attributes, _REASON: {"DataType": "String", "StringValue": reason[:_REASON_LENGTH]}}


def _ids(messages: Sequence[ReceivedMessage]) -> str:
    rest = ", …" if len(messages) > _BATCH else ""
    return ", ".join(message.message_id for message in messages[:_BATCH]) + rest
