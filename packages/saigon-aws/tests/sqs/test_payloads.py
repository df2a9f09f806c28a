"""Large payloads are read from S3, from nowhere but where the owner said."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore import exceptions as botocore
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from pydantic import ValidationError
from sqlalchemy import Table
from urllib3.exceptions import ProtocolError

from saigon.aws.sqs import (
    ForwarderConfig,
    MessageRejectedError,
    PayloadRefusedError,
    PayloadUnavailableError,
    S3Payloads,
    TableStatementBuilder,
)
from saigon.aws.sqs._database.batch import BatchReader
from saigon.aws.sqs._message.parser import MessageParser
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.testing import StrictQueue

Make = Callable[..., Any]
Stored = Callable[[], dict[str, str]]

POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer"
LEGACY = "com.amazon.sqs.javamessaging.MessageS3Pointer"
ORDER = b'{"id": "a", "item": "tea", "version": 1}'
SECRET = "hunter2"


class FakeS3:
    """Objects of one bucket and errors, as a client gives them."""

    def __init__(self) -> None:
        self.objects = {"orders/a": ORDER}
        self.errors: list[Exception] = []
        self.requests: list[str] = []
        self.extra = b""
        self.read = 0
        """How far the last object was read."""
        self.may_answer = threading.Event()
        self.may_answer.set()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert Bucket == "payloads"
        self.requests.append(Key)
        self.may_answer.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        if Key not in self.objects:
            raise refusal("NoSuchKey", 404)
        content, fake = self.objects[Key], self

        class Raw(BytesIO):
            def close(self) -> None:
                fake.read = self.tell()

        body = StreamingBody(Raw(content + self.extra), None)  # type: ignore[arg-type]  # as without the header
        return {"ContentLength": len(content), "Body": body}


def refusal(code: str, status: int = 400) -> ClientError:
    error = {"Code": code, "Message": SECRET}
    return ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # what is looked at
        "GetObject",
    )


def pointer(key: str = "orders/a", *, bucket: str = "payloads", kind: str = POINTER) -> str:
    return json.dumps([kind, {"s3BucketName": bucket, "s3Key": key}])


def announced(size: object, name: str = "ExtendedPayloadSize") -> dict[str, Any]:
    return {name: {"DataType": "Number", "StringValue": str(size)}}


def notification(message: str, size: int) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": "t",
            "Message": message,
            "MessageAttributes": {"ExtendedPayloadSize": {"Type": "Number", "Value": str(size)}},
        }
    )


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def config(s3: FakeS3, quick: ForwarderConfig) -> Callable[..., ForwarderConfig]:
    def make(**options: Any) -> ForwarderConfig:
        names = set(S3Payloads.model_fields) & set(options)
        places: dict[str, Any] = {"buckets": ["payloads"], "prefix": "orders/", "max_bytes": 100}
        payloads = S3Payloads(**places | {name: options.pop(name) for name in names}, s3_client=s3)
        return quick.model_copy(update={"large_payloads": payloads, **options})

    return make


Config = Callable[..., ForwarderConfig]


@pytest.mark.parametrize(
    ("options", "body", "attributes"),
    [
        ({}, pointer(), announced(len(ORDER))),
        ({}, pointer(kind=LEGACY), announced(len(ORDER), "SQSLargePayloadSize")),
        ({}, pointer(), {}),
        ({}, " " + pointer().replace(", ", ",\n"), {}),
        ({"envelope": "sns"}, notification(pointer(), len(ORDER)), {}),
        ({"envelope": "sns"}, notification(ORDER.decode(), len(ORDER)), {}),
        ({}, ORDER.decode(), announced(len(ORDER))),
    ],
    ids=["pointer", "legacy", "no size", "spaced", "SNS", "SNS and no pointer", "no pointer"],
)
def test_a_message_is_stored_from_where_its_payload_is(
    *,
    options: dict[str, Any],
    body: str,
    attributes: dict[str, Any],
    queue: StrictQueue,
    config: Config,
    make_forwarder: Make,
    stored: Stored,
) -> None:
    queue.put(body, attributes=attributes)
    result = make_forwarder(config=config(**options)).forward()
    assert (result.inserted, result.deleted, result.failures) == (1, 1, ())
    assert stored() == {"a": "tea"}


def test_a_payload_is_decoded_after_it_was_read(
    config: Config, s3: FakeS3, make_forwarder: Make, stored: Stored
) -> None:
    s3.objects["orders/a"] = base64.b64encode(ORDER)
    forwarder = make_forwarder(config=config(envelope="sns", decode=base64.b64decode))
    forwarder.forward_message(notification(pointer(), len(s3.objects["orders/a"])))
    assert stored() == {"a": "tea"}


@pytest.mark.parametrize(
    ("body", "size", "reason", "requests"),
    [
        (pointer(bucket="others"), None, "in a bucket that is not allowed", 0),
        (pointer(f"others/{SECRET}"), None, "a key that is not allowed", 0),
        (pointer(f"orders/../{SECRET}"), None, "a key that is not allowed", 0),
        (pointer("orders/\ud800"), None, "a key that is not allowed", 0),
        (pointer(), 101, "has 101 bytes, more than 100", 0),
        (pointer(), "many", "the pointer to a large payload is broken", 0),
        (pointer(f"orders/{SECRET}"), None, "is not in S3", 1),
        (f'["{POINTER}", {{"s3BucketName": "{SECRET}"}}]', None, "pointer .* is broken", 0),
        (f'["{POINTER}", "{SECRET}"]', None, "pointer .* is broken", 0),
        (f'["{POINTER}", {SECRET}', None, "pointer .* is broken", 0),
    ],
    ids=[
        "another bucket",
        "another prefix",
        "dots",
        "no Unicode",
        "announced too large",
        "no size",
        "no object",
        "no key",
        "no place",
        "no JSON",
    ],
)
def test_a_wrong_pointer_is_the_messages_fault_and_is_not_quoted(
    *,
    body: str,
    size: object,
    reason: str,
    requests: int,
    queue: StrictQueue,
    config: Config,
    s3: FakeS3,
    make_forwarder: Make,
) -> None:
    queue.put(body, attributes={} if size is None else announced(size))
    (failure,) = make_forwarder(config=config()).forward().failures
    with pytest.raises(MessageRejectedError, match=reason):
        raise MessageRejectedError(failure.reason)
    assert SECRET not in failure.reason
    assert len(s3.requests) == requests


@pytest.mark.parametrize(("said", "read"), [(101, 0), (100, 101)])
def test_no_more_is_read_than_is_allowed(
    *, said: int, read: int, config: Config, s3: FakeS3, make_forwarder: Make
) -> None:
    s3.objects["orders/a"] = ORDER.ljust(said)
    s3.extra = bytes(10_000)
    with pytest.raises(MessageRejectedError, match="has 101 bytes, more than 100"):
        make_forwarder(config=config()).forward_message(pointer())
    assert s3.read == read


@pytest.mark.parametrize(
    ("envelope", "body", "attributes"),
    [
        ("none", pointer(), announced(39)),
        ("none", pointer(kind=LEGACY), announced(39, "SQSLargePayloadSize")),
        ("sns", notification(pointer(), 39), {}),
    ],
    ids=["SQS", "legacy", "SNS"],
)
def test_a_payload_has_the_size_that_its_producer_says(
    *,
    envelope: str,
    body: str,
    attributes: dict[str, Any],
    queue: StrictQueue,
    config: Config,
    make_forwarder: Make,
) -> None:
    queue.put(body, attributes=attributes)
    (failure,) = make_forwarder(config=config(envelope=envelope)).forward().failures
    assert failure.reason == f"the large payload has {len(ORDER)} bytes, the message says 39"


@pytest.mark.parametrize("options", [{}, {"decode": base64.b64decode}], ids=["plain", "decoded"])
def test_a_pointer_is_a_bad_message_where_no_bucket_is_named(
    options: dict[str, Any], make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(**options))
    with pytest.raises(MessageRejectedError, match="large_payloads is not set"):
        forwarder.forward_message(pointer())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("InvalidObjectState", 403), MessageRejectedError),
        (refusal("SlowDown", 503), PayloadUnavailableError),
        (refusal("503", 503), PayloadUnavailableError),
        (refusal("RequestTimeout"), PayloadUnavailableError),
        (refusal("KMS.ThrottlingException"), PayloadUnavailableError),
        (botocore.EndpointConnectionError(endpoint_url=SECRET), PayloadUnavailableError),
        (botocore.ReadTimeoutError(endpoint_url=SECRET), PayloadUnavailableError),
        (
            botocore.IncompleteReadError(actual_bytes=1, expected_bytes=2),
            PayloadUnavailableError,
        ),
        (ProtocolError(SECRET), PayloadUnavailableError),
        (refusal("NoSuchBucket", 404), PayloadRefusedError),
        (refusal("AccessDenied", 403), PayloadRefusedError),
        (refusal("KMS.DisabledException"), PayloadRefusedError),
        (refusal(f"<{SECRET}>", 403), PayloadRefusedError),
        (botocore.NoCredentialsError(), PayloadRefusedError),
        (botocore.ProfileNotFound(profile=SECRET), PayloadRefusedError),
        (ValueError(SECRET), PayloadRefusedError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:40],
)
def test_an_error_of_s3_is_the_messages_fault_an_outage_or_ours(
    *,
    error: Exception,
    kind: type[Exception],
    config: Config,
    s3: FakeS3,
    make_forwarder: Make,
    stored: Stored,
) -> None:
    s3.errors.append(error)
    forwarder = make_forwarder(config=config())
    with pytest.raises(kind) as caught:
        forwarder.forward_message(pointer())
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert stored() == {}


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied"])
def test_no_message_is_lost_or_dead_where_s3_gives_nothing(
    *,
    code: str,
    queue: StrictQueue,
    dead_letters: StrictQueue,
    config: Config,
    s3: FakeS3,
    make_forwarder: Make,
    stored: Stored,
) -> None:
    bodies = [ORDER.decode(), pointer()]
    for body in bodies:
        queue.put(body)
    s3.errors.append(refusal(code, 503 if code == "SlowDown" else 403))
    forwarder = make_forwarder(config=config(max_attempts=1), dead_letter=dead_letters.url)
    with pytest.raises((PayloadUnavailableError, PayloadRefusedError)):
        forwarder.forward()
    assert stored() == {}
    assert [message.body for message in queue.messages] == bodies
    assert dead_letters.messages == []


def test_a_worker_outlasts_an_outage_of_s3(
    *, queue: StrictQueue, config: Config, s3: FakeS3, make_forwarder: Make, stored: Stored
) -> None:
    queue.put(pointer())
    s3.errors += [refusal("SlowDown", 503), refusal("InternalError", 500)]
    stop = threading.Event()
    result = make_forwarder(config=config(), hooks=[lambda _: stop.set()]).run(stop)
    assert (result.received, result.inserted, result.retried) == (1, 1, 0)
    assert stored() == {"a": "tea"}


def test_a_dead_letter_is_the_pointer_and_not_the_payload(
    *,
    queue: StrictQueue,
    dead_letters: StrictQueue,
    config: Config,
    s3: FakeS3,
    make_forwarder: Make,
) -> None:
    s3.objects["orders/a"] = SECRET.encode()
    queue.put(pointer(), attributes=announced(len(SECRET)))
    forwarder = make_forwarder(config=config(max_attempts=1), dead_letter=dead_letters.url)
    assert forwarder.forward().dead == 1
    (dead,) = dead_letters.messages
    assert dead.body == pointer()
    assert dead.attributes["ExtendedPayloadSize"]["StringValue"] == str(len(SECRET))


def test_so_many_payloads_are_read_at_once_and_no_further_ahead(
    config: Config, s3: FakeS3, order_type: Any
) -> None:
    s3.objects = {f"orders/{n}": str(n).encode() for n in range(7)}
    s3.may_answer.clear()
    messages = [ReceivedMessage(key, "", pointer(key)) for key in s3.objects]
    contents = MessageParser(order_type, config(concurrency=3)).contents(messages)
    first = threading.Thread(target=lambda: read.append(next(contents)))
    read: list[Any] = []
    first.start()
    while len(s3.requests) < 3:
        time.sleep(0.001)
    s3.may_answer.set()
    first.join()
    assert len(s3.requests) == 3
    assert [*read, *contents] == [b"0", b"1", b"2", b"3", b"4", b"5", b"6"]


def test_what_no_time_is_left_for_goes_back_unread(
    *, queue: StrictQueue, config: Config, s3: FakeS3, make_forwarder: Make, stored: Stored
) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 50

    s3.may_answer.clear()
    queue.put(pointer())
    forwarder = make_forwarder(config=config(time_reserve=0.0, partial_responses=True))
    record = {
        "messageId": "m",
        "receiptHandle": "h",
        "body": pointer(),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
    }
    answer = forwarder.handle_lambda_event({"Records": [record]}, Context())
    s3.may_answer.set()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert stored() == {}


def test_nothing_overtakes_what_no_time_was_left_for(orders: Table) -> None:
    class Late:
        def contents(self, *_: object, **__: object) -> Iterator[bytes | None]:
            yield from (None, ORDER)

    reader = BatchReader(Late(), TableStatementBuilder(orders, key="id"), ("id",), is_fifo=True)  # type: ignore[arg-type]  # what is called of a parser
    messages = [ReceivedMessage(name, "", "", group_id="g") for name in "ab"]
    batch = reader.read(messages)
    assert (batch.entries, batch.held_back) == ([], messages)


def test_an_announced_payload_counts_where_memory_is_bounded() -> None:
    def size(body: str, attributes: dict[str, Any]) -> int:
        return ReceivedMessage("m", "h", body, attributes=attributes).size

    plain = size(pointer(), {})
    assert size(pointer(), announced(10_000)) == plain + 10_000
    assert size(pointer(), announced(-10_000)) == size(pointer(), announced("many")) == plain
    assert size("x" * len(pointer()), announced(10_000)) == plain


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"buckets": []},
        {"buckets": "payloads"},
        {"buckets": ["not/a bucket"]},
        {"buckets": ["payloads"], "max_bytes": 0},
        {"buckets": ["payloads"], "concurrency": 0},
    ],
    ids=lambda options: " ".join(f"{name}={value}" for name, value in options.items()) or "none",
)
def test_places_that_can_not_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        S3Payloads(**options)
