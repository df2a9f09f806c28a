"""In a FIFO queue nothing of a group is stored after its first bad message."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


@pytest.fixture
def fifo(sqs: LocalSqs) -> StrictQueue:
    dead = sqs.create_queue(fifo=True)
    return sqs.create_queue(fifo=True, dead_letter=dead, max_receive_count=9)


def test_the_good_prefix_is_stored_and_the_rest_comes_back_in_order(
    fifo: StrictQueue, sqs: LocalSqs, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    fifo.put(order_json("a1"), group_id="a")
    fifo.put(order_json("b1"), group_id="b")
    bad = fifo.put("poison", group_id="a")
    fifo.put(order_json("b2"), group_id="b")
    later = [fifo.put(order_json(f"a{n}"), group_id="a") for n in (3, 4)]
    result = make_forwarder(sqs_queue_url=fifo.url).forward()
    assert (result.inserted, result.retried, result.deleted) == (3, 3, 3)
    assert set(stored()) == {"a1", "b1", "b2"}
    assert fifo.receive(10, 0) == []
    sqs.advance(2)
    assert [raw["MessageId"] for raw in fifo.receive(10, 0)] == [bad, *later]


@pytest.mark.parametrize("position", range(6))
def test_a_row_that_the_database_refuses_holds_its_group_back(
    position: int,
    fifo: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
) -> None:
    make_forwarder().forward_message(order_json("first", item="taken"))
    for number in range(6):
        item = {"item": "taken"} if number == position else {}
        fifo.put(order_json(f"a{number}", **item), group_id="a")
        fifo.put(order_json(f"b{number}"), group_id="b")
    make_forwarder(sqs_queue_url=fifo.url).forward(MaxNumberOfMessages=10)
    expected = {f"a{n}" for n in range(min(position, 5))} | {f"b{n}" for n in range(5)}
    assert set(stored()) == expected | {"first"}


def test_behind_a_dead_lettered_message_the_group_goes_on(
    sqs: LocalSqs, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    plain, dead = sqs.create_queue(fifo=True), sqs.create_queue(fifo=True)
    bad = plain.put("poison", group_id="a")
    plain.put(order_json("a2"), group_id="a")
    forwarder = make_forwarder(sqs_queue_url=plain.url, dead_letter=dead.url)
    assert (first := forwarder.forward()).dead == 1
    assert first.retried == 1
    assert forwarder.forward().inserted == 1
    copy = dead.messages[0]
    assert (copy.group_id, copy.deduplication_id) == ("a", bad)


def test_groups_of_a_standard_queue_have_no_order_to_keep(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    queue.put("poison", group_id="tenant")
    queue.put(order_json("a"), group_id="tenant")
    assert make_forwarder().forward().inserted == 1
    assert set(stored()) == {"a"}


def test_messages_whose_group_is_not_told_are_one_group(
    fifo: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    for body in (order_json("a1"), "poison", order_json("a2")):
        fifo.put(body)
    result = make_forwarder(sqs_queue_url=fifo.url).forward()
    assert (result.inserted, result.retried) == (1, 2)
    assert set(stored()) == {"a1"}


def test_rows_are_written_in_the_order_of_the_queue_whatever_their_keys_and_columns(
    fifo: StrictQueue, connector: DbConnector, make_forwarder: Make
) -> None:
    class Step(BaseModel):
        id: str
        note: str | None = None

    steps = Table(
        "steps",
        MetaData(),
        Column("place", Integer, primary_key=True),
        Column("id", String(9), unique=True, nullable=False),
        Column("note", String(9), server_default="none"),
    )
    steps.create(connector.engine)
    for name in ("d", "a", "c", "b"):
        note = {} if name in "ac" else {"note": "x"}
        fifo.put(json.dumps({"id": name} | note), group_id="a")
    options = {"message_type": Step, "target": steps, "key": "id", "sqs_queue_url": fifo.url}
    assert make_forwarder(**options).forward().inserted == 4
    rows = connector.fetch_all(select(steps.c.id).order_by(steps.c.place))
    assert [row.id for row in rows] == ["d", "a", "c", "b"]
