"""The requests of SQS's JSON protocol, answered from a queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from saigon.aws.sqs._testing.errors import PREFIX, RefusedError, invalid_value
from saigon.aws.sqs._testing.message import StoredMessage, md5_of, on_the_wire, sequence_number

if TYPE_CHECKING:
    from saigon.aws.sqs._testing.queue import StrictQueue

_BATCH: Final = 10
_LONGEST_VISIBILITY: Final = 43_200
_LONGEST_WAIT: Final = 20
_MAX_BYTES: Final = 1_048_576
_NOT_ALLOWED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")

Request = Mapping[str, Any]
Answer = dict[str, Any]


class _Poll(Protocol):
    def __call__(
        self, count: int, visibility: float | None, attempt_id: str | None, wait_seconds: float, /
    ) -> list[dict[str, Any]]: ...


class Operations:
    """The protocol of one queue."""

    def __init__(
        self,
        queue: "StrictQueue",
        poll: _Poll,
        delete: Callable[[str], None],
        hide: Callable[[str, float], None],
    ) -> None:
        self._queue = queue
        self._poll = poll
        self._delete = delete
        self._hide = hide
        self._handlers: dict[str, Callable[[Request], Answer]] = {
            "ChangeMessageVisibility": self._change_one,
            "ChangeMessageVisibilityBatch": lambda request: _each(request, self._change_one),
            "DeleteMessage": self._delete_one,
            "DeleteMessageBatch": lambda request: _each(request, self._delete_one),
            "GetQueueAttributes": self._attributes,
            "ReceiveMessage": self._receive,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
        }

    def answer(self, operation: str, request: Request) -> Answer:
        """Obey a request.

        Raises:
            RefusedError: SQS would refuse it too.
        """
        handler = self._handlers.get(operation)
        if handler is None:
            raise RefusedError(f"{PREFIX}UnsupportedOperation")
        return handler(request)

    def _receive(self, request: Request) -> Answer:
        attempt_id = request.get("ReceiveRequestAttemptId")
        if attempt_id is not None and not self._queue.is_fifo:
            raise invalid_value()
        received = self._poll(
            _within(request.get("MaxNumberOfMessages", 1), 1, _BATCH),
            _within(request.get("VisibilityTimeout"), 0, _LONGEST_VISIBILITY),
            attempt_id,
            _within(request.get("WaitTimeSeconds", 0), 0, _LONGEST_WAIT),
        )
        system = {
            *request.get("AttributeNames", ()),
            *request.get("MessageSystemAttributeNames", ()),
        }
        names = request.get("MessageAttributeNames", ())
        messages = [_as_asked(raw, system, names) for raw in received]
        return {"Messages": messages} if messages else {}

    def _delete_one(self, request: Request) -> Answer:
        self._delete(request["ReceiptHandle"])
        return {}

    def _change_one(self, request: Request) -> Answer:
        seconds = _within(request["VisibilityTimeout"], 0, _LONGEST_VISIBILITY)
        self._hide(request["ReceiptHandle"], seconds)
        return {}

    def _send_batch(self, request: Request) -> Answer:
        if sum(_size(entry) for entry in request["Entries"]) > _MAX_BYTES:
            raise RefusedError(f"{PREFIX}BatchRequestTooLong")
        return _each(request, self._send)

    def _send(self, request: Request) -> Answer:
        sent = self._queue.accept(self._checked(request))
        answer = {"MessageId": sent.message_id, "MD5OfMessageBody": md5_of(request["MessageBody"])}
        if self._queue.is_fifo:
            answer["SequenceNumber"] = sequence_number(sent)
        return answer

    def _checked(self, request: Request) -> StoredMessage:
        body = request["MessageBody"]
        if not body or _size(request) > _MAX_BYTES:
            raise invalid_value()
        if _NOT_ALLOWED.search(body):
            raise RefusedError("InvalidMessageContents")
        return StoredMessage(
            "",
            body,
            on_the_wire(request.get("MessageAttributes")),
            self._group_id(request),
            self._deduplication_id(request),
        )

    def _group_id(self, request: Request) -> str | None:
        group_id: str | None = request.get("MessageGroupId")
        if self._queue.is_fifo and not group_id:
            raise RefusedError("MissingParameter")
        return group_id

    def _deduplication_id(self, request: Request) -> str | None:
        given: str | None = request.get("MessageDeduplicationId")
        if not self._queue.is_fifo:
            if given is not None:
                raise invalid_value()
            return None
        if given is None and self._queue.content_based_deduplication:
            return md5_of(request["MessageBody"])
        if given is None:
            raise invalid_value()
        return given

    def _attributes(self, request: Request) -> Answer:
        messages = self._queue.messages
        hidden = sum(map(self._queue.is_in_flight, messages))
        known = {
            "ApproximateNumberOfMessages": str(len(messages) - hidden),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
            "FifoQueue": "true" if self._queue.is_fifo else None,
            "QueueArn": self._queue.arn,
            "RedrivePolicy": self._queue.redrive_policy,
            "VisibilityTimeout": f"{self._queue.visibility_timeout:.0f}",
        }
        asked = request.get("AttributeNames", ())
        if not {"All", *known}.issuperset(asked):
            raise RefusedError("InvalidAttributeName")
        found = {
            name: value
            for name, value in known.items()
            if value is not None and ("All" in asked or name in asked)
        }
        return {"Attributes": found} if found else {}


def _each(request: Request, act: Callable[[Request], Answer]) -> Answer:
    entries = request["Entries"]
    if not entries:
        raise RefusedError(f"{PREFIX}EmptyBatchRequest")
    if len(entries) > _BATCH:
        raise RefusedError(f"{PREFIX}TooManyEntriesInBatchRequest")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise RefusedError(f"{PREFIX}BatchEntryIdsNotDistinct")
    if not all(_ENTRY_ID.fullmatch(entry["Id"]) for entry in entries):
        raise RefusedError(f"{PREFIX}InvalidBatchEntryId")
    successful, failed = [], []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **act(entry)})
        except RefusedError as error:
            failed.append(
                {
                    "Id": entry["Id"],
                    "Code": error.code,
                    "SenderFault": error.fault == "Sender",
                    "Message": error.code,
                }
            )
    return {"Successful": successful, "Failed": failed}


def _as_asked(raw: Mapping[str, Any], system: Iterable[str], names: Iterable[str]) -> Answer:
    """Return a delivery with those attributes only that were asked for."""
    answer = dict(raw)
    answer["Attributes"] = {
        name: value for name, value in raw["Attributes"].items() if {"All", name} & set(system)
    }
    answer["MessageAttributes"] = {
        name: value
        for name, value in raw["MessageAttributes"].items()
        if any(_is_named(name, pattern) for pattern in names)
    }
    return {name: value for name, value in answer.items() if value != {}}


def _is_named(name: str, pattern: str) -> bool:
    if pattern in {"All", ".*", name}:
        return True
    return pattern.endswith(".*") and name.startswith(pattern.removesuffix("*"))


def _within(value: Any, low: int, high: int) -> Any:
    if value is not None and not low <= value <= high:
        raise invalid_value()
    return value


def _size(request: Request) -> int:
    attributes = request.get("MessageAttributes", {})
    return len(request["MessageBody"].encode(errors="surrogatepass")) + sum(
        len(name) + sum(map(len, value.values())) for name, value in attributes.items()
    )
