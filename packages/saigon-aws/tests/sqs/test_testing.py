"""The local queue is as strict as the tests that rely on it need."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from saigon.aws.sqs.testing import LocalSqs, StrictQueue


@pytest.fixture
def client(sqs: LocalSqs) -> Any:
    return sqs.client()


def receive(client: Any, queue: StrictQueue, **options: Any) -> list[dict[str, Any]]:
    answer = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, **options)
    return list(answer.get("Messages", []))


def delete(client: Any, queue: StrictQueue, *handles: str) -> dict[str, Any]:
    entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles)]
    answer: dict[str, Any] = client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    return answer


def test_a_received_message_is_hidden_until_its_time_is_over(
    client: Any, queue: StrictQueue, sqs: LocalSqs
) -> None:
    client.send_message(QueueUrl=queue.url, MessageBody="a")
    first = receive(client, queue, VisibilityTimeout=5)
    assert receive(client, queue) == []
    sqs.advance(5)
    second = receive(client, queue)
    assert first[0]["MessageId"] == second[0]["MessageId"]
    assert first[0]["ReceiptHandle"] != second[0]["ReceiptHandle"]
    assert second[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_an_old_handle_deletes_nothing(client: Any, queue: StrictQueue) -> None:
    queue.put("a")
    old, new = (receive(client, queue, VisibilityTimeout=0)[0]["ReceiptHandle"] for _ in "12")
    assert len(delete(client, queue, old)["Successful"]) == 1
    assert len(queue.messages) == 1
    delete(client, queue, new)
    assert queue.messages == []


def test_the_limits_of_a_batch_are_kept(client: Any, queue: StrictQueue) -> None:
    same = [{"Id": "0", "ReceiptHandle": "x#1"}] * 2
    many = [{"Id": str(i), "ReceiptHandle": "x#1"} for i in range(11)]
    for entries, code in (
        (same, "BatchEntryIdsNotDistinct"),
        (many, "TooManyEntriesInBatchRequest"),
        ([], "EmptyBatchRequest"),
    ):
        with pytest.raises(ClientError, match=code):
            client.delete_message_batch(QueueUrl=queue.url, Entries=entries)


def test_a_group_is_closed_while_one_of_its_messages_is_in_flight(
    client: Any, sqs: LocalSqs
) -> None:
    fifo = sqs.create_queue(fifo=True)
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        fifo.put(body, group_id=group)
    first = fifo.receive(1, 30)
    assert [raw["Body"] for raw in first] == ["a1"]
    assert [raw["Body"] for raw in receive(client, fifo)] == ["b1"]
    delete(client, fifo, first[0]["ReceiptHandle"])
    assert [raw["Body"] for raw in receive(client, fifo)] == ["a2"]


def test_an_unknown_queue_is_refused(client: Any, sqs: LocalSqs) -> None:
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client.receive_message(QueueUrl=f"{sqs.endpoint_url}/123456789012/none")
