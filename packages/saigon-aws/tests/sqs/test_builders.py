"""Rows in the dialect's way: the newer wins, ragged rows keep their values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import JSON, Column, Insert, Integer, MetaData, String, Table, func, select
from sqlalchemy.dialects import sqlite

from saigon.aws.sqs import (
    BatchStatementBuilder,
    MessageRejectedError,
    OnConflict,
    RowCounts,
    SqlStatementBuilder,
    TableStatementBuilder,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]
UPDATE = {"on_conflict": OnConflict.UPDATE, "newer_by": "version"}


def test_the_table_builder_is_of_both_protocols(orders: Table) -> None:
    builder = TableStatementBuilder(orders, key="id")
    assert isinstance(builder, SqlStatementBuilder)
    assert isinstance(builder, BatchStatementBuilder)
    assert builder.key == ("id",)


@pytest.mark.parametrize("versions", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (3, 3, 1)])
def test_the_newest_row_stands_in_whatever_order_it_comes(
    versions: tuple[int, ...], make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder(**UPDATE)
    for version in versions:
        forwarder.forward_message(order_json("a", item=f"v{version}", version=version))
    assert stored() == {"a": "v3"}


def test_the_newest_row_stands_within_one_batch(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    for version in (2, 3, 1):
        queue.put(order_json("a", item=f"v{version}", version=version))
    result = make_forwarder(**UPDATE).forward()
    assert (result.inserted, result.duplicates, result.deleted) == (1, 2, 3)
    assert stored() == {"a": "v3"}


def test_an_older_message_is_a_duplicate(make_forwarder: Make, order_json: Body) -> None:
    forwarder = make_forwarder(**UPDATE)
    assert forwarder.forward_message(order_json("a", version=2)) == RowCounts(1, 0)
    assert forwarder.forward_message(order_json("a", version=1)) == RowCounts(0, 1)
    assert forwarder.forward_message(order_json("a", version=3)) == RowCounts(1, 0)


def test_on_error_a_second_message_of_a_key_is_bad(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder(on_conflict=OnConflict.ERROR)
    queue.put(order_json("a", item="first"))
    queue.put(order_json("b"))
    queue.put(order_json("a", item="second"))
    result = forwarder.forward()
    assert (result.inserted, result.retried) == (2, 1)
    assert stored() == {"a": "first", "b": "item of b"}


def test_a_field_left_out_is_left_to_the_columns_default(
    connector: DbConnector, make_forwarder: Make, queue: StrictQueue
) -> None:
    class Thing(BaseModel):
        id: str
        colour: str | None = None
        size: int | None = None

    things = Table(
        "things",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("colour", String(9), server_default="red"),
        Column("size", Integer, default=7),
    )
    things.create(connector.engine)
    bodies = ['{"id": "a"}', '{"id": "b", "colour": "blue"}', '{"id": "c", "colour": null}']
    for body in [*bodies, '{"id": "d", "size": 1}']:
        queue.put(body)
    assert make_forwarder(message_type=Thing, target=things).forward().inserted == 4
    rows = connector.fetch_all(select(things).order_by(things.c.id))
    assert [tuple(row) for row in rows] == [
        ("a", "red", 7),
        ("b", "blue", 7),
        ("c", None, 7),
        ("d", "red", 1),
    ]


def test_a_json_field_left_out_is_left_to_the_columns_default(
    connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        id: str
        tags: list[str] | None = None

    things = Table(
        "things",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("tags", JSON, server_default='["new"]'),
    )
    things.create(connector.engine)
    forwarder = make_forwarder(message_type=Thing, target=things)
    for body in ('{"id": "a"}', '{"id": "b", "tags": null}'):
        forwarder.forward_message(body)
    assert connector.fetch_all(select(things)) == [("a", ["new"]), ("b", None)]


def test_a_field_that_is_hidden_in_answers_is_stored_and_set_anew_by_a_newer_row(
    connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        id: str
        version: int
        secret: str = Field(exclude=True)
        colour: str | None = Field(default=None, exclude=True)

    things = Table(
        "things",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("version", Integer),
        Column("secret", String(9), nullable=False),
        Column("colour", String(9), server_default="red"),
    )
    things.create(connector.engine)
    forwarder = make_forwarder(message_type=Thing, target=things, **UPDATE)
    forwarder.forward_message('{"id": "a", "version": 1, "secret": "x", "colour": "blue"}')
    forwarder.forward_message('{"id": "a", "version": 2, "secret": "y"}')
    assert connector.fetch_all(select(things)) == [("a", 2, "y", "red")]


class Hasty:
    """A builder that reads the message only when its rows are taken, and gives no reason."""

    key = ("id",)

    def __init__(self, table: Table, error: Exception) -> None:
        self._table, self._error = table, error

    def prepare(self, message_type: type[BaseModel]) -> Insert:
        return sqlite.insert(self._table).on_conflict_do_nothing(index_elements=["id"])

    def get_statement_params(self, message: Any) -> Any:
        if message.id == "bad":
            raise self._error
        yield message.model_dump()


@pytest.mark.parametrize("error", [ValueError(), MessageRejectedError()])
def test_a_message_that_a_builder_refuses_is_dead_lettered_with_or_without_a_reason(
    *,
    error: Exception,
    make_forwarder: Make,
    orders: Table,
    sqs: LocalSqs,
    dead_letters: StrictQueue,
    order_json: Body,
) -> None:
    queue = sqs.create_queue()
    for order_id in ("a", "bad"):
        queue.put(order_json(order_id))
    target, urls = Hasty(orders, error), {"sqs_queue_url": queue.url}
    result = make_forwarder(target=target, dead_letter=dead_letters.url, **urls).forward()
    assert (result.inserted, result.dead, result.deleted) == (1, 1, 2)
    reasons = [a["StringValue"] for m in dead_letters.messages for a in m.attributes.values()]
    assert all(reasons)  # SQS refuses an empty one


class Ragged:
    """A builder whose rows have different names, several to a message."""

    key = ("id",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def prepare(self, message_type: type[BaseModel]) -> Insert:
        return sqlite.insert(self._table).on_conflict_do_nothing(index_elements=["id"])

    def get_statement_params(self, message: Any) -> Sequence[Mapping[str, Any]]:
        first = {"id": f"{message.id}1", "item": f"{message.item}1", "version": 1}
        second = {"id": f"{message.id}2", "item": f"{message.item}2", "version": 2, "total": "5"}
        return [first, second]


def test_rows_of_different_names_keep_all_their_values(
    make_forwarder: Make,
    connector: DbConnector,
    orders: Table,
    queue: StrictQueue,
    order_json: Body,
) -> None:
    forwarder = make_forwarder(target=Ragged(orders))
    for order_id in "ab":
        queue.put(order_json(order_id))
    assert forwarder.forward().inserted == 4
    assert connector.fetch_scalar(select(func.count()).where(orders.c.total == "5")) == 2
    assert forwarder.forward_message(order_json("a")) == RowCounts(0, 2)


def test_the_rows_of_a_message_are_stored_together_or_not_at_all(
    make_forwarder: Make, orders: Table, order_json: Body, stored: Stored
) -> None:
    make_forwarder().forward_message(order_json("x", item="tea2"))
    with pytest.raises(MessageRejectedError, match="unique"):
        make_forwarder(target=Ragged(orders)).forward_message(order_json("a", item="tea"))
    assert set(stored()) == {"x"}
