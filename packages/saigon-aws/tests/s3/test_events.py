"""Objects out of events."""

import json
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


# What follows has the fields of the examples in AWS's documents, with other values.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
def s3_record(
    name: str, version: str = "2.1", *, item: dict[str, Any] | None = None, **extra: object
) -> dict[str, Any]:
    return {
        "eventVersion": version,
        "eventSource": "aws:s3",
        "awsRegion": "us-west-2",
        "eventTime": "2024-05-06T07:08:09.010Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {"x-amz-request-id": "R1", "x-amz-id-2": "H1+/="},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "config",
            "bucket": {
                "name": "amzn-s3-demo-bucket",
                "ownerIdentity": {"principalId": "A3EXAMPLE"},
                "arn": "arn:aws:s3:::amzn-s3-demo-bucket",
            },
            "object": {
                "key": "red+flower/%E6%97%A5%2B%25.jpg",
                "size": 1024,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "0055AED6DCD90281E5",
                **(item or {}),
            },
        },
        **extra,
    }


S3_OBJECT = {"Bucket": "amzn-s3-demo-bucket", "Key": "red flower/日+%.jpg"}
VERSIONED = {"versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko"}
MARKER = s3_record("ObjectRemoved:DeleteMarkerCreated", item=VERSIONED)
del MARKER["s3"]["object"]["size"]
RECORDS = {
    "put-2.0": s3_record("ObjectCreated:Put", "2.0"),
    "put-2.1": s3_record("ObjectCreated:Put"),
    "copy-with-version": s3_record("ObjectCreated:Copy", item=VERSIONED),
    "version-null": s3_record("ObjectCreated:Post", item={"versionId": None}),
    "delete": s3_record("ObjectRemoved:Delete"),
    "delete-marker": MARKER,
    "restore-posted": s3_record("ObjectRestore:Post"),
    "restore-completed": s3_record(
        "ObjectRestore:Completed",
        glacierEventData={
            "restoreEventData": {
                "lifecycleRestorationExpiryTime": "2024-06-06T00:00:00.000Z",
                "lifecycleRestoreStorageClass": "GLACIER",
            }
        },
    ),
    "replication-failed": s3_record(
        "Replication:OperationFailedReplication",
        "2.2",
        item=VERSIONED,
        replicationEventData={
            "replicationRuleId": "rule",
            "destinationBucket": "arn:aws:s3:::amzn-s3-demo-bucket2",
            "s3Operation": "OBJECT_PUT",
            "requestTime": "2024-05-06T07:00:00.000Z",
            "failureReason": "AssumeRoleNotPermitted",
            "threshold": "900",
            "replicationTime": "1800",
        },
    ),
    "lifecycle-transition": s3_record(
        "LifecycleTransition",
        "2.3",
        lifecycleEventData={"transitionEventData": {"destinationStorageClass": "GLACIER"}},
    ),
    "lifecycle-expiration": s3_record("LifecycleExpiration:Delete", "2.3"),
    "intelligent-tiering": s3_record(
        "IntelligentTiering",
        "2.3",
        intelligentTieringEventData={"destinationAccessTier": "ARCHIVE_ACCESS"},
    ),
    "tagging": s3_record("ObjectTagging:Put", "2.3", item=VERSIONED),
    "acl": s3_record("ObjectAcl:Put", "2.3"),
    "put-of-today": s3_record("ObjectCreated:Put", "2.5"),
}
TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2024-05-06T07:08:09.010Z",
    "Bucket": "amzn-s3-demo-bucket",
    "RequestId": "5582815E1AEA5ADF",
    "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
}


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
def bus_event(kind: str, *, item: dict[str, Any], **detail: object) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2024-05-06T07:08:09Z",
        "region": "ca-central-1",
        "resources": ["arn:aws:s3:::amzn-s3-demo-bucket"],
        "detail": {
            "version": "0",
            "bucket": {"name": "amzn-s3-demo-bucket"},
            "object": {"key": "red flower/日+%.jpg", **item},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            **detail,
        },
    }


BUS_EVENTS = {
    "created": bus_event(
        "Object Created",
        item={"size": 5, "etag": "b1946ac9", "version-id": "V1", "sequencer": "617f08299329d189"},
        reason="PutObject",
        **{"source-ip-address": "192.0.2.1"},
    ),
    "deleted": bus_event(
        "Object Deleted",
        item={"etag": "b1946ac9", "version-id": "V1", "sequencer": "617f0837b476e463"},
        reason="DeleteObject",
        **{"source-ip-address": "192.0.2.1", "deletion-type": "Delete Marker Created"},
    ),
    "expired": bus_event(
        "Object Deleted",
        item={"etag": "b1946ac9", "version-id": "V1"},
        reason="Lifecycle Expiration",
        **{"deletion-type": "Permanently Deleted"},
    ),
    "restored": bus_event(
        "Object Restore Completed",
        item={"size": 5, "etag": "b1946ac9", "version-id": "V1"},
        **{"restore-expiry-time": "2024-06-06T00:00:00Z", "source-storage-class": "GLACIER"},
    ),
    "tier-changed": bus_event(
        "Object Access Tier Changed",
        item={"size": 5, "etag": "b1946ac9", "version-id": "V1"},
        **{"destination-access-tier": "ARCHIVE_ACCESS"},
    ),
    "tagged": bus_event("Object Tags Added", item={"etag": "b1946ac9", "version-id": "V1"}),
}


# https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html
def http_notification(event: object, **changes: object) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(event),
        "Timestamp": "2024-05-06T07:08:09.010Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN==",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ec.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=x",
    } | changes


# https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
def sns_to_lambda(*events: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-west-2:123456789012:MyTopic:21be56ed",
                "EventSource": "aws:sns",
                "Sns": http_notification(event, Subject=None, MessageAttributes={}),
            }
            for event in events
        ]
    }


# https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
def sqs_to_lambda(*bodies: object) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-west-2:123456789012:my-queue",
                "awsRegion": "us-west-2",
            }
            for body in bodies
        ]
    }


WRAPPINGS: dict[str, Any] = {
    "to-lambda": lambda event: event,
    "body-of-a-queue": json.dumps,
    "sns-to-lambda": sns_to_lambda,
    "sns-to-http": lambda event: json.dumps(http_notification(event)).encode(),
    "sns-in-the-body-of-a-queue": lambda event: json.dumps(http_notification(event)),
    "sqs-to-lambda": sqs_to_lambda,
    "sns-in-sqs-to-lambda": lambda event: sqs_to_lambda(http_notification(event)),
    "in-utf-16": lambda event: json.dumps(event, ensure_ascii=False).encode("utf-16"),
}


def in_all_wrappings(event: object) -> dict[str, Any]:
    return {name: wrap(event) for name, wrap in WRAPPINGS.items()}


class TestDocumentedEvents:
    @pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
    def test_a_record_gives_its_object(self, record: dict[str, Any]) -> None:
        version = record["s3"]["object"].get("versionId")
        expected = S3_OBJECT if version is None else {**S3_OBJECT, "VersionId": version}
        wrapped = in_all_wrappings({"Records": [record]})
        found = {name: s3_object_descriptor_from_event(event) for name, event in wrapped.items()}
        assert found == dict.fromkeys(WRAPPINGS, expected)

    @pytest.mark.parametrize("event", BUS_EVENTS.values(), ids=BUS_EVENTS.keys())
    def test_an_event_of_the_bus_gives_its_object(self, event: dict[str, Any]) -> None:
        wrapped = in_all_wrappings(event)
        found = {name: s3_object_descriptor_from_event(one) for name, one in wrapped.items()}
        expected = {**S3_OBJECT, "VersionId": "V1"}
        assert found == dict.fromkeys(WRAPPINGS, expected)

    @pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS.keys())
    def test_the_test_event_gives_nothing(self, wrap: Any) -> None:
        assert s3_object_descriptors_from_event(wrap(TEST_EVENT)) == []

    @pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS.keys())
    def test_several_records_keep_their_order(self, wrap: Any) -> None:
        keys = ["c", "a", "b"]
        records = [s3_record("ObjectCreated:Put", item={"key": key}) for key in keys]
        found = s3_object_descriptors_from_event(wrap({"Records": records}))
        assert [descriptor["Key"] for descriptor in found] == keys


def test_the_sequencer_and_the_size_are_left_out_of_account() -> None:
    odd = s3_record("ObjectCreated:Put", item={"sequencer": 7, "size": "many", "eTag": None})
    assert s3_object_descriptor_from_event({"Records": [odd]}) == S3_OBJECT


def test_messages_of_several_kinds_come_in_one_batch() -> None:
    event = sqs_to_lambda(
        {"Records": [RECORDS["put-2.1"], RECORDS["copy-with-version"]]},
        TEST_EVENT,
        http_notification(BUS_EVENTS["created"]),
        http_notification(TEST_EVENT),
        BUS_EVENTS["deleted"],
    )
    versions = [d.get("VersionId") for d in s3_object_descriptors_from_event(event)]
    assert versions == [None, VERSIONED["versionId"], "V1", "V1"]


def test_notifications_of_several_kinds_come_in_one_event() -> None:
    event = sns_to_lambda({"Records": [RECORDS["put-2.1"]]}, TEST_EVENT, BUS_EVENTS["created"])
    assert len(s3_object_descriptors_from_event(event)) == 2


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b", "a b"),
        ("a%20b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%2bb", "a+b"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ("%F0%9F%98%80", "😀"),
        ("日本", "日本"),
        ("a%2Fb%2F", "a/b/"),
        ("%E4%BB%B6+%26%3D%3F%23", "件 &=?#"),
        ("..%2F..%2Fetc", "../../etc"),
        ("%", "%"),
        ("%zz", "%zz"),
    ],
)
def test_a_record_is_decoded_and_an_event_of_the_bus_is_not(encoded: str, key: str) -> None:
    record = s3_record("ObjectCreated:Put", item={"key": encoded})
    assert s3_object_descriptor_from_event({"Records": [record]})["Key"] == key
    event = bus_event("Object Created", item={"key": encoded})
    assert s3_object_descriptor_from_event(event)["Key"] == encoded


SECRET = "hunter2"


def leaks(error: BaseException) -> list[str]:
    """Return the secret's places in an error, its causes and contexts, and their arguments."""
    found: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        texts = [str(one), repr(one.args), repr(vars(one))]
        found += [text for text in texts if SECRET in text]
        todo += [one.__cause__, one.__context__]
    shown = "".join(traceback.format_exception(error))
    return [*found, *([shown] if SECRET in shown else [])]


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [s3_record("ObjectCreated:Put", item={"key": f"{SECRET}%ff"})]},
        {"Records": [s3_record("ObjectCreated:Put", item={"key": [SECRET]})]},
        {"Records": [{"eventSource": SECRET}]},
        {"Records": [{"eventSource": "aws:s3", "s3": SECRET}]},
        {"Records": SECRET},
        {"Records": [SECRET]},
        bus_event("Object Created", item={"key": {SECRET: SECRET}}),
        bus_event("Object Created", item={"version-id": [SECRET]}),
        bus_event("Object Created", item={}) | {"source": SECRET},
        bus_event("Object Created", item={}) | {"detail": SECRET},
        {"Type": "SubscriptionConfirmation", "Message": SECRET, "Token": SECRET, "TopicArn": "t"},
        http_notification(SECRET),
        http_notification({}, Message=f"{{{SECRET}"),
        {"password": SECRET},
        SECRET,
        [SECRET],
    ],
    ids=range(16),
)
def test_no_error_holds_the_message(event: object) -> None:
    for wrapped in in_all_wrappings(event).values():
        with pytest.raises(S3EventError) as caught:
            s3_object_descriptors_from_event(wrapped)
        assert leaks(caught.value) == []


@pytest.mark.parametrize(
    "text",
    [
        f'{{"{SECRET}": ',
        f'"{SECRET}"',
        f"{SECRET}\ud800",
        f'{{"a": NaN, "b": "{SECRET}"}}',
        f'{{"a": {"9" * 5000}, "b": "{SECRET}", "c": }}',
        "",
        "[" * 100_000,
        '{"a":' * 100_000,
        b"\xff\xfe" + SECRET.encode(),
        f'{{"b": "{SECRET}\xe4"}}'.encode("latin-1"),
    ],
    ids=range(10),
)
def test_what_is_no_json_is_refused_without_a_word_of_it(text: str | bytes) -> None:
    with pytest.raises(S3EventError) as caught:
        s3_object_descriptors_from_event(text)
    assert leaks(caught.value) == []


# Words that the functions look for, so that the search comes deep.
WORDS = st.sampled_from(
    [
        "Records", "eventSource", "EventSource", "aws:s3", "aws:sns", "aws:sqs", "aws.s3", "s3",
        "Sns", "body", "Type", "Notification", "Message", "MessageId", "TopicArn", "detail",
        "detail-type", "source", "bucket", "object", "name", "key", "versionId", "version-id",
        "Event", "s3:TestEvent", "id",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4)
        | inner.map(json.dumps)
    ),
    max_leaves=8,
)
SAMPLES = [
    {"Records": [RECORDS["copy-with-version"], RECORDS["put-2.1"]]},
    BUS_EVENTS["created"],
    TEST_EVENT,
    sns_to_lambda({"Records": [RECORDS["put-2.1"]]}),
    sqs_to_lambda(http_notification(BUS_EVENTS["created"]), TEST_EVENT),
]


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside one value."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> object:
    event: Any = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    *path, last = draw(st.sampled_from(places(event)[1:]))
    inner = event
    for step in path:
        inner = inner[step]
    if isinstance(inner, dict) and draw(st.booleans()):
        del inner[last]
    else:
        inner[last] = draw(VALUES)
    return event


@settings(max_examples=150, deadline=None)
@given(VALUES | damaged())
def test_whatever_comes_gives_descriptors_or_an_error_of_ours(event: Any) -> None:
    for form in (event, json.dumps(event)):
        try:
            found = s3_object_descriptors_from_event(form)
        except S3EventError:
            continue
        for descriptor in found:
            assert all(isinstance(text, str) and text for text in descriptor.values())
            assert {"Bucket", "Key"} <= descriptor.keys()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_whatever_bytes_come_give_descriptors_or_an_error_of_ours(data: str | bytes) -> None:
    with pytest.raises(S3EventError):
        s3_object_descriptors_from_event(data)
