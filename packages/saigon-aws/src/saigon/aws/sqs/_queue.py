"""The few requests of SQS that the forwarder makes, with errors turned into its own."""

import logging
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from saigon.aws._clients import make_client
from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._messages import ReceivedMessage, from_receive
from saigon.aws.sqs.exceptions import QueueError

_log = logging.getLogger(__name__)

_BATCH: Final = 10  # of SQS: the most messages in one request
_ATTRIBUTES: Final = 10  # of SQS: the most attributes of a message
_REASON: Final = "saigon.reason"
_REASON_LENGTH: Final = 256
_MAX_BYTES: Final = 262_144  # of SQS queues whose limit was not raised
_REGION: Final = re.compile(r"(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d)\.")
_AWS_HOST: Final = re.compile(r"\.amazonaws\.com(?:\.cn)?$|\.api\.aws$")
_DENIED: Final = re.compile(r"denied|unauthorized|not ?authorized|kms\.", re.IGNORECASE)
_FATAL: Final = re.compile(
    r"denied|nonexistentqueue|queuedoesnotexist|invalidaddress|invalidclienttoken|unrecognizedclient"
    r"|signaturedoesnotmatch|missingauthentication|invalidparameter|validation|unsupported"
    r"|kms\.(?:disabled|notfound|invalidstate|optinrequired)",
    re.IGNORECASE,
)


class SqsQueue:
    """One queue, behind a boto3 client that is made at the first request if none was given."""

    def __init__(self, url: str, client: Any = None, *, wait_seconds: int = 20) -> None:
        self.url = url
        self.is_fifo = url.endswith(".fifo")
        self._client = client
        self._wait_seconds = wait_seconds

    @property
    def name(self) -> str:
        """The queue's name, the last part of its URL."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def client(self) -> Any:
        """The client, made now if it has to be."""
        if self._client is None:
            self._client = _client_for(self.url, self._wait_seconds)
        return self._client

    def receive(self, **options: Any) -> list[ReceivedMessage]:
        """Receive up to ten messages with all that a copy of them needs."""
        request: dict[str, Any] = {
            "QueueUrl": self.url,
            "MaxNumberOfMessages": _BATCH,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["ApproximateReceiveCount", "MessageGroupId"],
        }
        if self.is_fifo:
            request["ReceiveRequestAttemptId"] = uuid.uuid4().hex
        with _queue_errors("ReceiveMessage"):
            answer = self.client.receive_message(**(request | options))
        return [from_receive(raw) for raw in answer.get("Messages", ())]

    def delete(
        self, messages: Sequence[ReceivedMessage], *, attempts: int, backoff: float
    ) -> list[ReceivedMessage]:
        """Delete deliveries, trying those again that failed; return the deleted ones.

        What can not be deleted is left to its redelivery. Errors that another attempt would
        meet again are raised.
        """
        left, deleted = list(messages), []
        for attempt in range(attempts):
            if attempt:
                time.sleep(pause(backoff, attempt - 1))
            done, left = self._delete_once(left)
            deleted += done
            if not left:
                return deleted
        _log.warning("%s deletes failed and are left to redelivery: %s", len(left), _ids(left))
        return deleted

    def _delete_once(
        self, messages: Sequence[ReceivedMessage]
    ) -> tuple[list[ReceivedMessage], list[ReceivedMessage]]:
        """Return the deleted deliveries, and those worth another attempt."""
        deleted: list[ReceivedMessage] = []
        again: list[ReceivedMessage] = []
        for chunk in _chunks(messages):
            entries = _entries(chunk)
            try:
                with _queue_errors("DeleteMessageBatch"):
                    answer = self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)
            except QueueError as error:
                if not error.retryable:
                    raise
                again += chunk
                continue
            failed = {int(entry["Id"]): entry for entry in answer.get("Failed", ())}
            deleted += [message for i, message in enumerate(chunk) if i not in failed]
            again += [chunk[i] for i, entry in failed.items() if not entry.get("SenderFault")]
        return deleted, again

    def hide(self, messages: Sequence[ReceivedMessage], seconds: int) -> list[ReceivedMessage]:
        """Change the visibility of deliveries in their order; return those that it failed for.

        A failure is no error: the visibility that the message has ends by itself.
        """
        failed: list[ReceivedMessage] = []
        for chunk in _chunks(messages):
            entries = [entry | {"VisibilityTimeout": seconds} for entry in _entries(chunk)]
            try:
                with _queue_errors("ChangeMessageVisibilityBatch"):
                    answer = self.client.change_message_visibility_batch(
                        QueueUrl=self.url, Entries=entries
                    )
            except QueueError as error:
                _log.warning("the visibility of %s was not changed: %s", _ids(chunk), error.code)
                continue
            failed += [chunk[int(entry["Id"])] for entry in answer.get("Failed", ())]
        return failed

    def copy_to(self, url: str, message: ReceivedMessage, reason: str) -> None:
        """Send a message as it is to another queue, with the reason where it fits.

        A FIFO queue gets the message's group, and its id as the deduplication id, so that a copy
        sent twice is one.
        """
        request: dict[str, Any] = {
            "QueueUrl": url,
            "MessageBody": message.body,
            "MessageAttributes": _with_reason(message, reason),
        }
        if url.endswith(".fifo"):
            request["MessageGroupId"] = message.group_id or message.message_id
            request["MessageDeduplicationId"] = message.message_id
        with _queue_errors("SendMessage"):
            self.client.send_message(**request)

    def has_redrive_policy(self) -> bool | None:
        """Tell whether SQS moves messages to a dead-letter queue; None where asking is denied."""
        try:
            with _queue_errors("GetQueueAttributes"):
                answer = self.client.get_queue_attributes(
                    QueueUrl=self.url, AttributeNames=["RedrivePolicy"]
                )
        except QueueError as error:
            if _DENIED.search(error.code):
                return None
            raise
        return bool(answer.get("Attributes", {}).get("RedrivePolicy"))


@contextmanager
def _queue_errors(operation: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        message = f"{operation} was refused: {code}"
        raise QueueError(message, code=code, retryable=not _FATAL.search(code)) from error
    except NoCredentialsError as error:
        message = f"{operation} needs AWS credentials and found none"
        raise QueueError(message, code="NoCredentials", retryable=False) from error
    except BotoCoreError as error:
        code = type(error).__name__
        raise QueueError(f"{operation} failed: {code}", code=code, retryable=True) from error


def _client_for(url: str, wait_seconds: int) -> Any:
    from botocore.config import Config

    parts = urlsplit(url)
    host = parts.hostname or ""
    region = _REGION.search(host)
    return make_client(
        "sqs",
        region_name=region[1] if region else None,
        endpoint_url=None if _AWS_HOST.search(host) else f"{parts.scheme}://{parts.netloc}",
        config=Config(
            read_timeout=wait_seconds + 10,
            connect_timeout=5,
            parameter_validation=False,
            retries={"mode": "standard", "max_attempts": 4},
        ),
    )


def _chunks(messages: Sequence[ReceivedMessage]) -> Iterator[Sequence[ReceivedMessage]]:
    for start in range(0, len(messages), _BATCH):
        yield messages[start : start + _BATCH]


def _entries(messages: Sequence[ReceivedMessage]) -> list[dict[str, Any]]:
    # Positions, not message ids: those are not unique where one message came twice.
    return [
        {"Id": str(i), "ReceiptHandle": message.receipt_handle}
        for i, message in enumerate(messages)
    ]


def _with_reason(message: ReceivedMessage, reason: str) -> dict[str, Any]:
    attributes = dict(message.attributes)
    added = {"DataType": "String", "StringValue": reason[:_REASON_LENGTH]}
    size = _length(message.body) + _size(attributes) + _size({_REASON: added})
    if reason and len(attributes) < _ATTRIBUTES and size <= _MAX_BYTES:
        attributes.setdefault(_REASON, added)
    return attributes


def _size(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(
        _length(name)
        + len(value["DataType"])
        + _length(value.get("StringValue", ""))
        + len(value.get("BinaryValue", b""))
        for name, value in attributes.items()
    )


def _length(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))  # a text without encoding is SQS's to refuse


def _ids(messages: Iterable[ReceivedMessage]) -> str:
    return ", ".join(message.message_id for message in messages)
