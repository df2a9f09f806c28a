"""Objects out of the events that tell of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import cast
from urllib.parse import unquote_plus

from saigon.aws._envelopes import (
    EnvelopeError,
    is_event_bridge_event,
    is_sns_notification,
    parse_json_object,
    sns_records,
    sqs_records,
    unwrap_event_bridge,
    unwrap_sns,
)
from saigon.aws.s3._descriptor import S3ObjectDescriptor
from saigon.aws.s3.exceptions import S3EventError

__all__ = ["s3_object_descriptor_from_event", "s3_object_descriptors_from_event"]

JsonObject = Mapping[str, object]


def s3_object_descriptors_from_event(event: str | bytes | JsonObject) -> list[S3ObjectDescriptor]:
    """Return the objects that an event tells of, in order.

    The event is an S3 notification or an EventBridge event, plain, or wrapped in SNS, in SQS or
    in SNS inside SQS, as a Lambda function or a queue's consumer gets it. Keys are decoded. The
    event that S3 sends to test a new configuration gives an empty list.
    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    and https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

    Args:
        event: The event, or its JSON.

    Raises:
        S3EventError: It is none of these.
    """
    try:
        value = parse_json_object(event) if isinstance(event, str | bytes) else event
        return list(_descriptors(_mapping(value, "the root")))
    except EnvelopeError as error:
        raise S3EventError(f"the event is not one of S3: {error}") from error


def s3_object_descriptor_from_event(event: str | bytes | JsonObject) -> S3ObjectDescriptor:
    """Return the one object that an event tells of; see s3_object_descriptors_from_event.

    Args:
        event: The event, or its JSON.

    Raises:
        S3EventError: It is not an event of S3, or does not tell of exactly one object.
    """
    found = s3_object_descriptors_from_event(event)
    if len(found) != 1:
        raise S3EventError(f"expected an event of one object, got {len(found)}")
    return found[0]


def _descriptors(event: JsonObject) -> Iterator[S3ObjectDescriptor]:
    if event.get("Event") == "s3:TestEvent":
        return
    if is_event_bridge_event(event):
        yield _from_event_bridge(event)
    elif is_sns_notification(event):
        yield from _inner(unwrap_sns(event).message)
    else:
        yield from _from_records(event)


def _inner(text: str) -> Iterator[S3ObjectDescriptor]:
    return _descriptors(parse_json_object(text))


def _from_records(event: JsonObject) -> Iterator[S3ObjectDescriptor]:
    records = event.get("Records")
    if not isinstance(records, list):
        raise S3EventError("expected a notification of S3, SNS or SQS, or an EventBridge event")
    reader = _READERS[_source(records[0])] if records else _from_s3_records
    yield from reader(event)


def _source(record: object) -> str:
    record = _mapping(record, "Records[0]")
    source = record.get("eventSource", record.get("EventSource"))
    if not isinstance(source, str) or source not in _READERS:
        raise S3EventError(f"expected records of {', '.join(_READERS)}")
    return source


def _from_sqs_records(event: JsonObject) -> Iterator[S3ObjectDescriptor]:
    for record in sqs_records(event):
        yield from _inner(record.body)


def _from_sns_records(event: JsonObject) -> Iterator[S3ObjectDescriptor]:
    for record in sns_records(event):
        yield from _inner(record.message)


def _from_s3_records(event: JsonObject) -> Iterator[S3ObjectDescriptor]:
    for record in cast("list[object]", event["Records"]):
        found = _mapping(record, "record")
        if found.get("eventSource") != "aws:s3":
            raise S3EventError("expected records of aws:s3 alone")
        s3 = _mapping(found.get("s3"), "s3")
        # Notifications encode the key like a form: a plus is a space.
        yield _descriptor(s3, "versionId", _form_decoded)


def _from_event_bridge(event: JsonObject) -> S3ObjectDescriptor:
    found = unwrap_event_bridge(event)
    if found.source != "aws.s3":
        raise S3EventError("expected an EventBridge event of aws.s3")
    # EventBridge leaves the key as it is.
    return _descriptor(found.detail, "version-id", str)


def _descriptor(
    value: JsonObject, version_name: str, decode: Callable[[str], str]
) -> S3ObjectDescriptor:
    item = _mapping(value.get("object"), "object")
    descriptor = S3ObjectDescriptor(
        Bucket=_text(_mapping(value.get("bucket"), "bucket"), "name"),
        Key=decode(_text(item, "key")),
    )
    if item.get(version_name):
        descriptor["VersionId"] = _text(item, version_name)
    return descriptor


def _form_decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        pass  # raised below, outside of this block: the codec's error holds the key
    raise S3EventError("expected a key that decodes to UTF-8")


def _mapping(value: object, name: str) -> JsonObject:
    if not isinstance(value, Mapping):
        raise S3EventError(f"expected an object in {name} of the event")
    return cast("JsonObject", value)


def _text(value: JsonObject, name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise S3EventError(f"expected a text in {name} of the event")
    return found


_READERS: dict[str, Callable[[JsonObject], Iterator[S3ObjectDescriptor]]] = {
    "aws:s3": _from_s3_records,
    "aws:sns": _from_sns_records,
    "aws:sqs": _from_sqs_records,
}
