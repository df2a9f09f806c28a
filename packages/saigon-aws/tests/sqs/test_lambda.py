"""A Lambda event is stored in one transaction; failures return to the queue and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfig,
    ForwarderConfigError,
    ForwardResult,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


class Context:
    def __init__(self, milliseconds: int = 30_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_when_all_is_stored_aws_does_the_deleting(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.put(order_json("b"))
    assert make_forwarder().handle_lambda_event(queue.lambda_event(), Context()) is None
    assert set(stored()) == {"a", "b"}
    assert queue.calls == []


def test_a_failure_is_raised_after_the_good_ones_are_committed_and_deleted(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    bad = queue.put("poison")
    queue.put(order_json("c"))
    results: list[ForwardResult] = []
    forwarder = make_forwarder(hooks=[results.append])
    with pytest.raises(FailedMessagesError, match=bad) as caught:
        forwarder.handle_lambda_event(queue.lambda_event(), None)
    assert [failure.message_id for failure in caught.value.failures] == [bad]
    assert set(stored()) == {"a", "c"}
    assert [m.message_id for m in queue.messages] == [bad]
    assert (results[0].deleted, results[0].retried) == (2, 1)


def test_partial_responses_name_the_failed_ids_and_delete_nothing(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, quick: ForwarderConfig
) -> None:
    queue.put(order_json("a"))
    bad = queue.put("poison")
    config = quick.model_copy(update={"partial_responses": True})
    forwarder = make_forwarder(config=config)
    answer = forwarder.handle_lambda_event(queue.lambda_event(), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}
    assert len(queue.messages) == 2
    assert forwarder.handle_lambda_event({"Records": []}, None) == {"batchItemFailures": []}


def test_a_dead_lettered_message_is_no_failure(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body
) -> None:
    plain, dead = sqs.create_queue(), sqs.create_queue()
    attributes = {
        "text": {"dataType": "String", "stringValue": "x", "binaryListValues": []},
        "bytes": {"dataType": "Binary", "binaryValue": "AAE="},
    }
    plain.put("poison")
    event = plain.lambda_event()
    event["Records"][0]["messageAttributes"] = attributes
    forwarder = make_forwarder(sqs_queue_url=plain.url, dead_letter=dead.url)
    assert forwarder.handle_lambda_event(event, None) is None
    assert set(dead.messages[0].attributes) == {"text", "bytes", "saigon.reason"}
    assert dead.messages[0].attributes["bytes"]["BinaryValue"] == "AAE="  # as sent on the wire


def test_an_outage_stops_at_once_and_lengthens_visibility(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sqs: LocalSqs
) -> None:
    queue.put(order_json("a"))
    forwarder = make_forwarder(db_connector=DbConnector("sqlite:////nowhere/at/all.db"))
    with pytest.raises(DatabaseUnavailableError):
        forwarder.handle_lambda_event(queue.lambda_event(visibility=30), Context())
    assert queue.messages[0].visible_at == sqs.now + 300


def test_fifo_failures_take_the_rest_of_their_group_along(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, stored: Stored, quick: ForwarderConfig
) -> None:
    fifo = sqs.create_queue(fifo=True)
    fifo.put(order_json("a1"), group_id="a")
    bad = fifo.put("poison", group_id="a")
    later = fifo.put(order_json("a3"), group_id="a")
    fifo.put(order_json("b1"), group_id="b")
    config = quick.model_copy(update={"partial_responses": True})
    forwarder = make_forwarder(sqs_queue_url=fifo.url, config=config)
    answer = forwarder.handle_lambda_event(fifo.lambda_event(), None)
    assert [entry["itemIdentifier"] for entry in answer["batchItemFailures"]] == [bad, later]
    assert set(stored()) == {"a1", "b1"}


def test_an_event_of_another_queue_is_refused(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    other = sqs.create_queue()
    other.put(order_json("a"))
    with pytest.raises(ForwarderConfigError, match=other.name):
        make_forwarder().handle_lambda_event(other.lambda_event(), None)
    with pytest.raises(ForwarderConfigError, match="expected an event of SQS"):
        make_forwarder().handle_lambda_event({"detail": json.dumps({})}, None)
    assert stored() == {}


def test_a_body_that_no_queue_takes_spoils_no_other_message(
    *,
    sqs: LocalSqs,
    make_forwarder: Make,
    order_json: Body,
    dead_letters: StrictQueue,
    stored: Stored,
) -> None:
    queue = sqs.create_queue()
    for name in ("a", "b"):
        queue.put(order_json(name))
    event = queue.lambda_event()
    event["Records"][0]["body"] = "\ud800"
    dead_letters.refuse["SendMessage"] = ["InvalidMessageContents"]
    with pytest.raises(FailedMessagesError):
        make_forwarder(sqs_queue_url=queue.url, dead_letter=dead_letters.url).handle_lambda_event(
            event, None
        )
    assert set(stored()) == {"b"}
    assert len(queue.messages) == 1
