"""A Lambda event is stored in one transaction; failures return to the queue and nothing else."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Table

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfig,
    ForwarderConfigError,
    ForwardResult,
    PayloadUnavailableError,
    StatementRefusedError,
    TableStatementBuilder,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)


class RaisingBuilder(TableStatementBuilder):
    """Raises an error at the message of this id."""

    def __init__(self, table: Table, error: BaseException, at: str = "b") -> None:
        super().__init__(table, key="id")
        self._error, self._at = error, at

    def get_statement_params(self, message: Any) -> dict[str, Any]:
        if message.id == self._at:
            raise self._error
        return super().get_statement_params(message)


@pytest.fixture
def partial(quick: ForwarderConfig) -> ForwarderConfig:
    return quick.model_copy(update={"partial_responses": True})


@pytest.fixture
def fifo(sqs: LocalSqs, order_json: Body) -> StrictQueue:
    """Two groups: one with a bad message in its middle, one without."""
    fifo = sqs.create_queue(fifo=True, dead_letter=sqs.create_queue(fifo=True), max_receive_count=5)
    bodies = [order_json("a1"), "poison", order_json("a3"), order_json("a4")]
    for body in bodies:
        fifo.put(body, group_id="a")
    fifo.put(order_json("b1"), group_id="b")
    return fifo


def ids_of(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def test_when_all_is_stored_aws_does_the_deleting(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder()
    for name in ("a", "b"):
        queue.put(order_json(name))
        assert forwarder.handle_lambda_event(queue.lambda_event(), CONTEXT) is None
    assert set(stored()) == {"a", "b"}
    assert queue.calls == ["GetQueueAttributes"]


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
    assert "poison" not in f"{caught.value!r} {caught.value.failures}"
    assert set(stored()) == {"a", "c"}
    assert [m.message_id for m in queue.messages] == [bad]
    assert [(r.received, r.inserted, r.deleted, r.retried) for r in results] == [(3, 2, 2, 1)]


def test_a_failure_stays_one_when_the_committed_ones_can_not_be_deleted(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue.put(order_json("a"))
    queue.put("poison")
    queue.refuse["DeleteMessageBatch"] = ["AccessDenied"]
    with pytest.raises(FailedMessagesError):
        make_forwarder().handle_lambda_event(queue.lambda_event(), None)
    assert set(stored()) == {"a"}
    assert "committed messages were not deleted" in caplog.text


def test_partial_responses_name_the_failed_ids_and_delete_nothing(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, partial: ForwarderConfig
) -> None:
    queue.put(order_json("a"))
    bad = queue.put("poison")
    forwarder = make_forwarder(config=partial)
    assert ids_of(forwarder.handle_lambda_event(queue.lambda_event(), None)) == [bad]
    assert len(queue.messages) == 2
    queue.put(order_json("b"))
    assert forwarder.handle_lambda_event(queue.lambda_event(), None) == {"batchItemFailures": []}
    assert forwarder.handle_lambda_event({"Records": []}, None) == {"batchItemFailures": []}


@pytest.mark.parametrize("is_partial", [False, True], ids=["raising", "answering"])
def test_the_second_delivery_of_a_message_in_an_event_has_the_fate_of_the_first(
    *,
    is_partial: bool,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
    quick: ForwarderConfig,
) -> None:
    queue.put(order_json("a"))
    bad = queue.put("poison")
    queue.deliver_twice = True
    event = queue.lambda_event()
    results: list[ForwardResult] = []
    config = quick.model_copy(update={"partial_responses": is_partial})
    forwarder = make_forwarder(config=config, hooks=[results.append])
    if is_partial:
        assert ids_of(forwarder.handle_lambda_event(event, None)) == [bad]
    else:
        with pytest.raises(FailedMessagesError) as caught:
            forwarder.handle_lambda_event(event, None)
        assert [failure.message_id for failure in caught.value.failures] == [bad]
        assert [m.message_id for m in queue.messages] == [bad]
    assert stored() == {"a": "item of a"}
    assert (results[0].received, results[0].inserted, results[0].duplicates) == (4, 1, 1)


def test_a_dead_lettered_message_is_no_failure(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, partial: ForwarderConfig
) -> None:
    plain, dead = sqs.create_queue(), sqs.create_queue()
    plain.put("poison")
    plain.put(order_json("a"))
    event = plain.lambda_event()
    options = {"sqs_queue_url": plain.url, "dead_letter": dead.url}
    assert make_forwarder(**options).handle_lambda_event(event, None) is None
    answer = make_forwarder(**options, config=partial).handle_lambda_event(event, None)
    assert answer == {"batchItemFailures": []}
    assert [message.body for message in dead.messages] == ["poison", "poison"]


def test_a_dead_lettered_message_is_deleted_along_where_another_one_fails(
    *, sqs: LocalSqs, make_forwarder: Make, dead_letters: StrictQueue, queue: StrictQueue
) -> None:
    other = sqs.create_queue()
    for body in ("first", "second"):
        queue.put(body)
    event = queue.lambda_event()
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "7"
    config = ForwarderConfig(max_attempts=7)
    with pytest.raises(FailedMessagesError) as caught:
        make_forwarder(dead_letter=other.url, config=config).handle_lambda_event(event, None)
    assert [failure.dead for failure in caught.value.failures] == [False]
    assert [message.body for message in queue.messages] == ["second"]
    assert [message.body for message in other.messages] == ["first"]
    assert dead_letters.messages == []


def test_a_copy_that_fails_keeps_its_message_and_spoils_no_other(
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


def test_a_queue_whose_bad_messages_have_nowhere_to_go_is_refused_before_anything_is_stored(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    plain = sqs.create_queue()
    plain.put(order_json("a"))
    with pytest.raises(ForwarderConfigError, match="dead_letter="):
        make_forwarder(sqs_queue_url=plain.url).handle_lambda_event(plain.lambda_event(), None)
    assert stored() == {}


@pytest.mark.parametrize("is_partial", [False, True], ids=["raising", "answering"])
def test_fifo_failures_take_the_rest_of_their_group_along(
    *,
    is_partial: bool,
    sqs: LocalSqs,
    fifo: StrictQueue,
    make_forwarder: Make,
    stored: Stored,
    quick: ForwarderConfig,
) -> None:
    config = quick.model_copy(update={"partial_responses": is_partial})
    forwarder = make_forwarder(sqs_queue_url=fifo.url, config=config)
    kept = [message.message_id for message in fifo.messages[1:4]]
    if is_partial:
        assert ids_of(forwarder.handle_lambda_event(fifo.lambda_event(), None)) == kept
        assert len(fifo.messages) == 5
    else:
        with pytest.raises(FailedMessagesError) as caught:
            forwarder.handle_lambda_event(fifo.lambda_event(), None)
        assert [failure.message_id for failure in caught.value.failures] == kept
        assert {f.reason for f in caught.value.failures[1:]} == {
            "behind a bad message of its group"
        }
        assert [message.message_id for message in fifo.messages] == kept
    assert set(stored()) == {"a1", "b1"}
    assert {m.visible_at - sqs.now for m in fifo.messages if m.message_id in kept} == {1}


def test_a_group_that_failed_once_is_tried_again_by_the_same_forwarder(
    sqs: LocalSqs, fifo: StrictQueue, make_forwarder: Make, stored: Stored, order_json: Body
) -> None:
    forwarder = make_forwarder(sqs_queue_url=fifo.url)
    with pytest.raises(FailedMessagesError):
        forwarder.handle_lambda_event(fifo.lambda_event(), None)
    fifo.messages[0].body = order_json("a2")
    sqs.advance(1)
    assert forwarder.handle_lambda_event(fifo.lambda_event(), None) is None
    assert set(stored()) == {"a1", "a2", "a3", "a4", "b1"}


@pytest.mark.parametrize(
    "error",
    [DatabaseUnavailableError("down"), PayloadUnavailableError("down")],
    ids=["database", "payloads"],
)
@pytest.mark.parametrize("is_partial", [False, True], ids=["raising", "answering"])
def test_an_outage_is_raised_and_lengthens_visibility(
    *,
    is_partial: bool,
    error: Exception,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    sqs: LocalSqs,
) -> None:
    names = [f"a{number}" for number in range(25)]
    for name in names:
        queue.put(order_json(name))
    results: list[ForwardResult] = []
    forwarder = make_forwarder(
        target=RaisingBuilder(orders, error, at=names[-1]),
        config=ForwarderConfig(outage_visibility=4_000, partial_responses=is_partial),
        hooks=[results.append],
    )
    with pytest.raises(type(error)):
        forwarder.handle_lambda_event(queue.lambda_event(25, visibility=30), CONTEXT)
    assert {message.visible_at for message in queue.messages} == {sqs.now + 4_000}
    assert queue.calls == ["GetQueueAttributes"] + 3 * ["ChangeMessageVisibilityBatch"]
    assert [(r.received, r.retried, r.inserted) for r in results] == [(25, 25, 0)]


def test_a_database_that_can_not_be_opened_is_an_outage(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sqs: LocalSqs
) -> None:
    queue.put(order_json("a"))
    forwarder = make_forwarder(db_connector=DbConnector("sqlite:////nowhere/at/all.db"))
    with pytest.raises(DatabaseUnavailableError):
        forwarder.handle_lambda_event(queue.lambda_event(visibility=30), CONTEXT)
    assert queue.messages[0].visible_at == sqs.now + 300


@pytest.mark.parametrize(
    "error",
    [StatementRefusedError("no such table"), KeyboardInterrupt(), RuntimeError("a bug")],
    ids=["refused", "interrupted", "broken"],
)
def test_what_no_message_is_to_blame_for_is_raised_and_touches_none(
    *,
    error: BaseException,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    stored: Stored,
    sqs: LocalSqs,
) -> None:
    for name in ("a", "b"):
        queue.put(order_json(name))
    forwarder = make_forwarder(target=RaisingBuilder(orders, error))
    with pytest.raises(type(error)):
        forwarder.handle_lambda_event(queue.lambda_event(visibility=30), CONTEXT)
    assert stored() == {}
    assert queue.calls == ["GetQueueAttributes"]
    assert {message.visible_at for message in queue.messages} == {sqs.now + 30}


def test_a_hook_that_raises_changes_no_answer(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    told: list[ForwardResult] = []

    def hook(result: ForwardResult) -> None:
        told.append(result)
        raise RuntimeError("broken")

    forwarder = make_forwarder(hooks=[hook])
    assert forwarder.handle_lambda_event(queue.lambda_event(), None) is None
    assert len(told) == 1
