"""The forwarder's requests mean what they mean to another implementation of SQS."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Table

from saigon.aws.sqs import ForwarderConfig

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


def test_messages_become_rows_and_bad_ones_dead_letters(
    *,
    aws: Any,
    aws_queue: Any,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
    quick: ForwarderConfig,
) -> None:
    client = aws.client("sqs")
    for body in [*(order_json(f"a{n}") for n in range(12)), order_json("a0"), "poison"]:
        client.send_message(
            QueueUrl=aws_queue.url,
            MessageBody=body,
            MessageAttributes={"kind": {"DataType": "Binary", "BinaryValue": b"\x00"}},
        )
    forwarder = make_forwarder(
        sqs_queue_url=aws_queue.url,
        sqs_client=client,
        dead_letter=aws_queue.dead_letter_url,
        config=quick.model_copy(update={"max_attempts": 1}),
    )
    results = [forwarder.forward() for _ in range(3)]
    total = sum(results[1:], results[0])
    assert (total.received, total.inserted, total.duplicates, total.dead) == (14, 12, 1, 1)
    assert total.deleted == 14
    assert set(stored()) == {f"a{n}" for n in range(12)}
    dead = client.receive_message(
        QueueUrl=aws_queue.dead_letter_url, MessageAttributeNames=["All"]
    )["Messages"]
    assert [message["Body"] for message in dead] == ["poison"]
    assert set(dead[0]["MessageAttributes"]) == {"kind", "saigon.reason"}


def test_a_bad_message_is_left_to_the_queue_with_a_later_visibility(
    *, aws: Any, aws_queue: Any, make_forwarder: Make, orders: Table
) -> None:
    client = aws.client("sqs")
    client.send_message(QueueUrl=aws_queue.url, MessageBody="poison")
    forwarder = make_forwarder(sqs_queue_url=aws_queue.url, sqs_client=client)
    assert forwarder.forward().retried == 1
    assert forwarder.forward().received == 0
