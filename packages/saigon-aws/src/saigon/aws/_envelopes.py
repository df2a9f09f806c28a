"""Unwrap what SNS, EventBridge and SQS put around a message; pure functions over JSON.

Errors never carry the message itself: not in their text, cause or context.

Shapes:
    SNS to SQS: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    SNS to Lambda: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    SQS to Lambda: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    EventBridge: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, cast

from saigon.aws.exceptions import SaigonAwsError

__all__ = [
    "EnvelopeError",
    "EventBridgeEvent",
    "SnsNotification",
    "SqsRecord",
    "is_event_bridge_event",
    "is_sns_notification",
    "parse_json_object",
    "sns_records",
    "sqs_records",
    "unwrap_event_bridge",
    "unwrap_sns",
]

JsonObject = Mapping[str, object]


class EnvelopeError(SaigonAwsError):
    """What came is not the envelope that was expected; the text names the field, not its value."""


@dataclass(frozen=True, slots=True)
class SnsNotification:
    """An SNS notification and the message that was published."""

    message_id: str
    topic_arn: str
    message: str = field(repr=False)
    attributes: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventBridgeEvent:
    """An EventBridge event and its detail."""

    id: str
    source: str
    detail_type: str
    detail: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class SqsRecord:
    """A message of a Lambda event that an SQS event source mapping made."""

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    attributes: JsonObject = field(repr=False)
    message_attributes: JsonObject = field(repr=False)
    queue_arn: str


def parse_json_object(text: str | bytes) -> dict[str, object]:
    """Return the JSON object that the text holds.

    Raises:
        EnvelopeError: It is not JSON, or not an object.
    """
    value = _parse_json(text)
    if not isinstance(value, dict):
        raise EnvelopeError(f"expected a JSON object, got {_kind(value)}")
    return value


def is_sns_notification(value: JsonObject) -> bool:
    """Tell whether an object is an SNS notification as SNS delivers it to a queue."""
    return value.get("Type") == "Notification" and "TopicArn" in value and "Message" in value


def is_event_bridge_event(value: JsonObject) -> bool:
    """Tell whether an object is an EventBridge event."""
    return "detail-type" in value and "source" in value and "detail" in value


def unwrap_sns(envelope: str | bytes | JsonObject) -> SnsNotification:
    """Return the notification that SNS delivered to a queue without raw message delivery.

    Raises:
        EnvelopeError: It is not a notification; a subscription's confirmation is not one either.
    """
    value = _as_object(envelope)
    if value.get("Type") != "Notification":
        raise EnvelopeError("expected an SNS notification (Type: Notification)")
    return _notification(value, "SNS notification")


def unwrap_event_bridge(envelope: str | bytes | JsonObject) -> EventBridgeEvent:
    """Return the event that an EventBridge rule delivered.

    Raises:
        EnvelopeError: It is not an EventBridge event.
    """
    value = _as_object(envelope)
    where = "EventBridge event"
    return EventBridgeEvent(
        id=_text(value, "id", where),
        source=_text(value, "source", where),
        detail_type=_text(value, "detail-type", where),
        detail=_object(value, "detail", where),
    )


def sqs_records(event: JsonObject) -> list[SqsRecord]:
    """Return the messages of a Lambda event made by an SQS event source mapping, in order.

    Raises:
        EnvelopeError: A record is not one of SQS, or lacks what every one of them has.
    """
    return [_sqs_record(record, where) for where, record in _records(event)]


def sns_records(event: JsonObject) -> list[SnsNotification]:
    """Return the notifications of a Lambda event made by an SNS subscription, in order.

    Raises:
        EnvelopeError: A record is not one of SNS, or lacks what every one of them has.
    """
    return [_sns_record(record, where) for where, record in _records(event)]


def _sqs_record(record: JsonObject, where: str) -> SqsRecord:
    _require_source(record, "eventSource", "aws:sqs", where)
    return SqsRecord(
        message_id=_text(record, "messageId", where),
        receipt_handle=_text(record, "receiptHandle", where),
        body=_text(record, "body", where),
        attributes=_optional_object(record, "attributes", where),
        message_attributes=_optional_object(record, "messageAttributes", where),
        queue_arn=_text(record, "eventSourceARN", where),
    )


def _sns_record(record: JsonObject, where: str) -> SnsNotification:
    _require_source(record, "EventSource", "aws:sns", where)
    return _notification(_object(record, "Sns", where), where)


def _notification(value: JsonObject, where: str) -> SnsNotification:
    return SnsNotification(
        message_id=_text(value, "MessageId", where),
        topic_arn=_text(value, "TopicArn", where),
        message=_text(value, "Message", where),
        attributes=_optional_object(value, "MessageAttributes", where),
    )


def _records(event: JsonObject) -> list[tuple[str, JsonObject]]:
    records = event.get("Records")
    if not isinstance(records, list):
        raise EnvelopeError(f"expected a list in Records, got {_kind(records)}")
    return [(f"Records[{i}]", _checked_object(r, f"Records[{i}]")) for i, r in enumerate(records)]


def _require_source(record: JsonObject, name: str, expected: str, where: str) -> None:
    if record.get(name) != expected:
        raise EnvelopeError(f"expected {name} {expected!r} in {where}")


def _text(value: JsonObject, name: str, where: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise EnvelopeError(f"expected a string in {name} of {where}, got {_kind(found)}")
    return found


def _object(value: JsonObject, name: str, where: str) -> JsonObject:
    return _checked_object(value.get(name), f"{name} of {where}")


def _optional_object(value: JsonObject, name: str, where: str) -> JsonObject:
    found = value.get(name)
    return {} if found is None else _checked_object(found, f"{name} of {where}")


def _checked_object(value: object, where: str) -> JsonObject:
    # A dict is seen at once; the abstract class takes longer to ask than the rest of a record.
    if type(value) is not dict and not isinstance(value, Mapping):
        raise EnvelopeError(f"expected an object in {where}, got {_kind(value)}")
    return cast("JsonObject", value)


def _as_object(envelope: str | bytes | JsonObject) -> JsonObject:
    return parse_json_object(envelope) if isinstance(envelope, str | bytes) else envelope


def _parse_json(text: str | bytes) -> object:
    try:
        return cast("object", json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        pass  # raised below, outside this block: the decoder's error holds the whole document
    raise EnvelopeError("expected JSON, got something else")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
