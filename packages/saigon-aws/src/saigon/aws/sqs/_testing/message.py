"""A message in a queue, as the queue keeps it, and as SQS and Lambda spell it."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["StoredMessage"]


@dataclass(slots=True, eq=False)
class StoredMessage:
    """A message in a queue, with what the queue knows of it."""

    message_id: str
    body: str = field(repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its attributes as the JSON protocol has them, binary values in base64."""
    group_id: str | None = None
    deduplication_id: str | None = None
    receive_count: int = 0
    visible_at: float = 0.0
    handles: set[str] = field(default_factory=set, repr=False)
    """The handles in force; earlier ones delete and hide nothing any more."""
    number: int = 0
    """Its place in the order of arrival."""
    sent_at: float = 0.0
    first_received_at: float | None = None
    last_received_at: float = 0.0
    source_arn: str | None = None
    """Of a dead letter, the queue that it was moved from."""


def as_received(
    message: StoredMessage,
    handle: str,
    *,
    is_fifo: bool,
    timestamp: Callable[[float], int],
) -> dict[str, Any]:
    """Return a delivery as ReceiveMessage answers it, with all of its attributes."""
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": handle,
        "Body": message.body,
        "MD5OfBody": md5_of(message.body),
        "Attributes": _system_attributes(message, is_fifo=is_fifo, timestamp=timestamp),
        "MessageAttributes": dict(message.attributes),
    }


def _system_attributes(
    message: StoredMessage, *, is_fifo: bool, timestamp: Callable[[float], int]
) -> dict[str, str]:
    values = {
        "ApproximateReceiveCount": message.receive_count,
        "SentTimestamp": timestamp(message.sent_at),
        "SenderId": "AIDALOCALSQSSENDERAAA",
        "ApproximateFirstReceiveTimestamp": timestamp(message.first_received_at or 0.0),
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "SequenceNumber": sequence_number(message) if is_fifo else None,
        "DeadLetterQueueSourceArn": message.source_arn,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def as_lambda_record(raw: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """Return a delivery as the event of a Lambda function has it.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {
        "messageId": raw["MessageId"],
        "receiptHandle": raw["ReceiptHandle"],
        "body": raw["Body"],
        "attributes": raw["Attributes"],
        "messageAttributes": {
            name: _lambda_attribute(value) for name, value in raw["MessageAttributes"].items()
        },
        "md5OfBody": raw["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _lambda_attribute(value: Mapping[str, str]) -> dict[str, Any]:
    names = {"StringValue": "stringValue", "BinaryValue": "binaryValue"}
    return {
        **{names[name]: text for name, text in value.items() if name in names},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def on_the_wire(attributes: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """Return message attributes as the JSON protocol has them, if boto3's own came."""
    return {
        name: {key: _wire_value(part) for key, part in value.items()}
        for name, value in (attributes or {}).items()
    }


def _wire_value(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def sequence_number(message: StoredMessage) -> str:
    """Return a FIFO message's number, of twenty digits as SQS's are."""
    return f"{message.number:020}"


def md5_of(text: str) -> str:
    """Return the digest that SQS gives of a body."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
