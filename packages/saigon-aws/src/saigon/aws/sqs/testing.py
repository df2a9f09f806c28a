"""A strict queue on this machine, for tests of what happens when things go wrong.

It answers boto3's requests for one queue or more on 127.0.0.1, and is stricter than SQS where SQS
is only allowed to be: a receive count and a new receipt handle for each receive, handles that
hold nothing once the message was received again, visibility by a clock that tests move, groups of
a FIFO queue that stay closed while one of their messages is in flight, and a redrive policy.
"""

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["LocalSqs", "StoredMessage", "StrictQueue"]

_BATCH: Final = 10
_RETRYABLE_STATUS: Final = 500


@dataclass(slots=True)
class StoredMessage:
    """A message in a queue, with what the queue knows of it."""

    message_id: str
    body: str = field(repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    group_id: str | None = None
    deduplication_id: str | None = None
    receive_count: int = 0
    visible_at: float = 0.0
    handles: set[str] = field(default_factory=set, repr=False)
    """The handles in force; earlier ones delete and hide nothing any more."""


class _RefusedError(Exception):
    """A request that is answered with an error code of AWS."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class StrictQueue:
    """One queue of a ``LocalSqs``, to fill and to look at.

    Attributes:
        url: What clients address it by.
        calls: The requests that came, by operation, in their order.
        refuse: Error codes by operation: each request takes one, and fails with it.
        fail_deletes: How many of the next entries of deletes fail, one by one.
        deliver_twice: Whether a receive gives each message twice, with two handles in force.
    """

    def __init__(
        self,
        name: str,
        url: str,
        clock: Callable[[], float],
        dead_letter: "StrictQueue | None",
        max_receive_count: int,
    ) -> None:
        self.name: str = name
        self.url: str = url
        self.calls: list[str] = []
        self.refuse: dict[str, list[str]] = {}
        self.fail_deletes: int = 0
        self.deliver_twice: bool = False
        self.dead_letter: StrictQueue | None = dead_letter
        self._clock = clock
        self._max_receive_count = max_receive_count
        self._messages: dict[str, StoredMessage] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of groups."""
        return self.name.endswith(".fifo")

    @property
    def arn(self) -> str:
        """Its resource name, as events carry it."""
        return f"arn:aws:sqs:us-east-1:123456789012:{self.name}"

    @property
    def messages(self) -> list[StoredMessage]:
        """What is in it, in flight or not, in the order of arrival."""
        with self._lock:
            return list(self._messages.values())

    def put(
        self,
        body: str,
        *,
        group_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Put a message into the queue; return its id."""
        with self._lock:
            known = self._deduplicated(deduplication_id)
            if known is not None:
                return known.message_id
            message_id = f"{self.name}-{next(self._numbers)}"
            self._messages[message_id] = StoredMessage(
                message_id, body, attributes or {}, group_id, deduplication_id
            )
            return message_id

    def receive(self, count: int, visibility: float) -> list[dict[str, Any]]:
        """Receive as ReceiveMessage does, at once."""
        with self._lock:
            self._redrive()
            ready = [message for message in self._messages.values() if self._is_ready(message)]
            chosen = ready[:count]
            found = [self._delivered(message, visibility) for message in chosen]
            if self.deliver_twice:
                found += [self._answer(message) for message in chosen]
            return found

    def lambda_event(self, count: int = _BATCH, visibility: float = 30) -> dict[str, Any]:
        """Receive as an event source mapping does; return the event of its function."""
        return {"Records": [self._record(raw) for raw in self.receive(count, visibility)]}

    def _record(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": raw["MessageId"],
            "receiptHandle": raw["ReceiptHandle"],
            "body": raw["Body"],
            "attributes": raw["Attributes"],
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": "us-east-1",
        }

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request of the JSON protocol."""
        with self._lock:
            self.calls.append(operation)
            codes = self.refuse.get(operation)
            if codes:
                code = codes.pop(0)
                is_transient = code in {"InternalError", "ServiceUnavailable"}
                raise _RefusedError(code, _RETRYABLE_STATUS if is_transient else 400)
        handlers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "ReceiveMessage": self._receive_message,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibilityBatch": self._hide_batch,
            "SendMessage": self._send,
            "GetQueueAttributes": self._attributes,
        }
        if operation not in handlers:
            raise _RefusedError("UnsupportedOperation")
        return handlers[operation](request)

    def _receive_message(self, request: Mapping[str, Any]) -> dict[str, Any]:
        count = request.get("MaxNumberOfMessages", 1)
        if not 1 <= count <= _BATCH:
            raise _RefusedError("InvalidParameterValue")
        until = time.monotonic() + request.get("WaitTimeSeconds", 0)
        while True:
            found = self.receive(count, request.get("VisibilityTimeout", 30))
            if found or time.monotonic() >= until:
                return {"Messages": found} if found else {}
            time.sleep(0.01)

    def _delete_batch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._each(request, self._delete)

    def _hide_batch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._each(request, self._hide)

    def _each(
        self, request: Mapping[str, Any], act: Callable[[Mapping[str, Any]], None]
    ) -> dict[str, Any]:
        entries = request["Entries"]
        if not entries:
            raise _RefusedError("AWS.SimpleQueueService.EmptyBatchRequest")
        if len(entries) > _BATCH:
            raise _RefusedError("AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise _RefusedError("AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
        successful, failed = [], []
        for entry in entries:
            try:
                with self._lock:
                    act(entry)
            except _RefusedError as error:
                failed.append(_failure(entry["Id"], error))
            else:
                successful.append({"Id": entry["Id"]})
        return {"Successful": successful, "Failed": failed}

    def _delete(self, entry: Mapping[str, Any]) -> None:
        if self.fail_deletes > 0:
            self.fail_deletes -= 1
            raise _RefusedError("InternalError", _RETRYABLE_STATUS)
        message = self._holder(entry["ReceiptHandle"])
        # SQS calls it a success when an old handle has deleted nothing.
        if message is not None and entry["ReceiptHandle"] in message.handles:
            del self._messages[message.message_id]

    def _hide(self, entry: Mapping[str, Any]) -> None:
        message = self._holder(entry["ReceiptHandle"])
        if message is None or entry["ReceiptHandle"] not in message.handles:
            raise _RefusedError("InvalidParameterValue")
        if message.visible_at <= self._clock():
            raise _RefusedError("AWS.SimpleQueueService.MessageNotInflight")
        message.visible_at = self._clock() + entry["VisibilityTimeout"]

    def _send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self.is_fifo and not request.get("MessageGroupId"):
            raise _RefusedError("MissingParameter")
        message_id = self.put(
            request["MessageBody"],
            group_id=request.get("MessageGroupId"),
            attributes=request.get("MessageAttributes"),
            deduplication_id=request.get("MessageDeduplicationId"),
        )
        return {"MessageId": message_id, "MD5OfMessageBody": _md5(request["MessageBody"])}

    def _attributes(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        if self.dead_letter is None or not self._max_receive_count:
            return {}
        policy = {
            "deadLetterTargetArn": self.dead_letter.arn,
            "maxReceiveCount": self._max_receive_count,
        }
        return {"Attributes": {"RedrivePolicy": json.dumps(policy)}}

    def _deduplicated(self, deduplication_id: str | None) -> StoredMessage | None:
        if deduplication_id is None:
            return None
        same = (m for m in self._messages.values() if m.deduplication_id == deduplication_id)
        return next(same, None)

    def _is_ready(self, message: StoredMessage) -> bool:
        now = self._clock()
        if message.visible_at > now:
            return False
        return not self.is_fifo or not any(
            other.visible_at > now and other.group_id == message.group_id
            for other in self._messages.values()
        )

    def _redrive(self) -> None:
        if self.dead_letter is None or not self._max_receive_count:
            return
        for message in self.messages:
            is_over = message.receive_count >= self._max_receive_count
            if is_over and message.visible_at <= self._clock():
                del self._messages[message.message_id]
                self.dead_letter.put(
                    message.body, group_id=message.group_id, attributes=message.attributes
                )

    def _delivered(self, message: StoredMessage, visibility: float) -> dict[str, Any]:
        message.handles.clear()
        message.receive_count += 1
        message.visible_at = self._clock() + visibility
        return self._answer(message)

    def _answer(self, message: StoredMessage) -> dict[str, Any]:
        handle = f"{message.message_id}#{next(self._numbers)}"
        message.handles.add(handle)
        system = {"ApproximateReceiveCount": str(message.receive_count)}
        if message.group_id is not None:
            system["MessageGroupId"] = message.group_id
        return {
            "MessageId": message.message_id,
            "ReceiptHandle": handle,
            "Body": message.body,
            "MD5OfBody": _md5(message.body),
            "Attributes": system,
            "MessageAttributes": dict(message.attributes),
        }

    def _holder(self, handle: str) -> StoredMessage | None:
        message_id, mark, _ = handle.partition("#")
        if not mark:
            raise _RefusedError("ReceiptHandleIsInvalid")
        return self._messages.get(message_id)


class LocalSqs:
    """A server of strict queues on 127.0.0.1, at a free port; a context manager.

    Visibility goes by ``now``, which only ``advance`` moves: nothing becomes visible by itself.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._client: Any = None
        self._queues: dict[str, StrictQueue] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def now(self) -> float:
        """The queues' time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass for the queues."""
        self._now += seconds

    def create_queue(
        self,
        name: str | None = None,
        *,
        fifo: bool = False,
        dead_letter: StrictQueue | None = None,
        max_receive_count: int = 0,
    ) -> StrictQueue:
        """Make a queue; with a count it has a redrive policy to the dead-letter queue.

        Without a name it gets one that no other queue here has. ``fifo`` ends it in ``.fifo``.
        """
        name = (name or f"queue-{len(self._queues) + 1}") + (".fifo" if fifo else "")
        url = f"{self.endpoint_url}/123456789012/{name}"
        queue = StrictQueue(name, url, lambda: self._now, dead_letter, max_receive_count)
        self._queues[url] = queue
        return queue

    def client(self) -> Any:
        """Return a boto3 client that asks this server, without retries of its own."""
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        return Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106  # a word that opens nothing
            region_name="us-east-1",
        ).client(
            "sqs",
            endpoint_url=self.endpoint_url,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        queue = self._queues.get(request.get("QueueUrl", ""))
        if queue is None:
            raise _RefusedError("AWS.SimpleQueueService.NonExistentQueue")
        return queue.answer(operation, request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet per answer, which no delayed acknowledgement holds up

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                try:
                    self._reply(200, answer(operation, request))
                except _RefusedError as error:
                    fault = {"__type": f"com.amazonaws.sqs#{error.code}", "message": error.code}
                    self._reply(error.status, fault)

            def _reply(self, status: int, value: Mapping[str, Any]) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's names
                """Keep quiet."""

        return Handler


def _failure(entry_id: str, error: _RefusedError) -> dict[str, Any]:
    is_theirs = error.status < _RETRYABLE_STATUS
    return {"Id": entry_id, "Code": error.code, "SenderFault": is_theirs, "Message": error.code}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
