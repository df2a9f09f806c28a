"""A message as it was delivered, by ReceiveMessage or in a Lambda event."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import getsizeof
from typing import Any

from saigon.aws._envelopes import SqsRecord
from saigon.aws.sqs._payload.pointers import announced_size


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One delivery of a message; its repr shows neither body nor attributes."""

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    receive_count: int = 1
    group_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """The bytes of its body in memory, and of the payload that the body points to."""
        size = getsizeof(self.body)
        return size + announced_size(self.body, self.attributes) if self.attributes else size


def from_receive(raw: Mapping[str, Any]) -> ReceivedMessage:
    """Read a message of ReceiveMessage's answer."""
    system = raw.get("Attributes", {})
    return ReceivedMessage(
        message_id=raw["MessageId"],
        receipt_handle=raw["ReceiptHandle"],
        body=raw["Body"],
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        group_id=system.get("MessageGroupId"),
        attributes=raw.get("MessageAttributes", {}),
    )


def from_record(record: SqsRecord) -> ReceivedMessage:
    """Read a record of a Lambda event."""
    return ReceivedMessage(
        message_id=record.message_id,
        receipt_handle=record.receipt_handle,
        body=record.body,
        receive_count=int(_text(record.attributes.get("ApproximateReceiveCount")) or 1),
        group_id=_text(record.attributes.get("MessageGroupId")),
        attributes={
            name: _attribute(value)
            for name, value in record.message_attributes.items()
            if isinstance(value, Mapping)
        },
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    # Lambda spells them in lower case and binary values in base64; SQS wants its own again.
    attribute: dict[str, Any] = {"DataType": value["dataType"]}
    if value.get("stringValue") is not None:
        attribute["StringValue"] = value["stringValue"]
    if value.get("binaryValue") is not None:
        attribute["BinaryValue"] = base64.b64decode(value["binaryValue"])
    return attribute
