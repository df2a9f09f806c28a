"""Events as AWS documents them are read as they are, and what is no event of the queue is refused.

``standard.json`` and ``fifo.json`` are of https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html,
``attributes.json`` is the example of https://github.com/aws/aws-lambda-go/tree/main/events.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.aws.sqs import FailedMessagesError, ForwarderConfig, ForwarderConfigError
from saigon.aws.sqs.testing import LocalSqs, StrictQueue

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

EVENTS = Path(__file__).with_name("lambda_events")
URL = "https://sqs.us-east-2.amazonaws.com/123456789012/"


class Client:
    """Records the requests for a queue that is only in events."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[int] = set()

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def answer(**request: Any) -> dict[str, Any]:
            self.threads.add(threading.get_ident())
            self.requests.append((operation, request))
            return {}

        return answer

    def handles(self, operation: str) -> list[str]:
        entries = [
            entry for name, r in self.requests if name == operation for entry in r["Entries"]
        ]
        return [entry["ReceiptHandle"] for entry in entries]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def make(make_forwarder: Make, client: Client) -> Make:
    def make(queue_name: str, **config: Any) -> Any:
        return make_forwarder(
            sqs_queue_url=URL + queue_name,
            dead_letter=URL + "dead" + (".fifo" if queue_name.endswith(".fifo") else ""),
            sqs_client=client,
            config=ForwarderConfig(**config),
        )

    return make


def event_of(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def test_the_messages_of_a_standard_queue_are_deleted_with_the_handles_of_the_event(
    make: Make, client: Client, order_json: Body, stored: Stored
) -> None:
    def decode(body: str) -> str:
        return order_json("a") if body == "Test message." else body

    event = event_of("standard")
    forwarder = make("my-queue", decode=decode, max_attempts=9)
    assert forwarder.handle_lambda_event(event, None) is None
    assert (stored(), client.requests) == ({"a": "item of a"}, [])
    event["Records"][1]["body"] = "Another message."
    with pytest.raises(FailedMessagesError, match="2e1424d4-f796-459a-8184-9c92662be6da"):
        forwarder.handle_lambda_event(event, None)
    first, second = (record["receiptHandle"] for record in event["Records"])
    assert client.handles("delete_message_batch") == [first]
    assert client.handles("change_message_visibility_batch") == [second]


def test_a_message_of_a_fifo_queue_is_copied_with_its_group_and_its_id(
    make: Make, client: Client
) -> None:
    assert make("fifo.fifo", max_attempts=1).handle_lambda_event(event_of("fifo"), None) is None
    ((operation, request),) = client.requests
    assert (operation, request["MessageBody"]) == ("send_message", "Test message.")
    assert request["MessageGroupId"] == "1"
    assert request["MessageDeduplicationId"] == "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"


def test_a_failed_message_of_a_fifo_queue_is_reported_by_its_id(make: Make) -> None:
    forwarder = make("fifo.fifo", max_attempts=9, partial_responses=True)
    assert forwarder.handle_lambda_event(event_of("fifo"), None) == {
        "batchItemFailures": [{"itemIdentifier": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"}]
    }


def test_attributes_are_copied_as_sqs_takes_them(make: Make, client: Client) -> None:
    forwarder = make("SQSQueue", max_attempts=2)
    assert forwarder.handle_lambda_event(event_of("attributes"), None) is None
    ((_, request),) = client.requests
    reason = request["MessageAttributes"].pop("saigon.reason")
    assert "Message Body" not in reason["StringValue"]
    assert request["MessageAttributes"] == {
        "Attribute1": {"DataType": "String", "StringValue": "AttributeValue1"},
        "Attribute2": {"DataType": "Number", "StringValue": "123"},
        "Attribute3": {"DataType": "Binary", "BinaryValue": b"1100"},
    }


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"detail": {}},
        {"Records": None},
        {"Records": ["not a record"]},
        {"Records": [{"EventSource": "aws:sns"}]},
    ],
    ids=["none", "list", "no records", "null records", "text", "sns"],
)
def test_what_is_no_event_of_sqs_is_refused(event: Any, make: Make, client: Client) -> None:
    with pytest.raises(ForwarderConfigError, match="expected an event of SQS"):
        make("my-queue").handle_lambda_event(event, None)
    assert client.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"messageId": None},
        {"receiptHandle": None},
        {"body": None},
        {"body": {"secret": 1}},
        {"eventSourceARN": None},
        {"attributes": {"ApproximateReceiveCount": "secret"}},
        {"messageAttributes": {"a": {"stringValue": "secret"}}},
        {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "sécret"}}},
    ],
    ids=[
        "no id",
        "no handle",
        "no body",
        "body is an object",
        "no queue",
        "count is no number",
        "attribute without a type",
        "attribute not in base64",
    ],
)
def test_a_record_that_can_not_be_read_is_refused_without_its_contents(
    changes: dict[str, Any], make: Make, client: Client
) -> None:
    event = event_of("standard")
    event["Records"][1] |= changes
    with pytest.raises(ForwarderConfigError, match="expected an event of SQS") as caught:
        make("my-queue").handle_lambda_event(event, None)
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any("cret" in str(error) for error in chain)
    assert client.requests == []


@pytest.mark.parametrize("queue_name", ["my-queue-2", "queue"])
def test_an_event_of_another_queue_is_refused(queue_name: str, make: Make, stored: Stored) -> None:
    with pytest.raises(ForwarderConfigError, match="us-east-2:123456789012:my-queue"):
        make(queue_name).handle_lambda_event(event_of("standard"), None)


def test_an_event_of_a_namesake_in_another_account_is_refused(make: Make) -> None:
    event = event_of("standard")
    event["Records"][1]["eventSourceARN"] = "arn:aws:sqs:us-east-2:999999999999:my-queue"
    with pytest.raises(ForwarderConfigError, match="999999999999"):
        make("my-queue").handle_lambda_event(event, None)


def test_a_field_that_aws_adds_later_changes_nothing(
    sqs: LocalSqs, make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    event = queue.lambda_event() | {"NextField": 1}
    event["Records"][0] |= {"nextField": {}}
    event["Records"][0]["attributes"]["NextField"] = "1"
    assert make_forwarder().handle_lambda_event(event, None) is None
    assert set(stored()) == {"a"}


def test_ten_thousand_messages_are_stored_at_once_and_deleted_several_at_a_time(
    make: Make, client: Client, order_json: Body, stored: Stored
) -> None:
    (record, _) = event_of("standard")["Records"]
    bodies = ["poison", *(order_json(f"{n}") for n in range(9_999))]
    records = [
        record | {"messageId": f"m{n}", "receiptHandle": f"h{n}", "body": body}
        for n, body in enumerate(bodies)
    ]
    forwarder = make("my-queue", max_attempts=9, concurrency=3)
    with pytest.raises(FailedMessagesError):
        forwarder.handle_lambda_event({"Records": records}, None)
    assert len(stored()) == 9_999
    deleted = client.handles("delete_message_batch")
    assert sorted(deleted) == sorted(f"h{n}" for n in range(1, 10_000))
    assert len([name for name, _ in client.requests if name == "delete_message_batch"]) == 1_000
