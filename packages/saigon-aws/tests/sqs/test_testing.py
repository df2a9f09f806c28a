"""The local queue is as strict as the tests that rely on it need."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from saigon.aws.sqs.testing import LocalSqs, StrictQueue


@pytest.fixture
def client(sqs: LocalSqs) -> Any:
    return sqs.client()


@pytest.fixture
def fifo(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue(fifo=True)


def receive(client: Any, queue: StrictQueue, **options: Any) -> list[dict[str, Any]]:
    answer = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, **options)
    return list(answer.get("Messages", []))


def delete(client: Any, queue: StrictQueue, *handles: str) -> dict[str, Any]:
    entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles)]
    answer: dict[str, Any] = client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    return answer


def hide(client: Any, queue: StrictQueue, handle: str, seconds: int) -> None:
    client.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=seconds
    )


def handles(deliveries: list[dict[str, Any]]) -> list[str]:
    return [delivery["ReceiptHandle"] for delivery in deliveries]


def bodies(deliveries: list[dict[str, Any]]) -> list[str]:
    return [delivery["Body"] for delivery in deliveries]


def test_a_received_message_is_hidden_until_its_time_is_over(
    client: Any, queue: StrictQueue, sqs: LocalSqs
) -> None:
    client.send_message(QueueUrl=queue.url, MessageBody="a")
    asked = {"MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    first = receive(client, queue, VisibilityTimeout=5)
    assert receive(client, queue) == []
    sqs.advance(5)
    second = receive(client, queue, **asked)
    assert first[0]["MessageId"] == second[0]["MessageId"]
    assert handles(first) != handles(second)
    assert second[0]["Attributes"] == {"ApproximateReceiveCount": "2"}


def test_an_old_handle_deletes_nothing(client: Any, queue: StrictQueue) -> None:
    queue.put("a")
    old, new = (receive(client, queue, VisibilityTimeout=0)[0]["ReceiptHandle"] for _ in "12")
    assert len(delete(client, queue, old)["Successful"]) == 1
    assert len(queue.messages) == 1
    delete(client, queue, new)
    assert queue.messages == []


def test_a_fifo_queue_refuses_a_handle_whose_time_is_over(
    client: Any, fifo: StrictQueue, sqs: LocalSqs
) -> None:
    fifo.put("a", group_id="a")
    received = receive(client, fifo, VisibilityTimeout=5)
    sqs.advance(5)
    failed = delete(client, fifo, *handles(received))["Failed"]
    assert (failed[0]["Code"], failed[0]["SenderFault"]) == ("InvalidParameterValue", True)


def test_the_limits_of_a_batch_are_kept(client: Any, queue: StrictQueue) -> None:
    same = [{"Id": "0", "ReceiptHandle": "x#1"}] * 2
    many = [{"Id": str(i), "ReceiptHandle": "x#1"} for i in range(11)]
    odd = [{"Id": "a.b", "ReceiptHandle": "x#1"}]
    for entries, code in (
        (same, "BatchEntryIdsNotDistinct"),
        (many, "TooManyEntriesInBatchRequest"),
        (odd, "InvalidBatchEntryId"),
        ([], "EmptyBatchRequest"),
    ):
        with pytest.raises(ClientError, match=code):
            client.delete_message_batch(QueueUrl=queue.url, Entries=entries)


def test_only_what_is_in_flight_is_hidden_and_no_longer_than_twelve_hours(
    client: Any, queue: StrictQueue, sqs: LocalSqs
) -> None:
    queue.put("a")
    handle = receive(client, queue, VisibilityTimeout=60)[0]["ReceiptHandle"]
    sqs.advance(50)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        hide(client, queue, handle, 43_200)
    hide(client, queue, handle, 43_200 - 50)
    hide(client, queue, handle, 0)
    with pytest.raises(ClientError, match="MessageNotInflight"):
        hide(client, queue, handle, 60)


def test_a_group_is_closed_while_one_of_its_messages_is_in_flight(
    client: Any, fifo: StrictQueue
) -> None:
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        fifo.put(body, group_id=group)
    first = fifo.receive(1, 30)
    assert bodies(first) == ["a1"]
    assert bodies(receive(client, fifo)) == ["b1"]
    delete(client, fifo, *handles(first))
    assert bodies(receive(client, fifo)) == ["a2"]


@dataclass(slots=True)
class Plain:
    """A message of the oracle, which looks at all of them each time."""

    body: str
    group: str
    visible_at: float = 0.0
    handle: str = ""


STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("abc")),
    st.tuples(st.just("receive"), st.integers(1, 10)),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("hide"), st.integers(0, 20), st.integers(0, 9)),
    st.tuples(st.just("advance"), st.integers(1, 9)),
)


class Oracle:
    """The same queue without heaps: every rule is one look at all messages."""

    def __init__(self, queue: StrictQueue, sqs: LocalSqs) -> None:
        self._queue = queue
        self._sqs = sqs
        self._messages: list[Plain] = []

    def put(self, group: str) -> None:
        message = Plain(str(len(self._messages)), group)
        self._messages.append(message)
        self._queue.put(message.body, group_id=group)

    def receive(self, count: int) -> None:
        hidden = {m.group for m in self._messages if self._is_hidden(m)}
        closed = hidden if self._queue.is_fifo else set()
        expected = [m for m in self._messages if not self._is_hidden(m) and m.group not in closed][
            :count
        ]
        received = self._queue.receive(count, 5)
        assert bodies(received) == [message.body for message in expected]
        for message, raw in zip(expected, received, strict=True):
            message.visible_at = self._sqs.now + 5
            message.handle = raw["ReceiptHandle"]

    def delete(self, place: int) -> None:
        for message in self._in_flight(place):
            message.visible_at = float("inf")
            message.group = f"deleted {message.body}"
            request = {"Entries": [{"Id": "0", "ReceiptHandle": message.handle}]}
            assert self._queue.answer("DeleteMessageBatch", request)["Failed"] == []

    def hide(self, place: int, seconds: int) -> None:
        for message in self._in_flight(place):
            message.visible_at = self._sqs.now + seconds
            self._queue.answer(
                "ChangeMessageVisibility",
                {"ReceiptHandle": message.handle, "VisibilityTimeout": seconds},
            )

    def advance(self, seconds: int) -> None:
        self._sqs.advance(seconds)

    def _in_flight(self, place: int) -> list[Plain]:
        found = [m for m in self._messages if self._sqs.now < m.visible_at < float("inf")]
        return found[place : place + 1]

    def _is_hidden(self, message: Plain) -> bool:
        return message.visible_at > self._sqs.now


@pytest.mark.parametrize("is_fifo", [False, True], ids=["standard", "fifo"])
@given(steps=st.lists(STEPS, max_size=40))
def test_each_receive_gives_what_a_look_at_all_messages_would(
    is_fifo: bool, steps: list[tuple[Any, ...]], sqs: LocalSqs
) -> None:
    oracle = Oracle(sqs.create_queue(fifo=is_fifo), sqs)
    for name, *arguments in steps:
        getattr(oracle, name)(*arguments)


def test_the_same_attempt_is_answered_the_same_while_nothing_of_it_has_changed(
    client: Any, fifo: StrictQueue, sqs: LocalSqs
) -> None:
    for name in ("a1", "a2"):
        fifo.put(name, group_id="a")
    attempt = {"ReceiveRequestAttemptId": "x", "VisibilityTimeout": 30}
    fifo.lose_answers["ReceiveMessage"] = 1
    with pytest.raises(Exception, match="Connection was closed"):
        receive(client, fifo, **attempt)
    sqs.advance(20)
    again = receive(client, fifo, **attempt)
    assert bodies(again) == ["a1", "a2"]
    sqs.advance(20)  # hidden anew
    assert handles(receive(client, fifo, **attempt)) == handles(again)
    assert fifo.messages[0].receive_count == 1
    delete(client, fifo, again[0]["ReceiptHandle"])
    assert receive(client, fifo, **attempt) == []


def test_a_deduplication_id_is_one_message_for_five_minutes_even_deleted(
    client: Any, sqs: LocalSqs
) -> None:
    fifo = sqs.create_queue(fifo=True, content_based_deduplication=True)
    message = {"QueueUrl": fifo.url, "MessageBody": "a", "MessageGroupId": "g"}
    first = client.send_message(**message)
    delete(client, fifo, *handles(fifo.receive(10)))
    sqs.advance(299)
    assert client.send_message(**message)["SequenceNumber"] == first["SequenceNumber"]
    assert fifo.messages == []
    assert client.send_message(**message, MessageDeduplicationId="b")["MessageId"]
    sqs.advance(1)
    client.send_message(**message)
    assert len(fifo.messages) == 2


def test_a_message_that_was_received_too_often_goes_to_the_dead_letters(sqs: LocalSqs) -> None:
    dead = sqs.create_queue()
    queue = sqs.create_queue(dead_letter=dead, max_receive_count=2)
    message_id = queue.put("a")
    received = [bodies(queue.receive(10, 0)) for _ in range(3)]
    assert received == [["a"], ["a"], []]
    assert queue.messages == []
    assert [m.message_id for m in dead.messages] == [message_id]
    assert dead.receive(1)[0]["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn


def test_attributes_come_only_when_they_are_asked_for(client: Any, fifo: StrictQueue) -> None:
    client.send_message(
        QueueUrl=fifo.url,
        MessageBody="a",
        MessageGroupId="g",
        MessageDeduplicationId="d",
        MessageAttributes={
            "trace.id": {"DataType": "String", "StringValue": "1"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00"},
        },
    )
    plain, some, everything = (
        receive(client, fifo, VisibilityTimeout=0, **asked)[0]
        for asked in (
            {},
            {"MessageSystemAttributeNames": ["MessageGroupId"], "MessageAttributeNames": ["t.*"]},
            {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["trace.*", "bytes"]},
        )
    )
    assert not {"Attributes", "MessageAttributes"} & set(plain)
    assert some["Attributes"] == {"MessageGroupId": "g"}
    assert "MessageAttributes" not in some
    assert everything["MessageAttributes"]["bytes"]["BinaryValue"] == b"\x00"
    assert set(everything["MessageAttributes"]) == {"trace.id", "bytes"}
    assert everything["Attributes"] | {"SenderId": "", "SentTimestamp": ""} == {
        "ApproximateReceiveCount": "3",
        "ApproximateFirstReceiveTimestamp": everything["Attributes"]["SentTimestamp"],
        "MessageDeduplicationId": "d",
        "MessageGroupId": "g",
        "SenderId": "",
        "SentTimestamp": "",
        "SequenceNumber": "00000000000000000001",
    }


def test_the_queues_attributes_are_those_of_sqs(client: Any, queue: StrictQueue) -> None:
    def asked(*names: str) -> Any:
        return client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)

    assert asked("QueueArn", "VisibilityTimeout", "FifoQueue")["Attributes"] == {
        "QueueArn": queue.arn,
        "VisibilityTimeout": "30",
    }
    with pytest.raises(ClientError, match="InvalidAttributeName"):
        asked("Colour")


def test_an_event_of_lambda_is_spelled_as_aws_documents_it(
    queue: StrictQueue, fifo: StrictQueue
) -> None:
    text = {"DataType": "String", "StringValue": "x"}
    queue.put(
        "Test message.", attributes={"t": text, "b": {"DataType": "Binary", "BinaryValue": b""}}
    )
    fifo.put("a", group_id="1", deduplication_id="2")
    [record] = queue.lambda_event()["Records"]
    [ordered] = fifo.lambda_event()["Records"]
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "t": {"stringValue": "x", "dataType": "String", **lists},
        "b": {"binaryValue": "", "dataType": "Binary", **lists},
    }
    assert record["md5OfBody"] == "e4e68fb7bd0e697a0ae8f1bb342846b3"  # of AWS's example
    always = {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert set(record["attributes"]) == always
    assert set(ordered["attributes"]) == always | {
        "SequenceNumber",
        "MessageGroupId",
        "MessageDeduplicationId",
    }
    assert set(ordered) == set(record)


def shuffled(sqs: LocalSqs, seed: int, **options: Any) -> list[str]:
    queue = sqs.create_queue(shuffled=True, seed=seed, **options)
    for number in range(30):
        queue.put(str(number), group_id="g" if queue.is_fifo else None)
    return bodies(queue.receive(30))


def test_a_shuffled_queue_gives_an_order_of_its_seed_and_keeps_that_of_groups(
    sqs: LocalSqs,
) -> None:
    first = shuffled(sqs, 1)
    assert first == shuffled(sqs, 1) != shuffled(sqs, 2)
    ordered = [str(number) for number in range(30)]
    assert sorted(first, key=int) == ordered == shuffled(sqs, 1, fifo=True)


def test_duplicates_come_while_in_flight_and_after_deletion(client: Any, sqs: LocalSqs) -> None:
    queue = sqs.create_queue(duplicates=0.5, seed=1)
    for number in range(100):
        queue.put(str(number))
    deleted, came_again = set[str](), 0
    while received := receive(client, queue):
        came_again += len(deleted.intersection(bodies(received)))
        delete(client, queue, *handles(received))
        deleted.update(bodies(received))
    assert (len(deleted), queue.messages) == (100, [])
    assert 10 < came_again < 300
    queue.put("in flight")
    assert 1 < sum(len(queue.receive(10)) for _ in range(20)) < 20


@pytest.fixture
def ticking() -> Iterator[LocalSqs]:
    with LocalSqs(clock=time.monotonic) as sqs:
        yield sqs


def test_on_a_real_clock_messages_become_visible_by_themselves(ticking: LocalSqs) -> None:
    queue = ticking.create_queue(visibility_timeout=0.05)
    queue.put("a")
    assert len(queue.receive(1)) == 1
    assert queue.receive(1) == []
    assert bodies(receive(ticking.client(), queue, WaitTimeSeconds=5)) == ["a"]


def test_a_request_may_hang_and_is_let_go_when_the_server_ends(sqs: LocalSqs) -> None:
    from botocore.config import Config

    queue = sqs.create_queue()
    queue.put("a")
    queue.hang["ReceiveMessage"] = 1
    client = sqs.client(Config(read_timeout=0.1))
    with pytest.raises(ReadTimeoutError):
        receive(client, queue)
    assert bodies(receive(client, queue)) == ["a"]


def test_single_entries_fail_by_themselves(client: Any, queue: StrictQueue) -> None:
    for name in ("a", "b"):
        queue.put(name)
    received = receive(client, queue)
    queue.fail_deletes = queue.fail_changes = 1
    with pytest.raises(ClientError, match="InternalError"):
        hide(client, queue, received[0]["ReceiptHandle"], 5)
    answer = delete(client, queue, *handles(received))
    assert [entry["Id"] for entry in answer["Successful"]] == ["1"]
    assert [entry["SenderFault"] for entry in answer["Failed"]] == [False]
    assert [message.body for message in queue.messages] == ["a"]


@pytest.mark.parametrize(
    ("code", "name", "status"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400),
        ("OverLimit", "OverLimit", 403),
        ("ServiceUnavailable", None, 503),
    ],
    ids=["unknown", "too many", "unavailable"],
)
def test_refusals_have_the_codes_classes_and_statuses_of_sqs(
    code: str, name: str | None, status: int, client: Any, queue: StrictQueue
) -> None:
    queue.refuse["ReceiveMessage"] = [code]
    with pytest.raises(ClientError) as caught:
        receive(client, queue)
    assert type(caught.value).__name__ == (name or "ClientError")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_unknown_queue_is_refused(client: Any, sqs: LocalSqs) -> None:
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client.receive_message(QueueUrl=f"{sqs.endpoint_url}/123456789012/none")


def test_what_sqs_would_not_take_is_refused(
    client: Any, queue: StrictQueue, fifo: StrictQueue
) -> None:
    for to, body, code in (
        (queue, "\x01", "InvalidMessageContents"),
        (queue, "x" * 1_048_577, "InvalidParameterValue"),
        (fifo, "no group", "MissingParameter"),
    ):
        with pytest.raises(ClientError, match=code):
            client.send_message(QueueUrl=to.url, MessageBody=body)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        receive(client, queue, VisibilityTimeout=43_201)
