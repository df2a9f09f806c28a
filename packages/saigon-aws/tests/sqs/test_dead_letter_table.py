"""Bad messages are kept, as they came, before they leave the queue."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import MetaData, Row, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from saigon.aws.sqs import (
    ForwarderConfig,
    ForwarderConfigError,
    dead_letter_ddl,
    dead_letter_request,
    dead_letter_table,
)
from saigon.aws.sqs._database.dead_letter_writer import DeadLetterWriter
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
TABLE = dead_letter_table(MetaData())
ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "trà"},
    "seal": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"},
}


@pytest.fixture
def kept(connector: DbConnector) -> Callable[[], list[Row[Any]]]:
    """The rows of the table, which is made."""
    TABLE.create(connector.engine)
    return lambda: connector.fetch_all(select(TABLE).order_by(TABLE.c.message_id))


@pytest.fixture
def plain(sqs: LocalSqs) -> StrictQueue:
    """A queue without a redrive policy."""
    return sqs.create_queue()


@pytest.fixture
def forwarder(make_forwarder: Make, plain: StrictQueue) -> Any:
    return make_forwarder(sqs_queue_url=plain.url, dead_letter=TABLE)


def test_a_bad_message_is_kept_with_its_reason_and_leaves_the_queue(
    forwarder: Any, plain: StrictQueue, kept: Any, order_json: Callable[..., str]
) -> None:
    poison = plain.put("poison", attributes=ATTRIBUTES)
    plain.put(order_json("a"))
    result = forwarder.forward()
    assert (result.inserted, result.dead, result.deleted) == (1, 1, 2)
    assert plain.messages == []
    (row,) = kept()
    assert (row.queue, row.message_id) == (plain.url.partition("//")[2], poison)
    assert (row.body, row.group_id, row.receive_count) == (b"poison", None, 1)
    assert "not a valid Order" in row.reason
    assert json.loads(row.attributes)["seal"]["BinaryValue"] == "AP8="


def test_a_copy_that_was_made_before_a_crash_is_not_made_again(
    forwarder: Any, plain: StrictQueue, kept: Any, sqs: LocalSqs
) -> None:
    plain.put("poison")
    plain.refuse["DeleteMessageBatch"] = ["ServiceUnavailable"] * 3
    assert forwarder.forward().dead == 1
    sqs.advance(1000)
    assert forwarder.forward().deleted == 1
    assert len(kept()) == 1


@pytest.mark.usefixtures("kept")
def test_a_message_that_could_not_be_kept_is_not_deleted(
    forwarder: Any,
    plain: StrictQueue,
    sql: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    plain.put("poison")
    sql("DROP TABLE saigon_dead_letters")
    result = forwarder.forward()
    assert (result.dead, result.retried, len(plain.messages)) == (0, 1, 1)
    assert "was not dead-lettered" in caplog.text


def test_what_is_kept_can_be_sent_again(
    make_forwarder: Make, sqs: LocalSqs, kept: Any, connector: DbConnector
) -> None:
    body = "half a pair \ud83c, a NUL \0 and trà 🍵"
    for name, group in (("https://a/1/q", None), ("https://a/1/q.fifo", "g")):
        message = ReceivedMessage("1", "", body, group_id=group, attributes=ATTRIBUTES)
        DeadLetterWriter(TABLE, connector, name)(message, "no\0 reason \ud83c")
    standard, fifo = sorted(kept(), key=lambda row: str(row.queue))
    again = {"MessageBody": body, "MessageAttributes": ATTRIBUTES}
    assert dead_letter_request(standard) == again
    assert dead_letter_request(fifo) == {
        **again,
        "MessageGroupId": "g",
        "MessageDeduplicationId": "1",
    }
    assert standard.reason == "no  reason ?"


def test_bad_messages_wait_for_max_attempts_with_and_without_a_policy(
    make_forwarder: Make, sqs: LocalSqs, plain: StrictQueue, kept: Any, quick: ForwarderConfig
) -> None:
    config = quick.model_copy(update={"max_attempts": 3})
    forwarder = make_forwarder(sqs_queue_url=plain.url, dead_letter=TABLE, config=config)
    plain.put("poison")
    dead = []
    for _ in range(3):
        dead.append(forwarder.forward().dead)
        sqs.advance(1000)
    assert dead == [0, 0, 1]
    assert [row.receive_count for row in kept()] == [3]


def test_a_table_that_could_not_hold_dead_letters_is_refused(
    make_forwarder: Make, orders: Any
) -> None:
    with pytest.raises(ForwarderConfigError, match="lacks attributes, body, dead_at"):
        make_forwarder(dead_letter=orders)


def test_the_queue_itself_is_refused_at_each_of_its_endpoints(make_forwarder: Make) -> None:
    urls = ("https://sqs.eu-west-1.amazonaws.com/1/q", "https://eu-west-1.queue.amazonaws.com/1/q")
    for url in urls:
        with pytest.raises(ForwarderConfigError, match="the queue itself"):
            make_forwarder(sqs_queue_url=urls[0], dead_letter=url)


def test_the_table_can_be_made_by_hand(
    forwarder: Any, plain: StrictQueue, connector: DbConnector
) -> None:
    for statement in dead_letter_ddl("sqlite").split(";\n")[:-1]:
        connector.execute(text(statement))
    plain.put("poison")
    assert forwarder.forward().dead == 1


def test_mysql_keeps_more_than_its_own_types_would() -> None:
    table = dead_letter_table(MetaData(), "letters", schema="s")
    made = str(CreateTable(table).compile(dialect=mysql.dialect()))
    assert "CREATE TABLE s.letters" in made
    for name, kind in (("body", "LONGBLOB"), ("attributes", "LONGTEXT")):
        assert f"{name} {kind} NOT NULL" in made
    assert "ENGINE=InnoDB" in made


@pytest.mark.parametrize(
    ("source_fifo", "dead_fifo"),
    [(False, False), (False, True), (True, False), (True, True)],
    ids=["standard", "standard to fifo", "fifo to standard", "fifo"],
)
def test_a_dead_letter_queue_of_either_kind_gets_a_copy(
    source_fifo: bool, dead_fifo: bool, make_forwarder: Make, sqs: LocalSqs
) -> None:
    source, dead = sqs.create_queue(fifo=source_fifo), sqs.create_queue(fifo=dead_fifo)
    group = "g" if source_fifo else None
    message_id = source.put(
        "poison", attributes=ATTRIBUTES, group_id=group, deduplication_id="d" if group else None
    )
    source.refuse["DeleteMessageBatch"] = ["ServiceUnavailable"] * 3
    forwarder = make_forwarder(sqs_queue_url=source.url, dead_letter=dead.url)
    forwarder.forward()
    sqs.advance(200)  # within the five minutes of SQS's deduplication
    assert forwarder.forward().deleted == 1
    copies = dead.messages
    assert len(copies) == (1 if dead_fifo else 2)
    assert copies[0].body == "poison"
    assert copies[0].attributes["seal"]["DataType"] == "Binary.png"
    if dead_fifo:
        assert copies[0].group_id == (group or message_id)
        assert copies[0].deduplication_id == message_id


def test_a_copy_that_is_too_large_with_its_reason_is_sent_without(
    make_forwarder: Make, sqs: LocalSqs
) -> None:
    source, dead = sqs.create_queue(), sqs.create_queue()
    source.put("poison", attributes={"kind": ATTRIBUTES["kind"]})
    dead.refuse["SendMessage"] = ["InvalidParameterValue"]
    forwarder = make_forwarder(sqs_queue_url=source.url, dead_letter=dead.url)
    assert forwarder.forward().dead == 1
    assert [set(copy.attributes) for copy in dead.messages] == [{"kind"}]


def test_a_message_that_does_not_fit_at_all_stays(make_forwarder: Make, sqs: LocalSqs) -> None:
    source, dead = sqs.create_queue(), sqs.create_queue()
    source.put("poison")
    dead.refuse["SendMessage"] = ["InvalidParameterValue"] * 2
    result = make_forwarder(sqs_queue_url=source.url, dead_letter=dead.url).forward()
    assert (result.retried, len(source.messages), dead.messages) == (1, 1, [])
