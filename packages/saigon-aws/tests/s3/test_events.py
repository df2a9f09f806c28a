"""Objects out of events."""

import json
from typing import Any

import pytest

from saigon.aws.s3 import (
    S3EventError,
    s3_object_descriptor_from_event,
    s3_object_descriptors_from_event,
)


def notification(*keys: str, version: str | None = None) -> dict[str, Any]:
    extra = {} if version is None else {"versionId": version}
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "bucket"}, "object": {"key": key, "size": 1, **extra}},
            }
            for key in keys
        ]
    }


def event_bridge(key: str, version: str | None = None) -> dict[str, Any]:
    extra = {} if version is None else {"version-id": version}
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": "bucket"}, "object": {"key": key, **extra}},
    }


def in_sns(event: object) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:topic",
        "Message": json.dumps(event),
    }


def in_sns_to_lambda(event: object) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": in_sns(event)}]}


def in_sqs(*events: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "m",
                "receiptHandle": "h",
                "body": json.dumps(event),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
            }
            for event in events
        ]
    }


WRAPPERS = {
    "plain": lambda event: event,
    "text": json.dumps,
    "bytes": lambda event: json.dumps(event).encode(),
    "sns": in_sns,
    "sns-lambda": in_sns_to_lambda,
    "sqs": in_sqs,
    "sns-sqs": lambda event: in_sqs(in_sns(event)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
class TestWrapped:
    def test_a_notification_gives_its_object(self, wrap: Any) -> None:
        got = s3_object_descriptor_from_event(wrap(notification("a/b.txt", version="v1")))
        assert got == {"Bucket": "bucket", "Key": "a/b.txt", "VersionId": "v1"}

    def test_an_event_of_event_bridge_gives_its_object(self, wrap: Any) -> None:
        got = s3_object_descriptor_from_event(wrap(event_bridge("a+b%20c", "v1")))
        assert got == {"Bucket": "bucket", "Key": "a+b%20c", "VersionId": "v1"}

    def test_a_test_event_gives_nothing(self, wrap: Any) -> None:
        event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"}
        assert s3_object_descriptors_from_event(wrap(event)) == []


@pytest.mark.parametrize(
    ("encoded", "key"),
    [("a+b", "a b"), ("a%2Bb", "a+b"), ("%C3%A4", "ä"), ("100%25", "100%"), ("a%252Bb", "a%2Bb")],
)
def test_a_notifications_key_is_decoded_once(encoded: str, key: str) -> None:
    assert s3_object_descriptor_from_event(notification(encoded)) == {
        "Bucket": "bucket",
        "Key": key,
    }


def test_several_objects_come_in_order() -> None:
    event = in_sqs(notification("a", "b"), event_bridge("c"))
    assert [d["Key"] for d in s3_object_descriptors_from_event(event)] == ["a", "b", "c"]


@pytest.mark.parametrize("event", [notification(), notification("a", "b")])
def test_one_object_means_exactly_one(event: dict[str, Any]) -> None:
    with pytest.raises(S3EventError, match="one object"):
        s3_object_descriptor_from_event(event)


def broken(*path: str | int) -> dict[str, Any]:
    event = notification("key")
    inner: Any = event
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = None
    return event


@pytest.mark.parametrize(
    "event",
    [
        "not json",
        "[]",
        [],
        None,
        {},
        {"Records": "x"},
        {"Records": [1]},
        {"Records": [{"eventSource": "aws:kinesis"}]},
        {"Records": [*notification("a")["Records"], {"eventSource": "aws:sqs"}]},
        broken("Records", 0, "s3"),
        broken("Records", 0, "s3", "bucket"),
        broken("Records", 0, "s3", "bucket", "name"),
        broken("Records", 0, "s3", "object", "key"),
        notification("%ff"),
        event_bridge("key") | {"source": "my.app"},
        event_bridge("key") | {"detail": 1},
        in_sns({"hello": 1}),
        in_sqs("text"),
    ],
)
def test_what_is_no_event_of_s3_is_refused(event: Any) -> None:
    with pytest.raises(S3EventError):
        s3_object_descriptors_from_event(event)
