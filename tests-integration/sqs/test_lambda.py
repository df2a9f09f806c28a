"""Lambda events on real databases: what is stored, what stays in the queue, and how often."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Table, select, text

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfig,
    ForwardResult,
    SqsToRdsForwarder,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector
from tools.services import PrivateServer

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
GOOD = ["a", "b", "c"]


class Results(list[ForwardResult]):
    """What a hook was told."""

    @property
    def counts(self) -> list[tuple[int, ...]]:
        return [(r.received, r.inserted, r.duplicates, r.retried, r.deleted) for r in self]


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def bad(queue: StrictQueue, order_json: Body) -> list[str]:
    """Good messages and bad ones by turns; each delivered twice; return the ids of the bad ones.

    The validation refuses the first, and the database the others, for a unique column.
    """
    bodies = ["not an order", *(order_json(f"not {n}", item=f"item of {n}") for n in "ab")]
    ids = []
    for name, body in zip(GOOD, bodies, strict=True):
        queue.put(order_json(name))
        ids.append(queue.put(body))
    queue.deliver_twice = True
    return ids


def test_the_good_ones_of_an_event_are_stored_and_the_bad_ones_raised(
    *, bad: list[str], queue: StrictQueue, make_forwarder: Make, stored: Stored, results: Results
) -> None:
    with pytest.raises(FailedMessagesError) as caught:
        make_forwarder(hooks=[results.append]).handle_lambda_event(queue.lambda_event(12), CONTEXT)
    assert sorted(failure.message_id for failure in caught.value.failures) == sorted(bad)
    assert sorted(stored()) == GOOD
    assert [message.message_id for message in queue.messages] == bad
    assert results.counts == [(12, 3, 3, 6, 6)]


def test_the_good_ones_of_an_event_are_stored_and_the_bad_ones_answered(
    *,
    bad: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    stored: Stored,
    quick: ForwarderConfig,
    results: Results,
) -> None:
    config = quick.model_copy(update={"partial_responses": True})
    forwarder = make_forwarder(config=config, hooks=[results.append])
    answer = forwarder.handle_lambda_event(queue.lambda_event(12), CONTEXT)
    ids = [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]
    assert sorted(ids) == sorted(bad)
    assert sorted(stored()) == GOOD
    assert results.counts == [(12, 3, 3, 6, 0)]


def test_a_redelivery_after_a_raise_changes_nothing_and_is_counted_as_duplicates(
    *,
    bad: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    stored: Stored,
    results: Results,
    sqs: LocalSqs,
) -> None:
    queue.deliver_twice = False
    queue.refuse["DeleteMessageBatch"] = ["AccessDenied"]
    forwarder = make_forwarder(hooks=[results.append])
    for _ in range(2):
        with pytest.raises(FailedMessagesError):
            forwarder.handle_lambda_event(queue.lambda_event(), CONTEXT)
        assert sorted(stored()) == GOOD
        sqs.advance(1_000)
    assert results.counts == [(6, 3, 0, 3, 0), (6, 0, 3, 3, 3)]
    assert [message.message_id for message in queue.messages] == bad


def test_connections_that_died_while_the_process_was_frozen_are_replaced(
    *,
    database_url: str,
    connector: DbConnector,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
) -> None:
    with DbConnector.for_lambda(database_url) as thawed:
        forwarder = make_forwarder(db_connector=thawed)
        for name in GOOD:
            queue.put(order_json(name))
            assert forwarder.handle_lambda_event(queue.lambda_event(1), CONTEXT) is None
            _end_sessions(connector, thawed)
    assert sorted(stored()) == GOOD


def _end_sessions(administrator: DbConnector, connector: DbConnector) -> None:
    if connector.dialect_name == "postgresql":
        number = connector.fetch_scalar(text("SELECT pg_backend_pid()"))
        administrator.execute(text(f"SELECT pg_terminate_backend({number}, 5000)"))
    elif connector.dialect_name == "mysql":
        number = connector.fetch_scalar(text("SELECT connection_id()"))
        administrator.execute(text(f"KILL {number}"))


@pytest.fixture
def private(private_server: PrivateServer, orders: Table) -> Iterator[DbConnector]:
    with DbConnector.for_lambda(private_server.new_database()) as connector:
        orders.metadata.create_all(connector.engine)
        yield connector


@pytest.fixture(params=["stopped", "read-only"])
def outage(request: pytest.FixtureRequest, private_server: PrivateServer) -> Any:
    """Begin and end an outage."""

    def change(*, down: bool) -> None:
        if request.param == "read-only":
            private_server.set_read_only(wanted=down)
        elif down:
            private_server.stop()
        else:
            private_server.start()

    return change


def test_an_outage_is_raised_quickly_and_hides_the_messages_until_it_is_over(
    *,
    private: DbConnector,
    outage: Callable[..., None],
    queue: StrictQueue,
    order_json: Body,
    order_type: type[BaseModel],
    sqs: LocalSqs,
    orders: Table,
    results: Results,
) -> None:
    forwarder = SqsToRdsForwarder(
        order_type, queue.url, private, orders, sqs_client=sqs.client(), hooks=[results.append]
    )
    forwarder.forward_message(order_json("before"))
    for name in GOOD:
        queue.put(order_json(name))
    queue.put("not an order")
    outage(down=True)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        forwarder.handle_lambda_event(queue.lambda_event(), CONTEXT)
    assert time.monotonic() - began < 8
    hidden = [m for m in queue.messages if m.visible_at == sqs.now + 300]
    assert [message.receive_count for message in hidden] == [1, 1, 1, 1]
    outage(down=False)
    sqs.advance(300)
    with pytest.raises(FailedMessagesError):
        forwarder.handle_lambda_event(queue.lambda_event(), CONTEXT)
    assert results.counts == [(4, 0, 0, 4, 0), (4, 3, 0, 1, 3)]
    rows = private.fetch_all(select(orders.c.id))
    assert sorted(row.id for row in rows) == sorted(["before", *GOOD])
