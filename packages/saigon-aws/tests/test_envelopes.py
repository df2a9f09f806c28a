"""The envelopes of SNS, EventBridge and SQS."""

import json
from typing import Any

import pytest

from saigon.aws import _envelopes as envelopes
from saigon.aws._envelopes import EnvelopeError

SECRET = "hunter2"


def notification(**changes: object) -> dict[str, object]:
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:topic",
        "Message": '{"id": 1}',
        "MessageAttributes": {"kind": {"Type": "String", "Value": "order"}},
    } | changes


def sqs_record(**changes: object) -> dict[str, object]:
    return {
        "messageId": "m-1",
        "receiptHandle": "handle",
        "body": SECRET,
        "attributes": {"ApproximateReceiveCount": "2"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
    } | changes


def event_bridge_event(**changes: object) -> dict[str, object]:
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": "b"}},
    } | changes


def test_a_notification_gives_the_published_message() -> None:
    got = envelopes.unwrap_sns(json.dumps(notification()))
    assert (got.message_id, got.message) == ("m-1", '{"id": 1}')
    assert got.attributes == {"kind": {"Type": "String", "Value": "order"}}


def test_a_notification_needs_no_attributes() -> None:
    plain = notification()
    del plain["MessageAttributes"]
    assert envelopes.unwrap_sns(plain).attributes == {}


@pytest.mark.parametrize(
    "envelope",
    [
        notification(Type="SubscriptionConfirmation"),
        notification(Message=7),
        notification(Message=None),
        notification(TopicArn=None),
        notification(MessageAttributes=[]),
        {"id": 1},
        "[]",
        "not json",
        b"\xff",
        '{"a": NaN}',
        "[" * 100_000,
    ],
)
def test_what_is_no_notification_is_refused(envelope: Any) -> None:
    with pytest.raises(EnvelopeError):
        envelopes.unwrap_sns(envelope)


def test_an_event_bridge_event_gives_its_detail() -> None:
    got = envelopes.unwrap_event_bridge(json.dumps(event_bridge_event()))
    assert (got.id, got.source, got.detail_type) == ("e-1", "aws.s3", "Object Created")
    assert got.detail == {"bucket": {"name": "b"}}


@pytest.mark.parametrize(
    "change", [{"detail": "text"}, {"detail-type": 1}, {"id": None}, {"source": None}]
)
def test_what_is_no_event_bridge_event_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(EnvelopeError, match="EventBridge event"):
        envelopes.unwrap_event_bridge(event_bridge_event(**change))


def test_a_lambda_event_of_sqs_gives_its_messages_in_order() -> None:
    event = {"Records": [sqs_record(), sqs_record(messageId="m-2", messageAttributes=None)]}
    got = envelopes.sqs_records(event)
    assert [record.message_id for record in got] == ["m-1", "m-2"]
    assert got[0].attributes == {"ApproximateReceiveCount": "2"}
    assert got[1].message_attributes == {}


def test_a_lambda_event_of_sns_gives_its_notifications() -> None:
    event = {"Records": [{"EventSource": "aws:sns", "Sns": notification()}]}
    assert [record.message for record in envelopes.sns_records(event)] == ['{"id": 1}']


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": {}},
        {"Records": [1]},
        {"Records": [sqs_record(eventSource="aws:kinesis")]},
        {"Records": [sqs_record(body=None)]},
        {"Records": [sqs_record(attributes="x")]},
    ],
)
def test_what_is_no_event_of_sqs_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(EnvelopeError):
        envelopes.sqs_records(event)


@pytest.mark.parametrize("record", [sqs_record(), {"EventSource": "aws:sns", "Sns": []}])
def test_what_is_no_event_of_sns_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(EnvelopeError):
        envelopes.sns_records({"Records": [record]})


def test_the_kinds_are_told_apart() -> None:
    assert envelopes.is_sns_notification(notification())
    assert not envelopes.is_sns_notification(event_bridge_event())
    assert envelopes.is_event_bridge_event(event_bridge_event())
    assert not envelopes.is_event_bridge_event(notification())


def test_an_error_holds_nothing_of_the_message() -> None:
    with pytest.raises(EnvelopeError) as caught:
        envelopes.parse_json_object('{"password": "' + SECRET)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_message_is_not_in_the_repr() -> None:
    assert SECRET not in repr(envelopes.sqs_records({"Records": [sqs_record()]}))
