"""One receive, one transaction, one delete."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    ForwarderConfig,
    ForwarderConfigError,
    ForwarderError,
    ForwardResult,
    MessageRejectedError,
    QueueError,
    RowCounts,
    StatementRefusedError,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector, transaction_context

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


def counts(result: ForwardResult) -> dict[str, int]:
    names = ("received", "inserted", "duplicates", "dead", "retried", "deleted")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


def test_messages_become_rows_and_leave_the_queue(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    for number in range(3):
        queue.put(order_json(f"a{number}"))
    result = make_forwarder().forward()
    assert counts(result) == {"received": 3, "inserted": 3, "deleted": 3}
    assert set(stored()) == {"a0", "a1", "a2"}
    assert queue.messages == []


def test_an_empty_queue_writes_nothing(make_forwarder: Make, queue: StrictQueue) -> None:
    assert counts(make_forwarder().forward()) == {}
    assert "DeleteMessageBatch" not in queue.calls


def test_a_message_that_is_stored_already_is_a_duplicate_and_deleted(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder()
    assert forwarder.forward_message(order_json("a", item="first")) == RowCounts(1, 0)
    queue.put(order_json("a", item="second"))
    assert counts(forwarder.forward()) == {"received": 1, "duplicates": 1, "deleted": 1}
    assert stored() == {"a": "first"}


def test_every_delivery_of_a_message_that_came_twice_is_deleted(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.deliver_twice = True
    result = make_forwarder().forward()
    assert counts(result) == {"received": 2, "inserted": 1, "duplicates": 1, "deleted": 2}
    assert queue.messages == []


def test_two_messages_of_one_key_in_a_batch_are_one_row(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.put(order_json("a"))
    result = make_forwarder().forward()
    assert counts(result) == {"received": 2, "inserted": 1, "duplicates": 1, "deleted": 2}


@pytest.mark.parametrize(
    "bad",
    ["not json", "[]", '{"id": "b"}', '{"id": "b", "item": null}', '{"id": "b", "item": 7}', ""],
)
def test_a_message_that_is_not_the_model_is_left_to_the_redrive_policy(
    bad: str, make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    bad_id = queue.put(bad)
    queue.put(order_json("c"))
    result = make_forwarder().forward()
    assert counts(result) == {"received": 3, "inserted": 2, "retried": 1, "deleted": 2}
    assert [(f.message_id, f.dead) for f in result.failures] == [(bad_id, False)]
    assert [m.message_id for m in queue.messages] == [bad_id]
    assert set(stored()) == {"a", "c"}


def test_a_row_that_the_database_refuses_does_not_spoil_the_others(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    for number in range(9):
        queue.put(order_json(f"a{number}"))
    queue.put(order_json("b", item="item of a4"))  # a clash on another unique key
    result = make_forwarder().forward()
    assert counts(result) == {"received": 10, "inserted": 9, "retried": 1, "deleted": 9}
    assert "unique error" in result.failures[0].reason
    assert set(stored()) == {f"a{number}" for number in range(9)}


def test_many_bad_rows_are_all_found(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    make_forwarder().forward_message(order_json("first", item="taken"))
    for number in range(10):
        queue.put(order_json(f"a{number}", **({"item": "taken"} if number % 2 else {})))
    result = make_forwarder().forward()
    assert counts(result) == {"received": 10, "inserted": 5, "retried": 5, "deleted": 5}
    assert set(stored()) == {"first", "a0", "a2", "a4", "a6", "a8"}


def test_a_bad_message_is_hidden_longer_each_time_and_then_dead_lettered_by_the_queue(
    make_forwarder: Make, queue: StrictQueue, dead_letters: StrictQueue, sqs: LocalSqs
) -> None:
    queue.put("poison")
    forwarder = make_forwarder()
    hidden = []
    for _ in range(5):
        assert forwarder.forward().retried == 1
        hidden.append(queue.messages[0].visible_at - sqs.now)
        sqs.advance(100)
    assert hidden == [1, 2, 4, 8, 16]
    assert forwarder.forward().received == 0
    assert [m.body for m in dead_letters.messages] == ["poison"]


def test_without_a_redrive_policy_a_bad_message_is_copied_and_then_deleted(
    make_forwarder: Make, sqs: LocalSqs, order_json: Body, stored: Stored
) -> None:
    plain, dead = sqs.create_queue(), sqs.create_queue()
    plain.put("poison", attributes={"kind": {"DataType": "String", "StringValue": "x"}})
    plain.put(order_json("a"))
    result = make_forwarder(sqs_queue_url=plain.url, dead_letter=dead.url).forward()
    assert counts(result) == {"received": 2, "inserted": 1, "dead": 1, "deleted": 2}
    assert plain.messages == []
    copy = dead.messages[0]
    assert copy.body == "poison"
    assert set(copy.attributes) == {"kind", "saigon.reason"}


def test_a_copy_that_failed_deletes_nothing(make_forwarder: Make, sqs: LocalSqs) -> None:
    plain, dead = sqs.create_queue(), sqs.create_queue()
    plain.put("poison")
    dead.refuse["SendMessage"] = ["AccessDenied"]
    result = make_forwarder(sqs_queue_url=plain.url, dead_letter=dead.url).forward()
    assert counts(result) == {"received": 1, "retried": 1}
    assert len(plain.messages) == 1
    assert dead.messages == []


def test_attributes_are_copied_verbatim_when_there_is_no_room_for_the_reason(
    make_forwarder: Make, sqs: LocalSqs
) -> None:
    plain, dead = sqs.create_queue(), sqs.create_queue()
    attributes = {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(10)}
    plain.put("poison", attributes=attributes)
    make_forwarder(sqs_queue_url=plain.url, dead_letter=dead.url).forward()
    assert dead.messages[0].attributes == attributes


def test_with_a_redrive_policy_the_dead_letter_queue_waits_for_max_attempts(
    make_forwarder: Make, queue: StrictQueue, sqs: LocalSqs, quick: ForwarderConfig
) -> None:
    dead = sqs.create_queue()
    queue.put("poison")
    config = quick.model_copy(update={"max_attempts": 2})
    forwarder = make_forwarder(dead_letter=dead.url, config=config)
    assert forwarder.forward().retried == 1
    sqs.advance(100)
    assert forwarder.forward().dead == 1
    assert (len(queue.messages), len(dead.messages)) == (0, 1)


@pytest.mark.parametrize("refusal", [None, "AccessDenied"])
def test_a_queue_whose_bad_messages_have_nowhere_to_go_is_refused(
    refusal: str | None, make_forwarder: Make, sqs: LocalSqs, order_json: Body
) -> None:
    plain = sqs.create_queue()
    plain.refuse["GetQueueAttributes"] = [refusal] if refusal else []
    plain.put(order_json("a"))
    with pytest.raises(ForwarderConfigError, match="no redrive policy that could be read"):
        make_forwarder(sqs_queue_url=plain.url).forward()
    assert plain.calls == ["GetQueueAttributes"]


def test_the_redrive_policy_is_asked_once(make_forwarder: Make, queue: StrictQueue) -> None:
    forwarder = make_forwarder()
    for _ in range(3):
        queue.put("poison")
        forwarder.forward()
    assert queue.calls.count("GetQueueAttributes") == 1


def test_deletes_that_failed_in_part_are_tried_again(
    make_forwarder: Make, queue: StrictQueue, order_json: Body
) -> None:
    for number in range(4):
        queue.put(order_json(f"a{number}"))
    queue.fail_deletes = 2
    assert make_forwarder().forward().deleted == 4
    assert queue.messages == []
    assert queue.calls.count("DeleteMessageBatch") == 2


def test_deletes_that_keep_failing_are_left_to_redelivery(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, sqs: LocalSqs, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.refuse["DeleteMessageBatch"] = ["ServiceUnavailable"] * 3
    forwarder = make_forwarder()
    assert counts(forwarder.forward()) == {"received": 1, "inserted": 1}
    sqs.advance(100)
    assert counts(forwarder.forward()) == {"received": 1, "duplicates": 1, "deleted": 1}
    assert set(stored()) == {"a"}


def test_a_denied_delete_is_raised_after_the_commit(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.refuse["DeleteMessageBatch"] = ["AccessDenied"]
    with pytest.raises(QueueError) as caught:
        make_forwarder().forward()
    assert (caught.value.code, caught.value.retryable) == ("AccessDenied", False)
    assert set(stored()) == {"a"}


def test_a_missing_table_is_no_messages_fault(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, sql: Callable[[str], None]
) -> None:
    queue.put(order_json("a"))
    sql("DROP TABLE orders")
    with pytest.raises(StatementRefusedError, match="refused the statement"):
        make_forwarder().forward()
    assert len(queue.messages) == 1


def test_a_database_that_is_not_there_gives_the_messages_back(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, sqs: LocalSqs
) -> None:
    queue.put(order_json("a"))
    gone = DbConnector("sqlite:////nowhere/at/all.db")
    with pytest.raises(DatabaseUnavailableError):
        make_forwarder(db_connector=gone).forward()
    sqs.advance(1)
    assert queue.receive(1, 30)[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_surrounding_transaction_is_refused(
    make_forwarder: Make, connector: DbConnector, order_json: Body
) -> None:
    forwarder = make_forwarder()
    with transaction_context(connector), pytest.raises(ForwarderError, match="open transaction"):
        forwarder.forward_message(order_json("a"))


def test_a_hook_sees_each_result_and_its_error_changes_nothing(
    make_forwarder: Make,
    queue: StrictQueue,
    order_json: Body,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[ForwardResult] = []

    def broken(result: ForwardResult) -> None:
        raise RuntimeError

    queue.put(order_json("a"))
    result = make_forwarder(hooks=[broken, seen.append]).forward()
    assert seen == [result]
    assert result.deleted == 1
    assert "a hook failed" in caplog.text


def test_neither_logs_nor_failures_quote_a_message(
    make_forwarder: Make,
    queue: StrictQueue,
    order_json: Body,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="saigon")
    queue.put(order_json("a", item="secret"))
    queue.put(order_json("b", item="secret"))
    queue.put('{"id": "secret", "secret": "secret"}')
    queue.put("secret")
    result = make_forwarder().forward()
    assert len(result.failures) == 3
    assert "secret" not in caplog.text + repr(result)


def test_forward_message_raises_for_a_bad_message(make_forwarder: Make, order_json: Body) -> None:
    forwarder = make_forwarder()
    with pytest.raises(
        MessageRejectedError, match=r"not a valid Order: item \(missing\)"
    ) as caught:
        forwarder.forward_message('{"id": "secret"}')
    assert caught.value.__context__ is None
    forwarder.forward_message(order_json("a", item="taken"))
    with pytest.raises(MessageRejectedError, match="unique error"):
        forwarder.forward_message(order_json("b", item="taken"))


def test_receive_arguments_go_over_the_forwarders_own(
    make_forwarder: Make, queue: StrictQueue, order_json: Body
) -> None:
    queue.put(order_json("a"))
    queue.put(order_json("b"))
    assert make_forwarder().forward(MaxNumberOfMessages=1).received == 1


def test_a_receive_is_no_larger_than_a_batch(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, quick: ForwarderConfig
) -> None:
    for number in range(4):
        queue.put(order_json(f"a{number}"))
    config = quick.model_copy(update={"batch_size": 3})
    assert make_forwarder(config=config).forward().received == 3


def test_a_redrive_policy_that_can_not_be_asked_for_now_spoils_no_other_message(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, dead_letters: StrictQueue
) -> None:
    queue = sqs.create_queue()
    bad = queue.put("poison")
    queue.put(order_json("a"))
    queue.refuse["GetQueueAttributes"] = ["ThrottlingException"]
    forwarder = make_forwarder(sqs_queue_url=queue.url, dead_letter=dead_letters.url)
    assert counts(forwarder.forward()) == {"received": 2, "inserted": 1, "retried": 1, "deleted": 1}
    assert [message.message_id for message in queue.messages] == [bad]
    sqs.advance(60)
    assert counts(forwarder.forward()) == {"received": 1, "dead": 1, "deleted": 1}
