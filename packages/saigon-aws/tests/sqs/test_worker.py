"""The worker works until it is told to stop, and through outages."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from saigon.aws.sqs import (
    ForwarderConfig,
    ForwardResult,
    QueueError,
    StatementRefusedError,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


def stop_after(messages: int, stop: threading.Event) -> Callable[[ForwardResult], None]:
    seen = []

    def hook(result: ForwardResult) -> None:
        seen.append(result.received)
        if sum(seen) >= messages:
            stop.set()

    return hook


def test_a_run_works_in_batches_of_several_receives(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    for number in range(25):
        queue.put(order_json(f"a{number}"))
    stop, results = threading.Event(), list[ForwardResult]()
    forwarder = make_forwarder(hooks=[results.append, stop_after(25, stop)])
    total = forwarder.run(stop)
    assert (total.received, total.inserted, total.deleted) == (25, 25, 25)
    assert [result.received for result in results] == [25]
    assert len(stored()) == 25
    assert queue.messages == []


def test_a_batch_keeps_to_its_size_and_its_bytes(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, quick: ForwarderConfig
) -> None:
    for number in range(40):
        queue.put(order_json(f"a{number}"))
    for limits in ({"batch_size": 20}, {"max_batch_bytes": 600}):
        stop, results = threading.Event(), list[ForwardResult]()
        hooks = [results.append, stop_after(20, stop)]
        make_forwarder(hooks=hooks, config=quick.model_copy(update=limits)).run(stop)
        assert [result.received for result in results] == [20]


def test_a_stop_before_the_run_receives_nothing(queue: StrictQueue, make_forwarder: Make) -> None:
    stop = threading.Event()
    stop.set()
    assert make_forwarder().run(stop) == ForwardResult()
    assert "ReceiveMessage" not in queue.calls


def test_what_the_last_poll_brought_is_stored_and_deleted(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sqs: LocalSqs, stored: Stored
) -> None:
    queue.put(order_json("a"))
    stop = threading.Event()
    client = StoppingClient(sqs.client(), stop)
    assert make_forwarder(sqs_client=client).run(stop).deleted == 1
    assert set(stored()) == {"a"}


def test_after_the_drain_time_messages_are_released_unwritten(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sqs: LocalSqs, stored: Stored
) -> None:
    queue.put(order_json("a"))
    stop = threading.Event()
    client = StoppingClient(sqs.client(), stop)
    result = make_forwarder(sqs_client=client).run(stop, drain_timeout=0)
    assert (result.received, result.retried) == (1, 1)
    assert stored() == {}
    assert len(queue.receive(10, 30)) == 1


def test_a_signal_ends_the_run_and_the_handlers_are_put_back(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    before = signal.getsignal(signal.SIGTERM)
    terminate = [lambda _: os.kill(os.getpid(), signal.SIGTERM)]
    assert make_forwarder(hooks=terminate).run().inserted == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_an_outage_nothing_is_received_and_receive_counts_do_not_rise(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    quick: ForwarderConfig,
    orders: Table,
    tmp_path: Path,
) -> None:
    for number in range(3):
        queue.put(order_json(f"a{number}"))
    hidden, there = tmp_path / "hidden", tmp_path / "there"
    hidden.mkdir()
    with DbConnector(f"sqlite:///{hidden / 'orders.db'}") as connector:
        orders.create(connector.engine)
    connector = DbConnector(f"sqlite:///{there / 'orders.db'}")
    probed, ping = threading.Event(), connector.ping

    def comes_back() -> None:
        if probed.is_set():
            hidden.rename(there)
        probed.set()
        ping()

    connector.ping = comes_back  # type: ignore[method-assign]  # the third probe finds it
    stop = threading.Event()
    forwarder = make_forwarder(db_connector=connector, hooks=[stop_after(3, stop)])
    total = forwarder.run(stop)
    assert (total.inserted, total.deleted) == (3, 3)
    assert queue.calls.count("ReceiveMessage") == 1
    assert connector.fetch_scalar(select(func.count()).select_from(orders)) == 3
    connector.dispose()


def test_a_stop_in_an_outage_releases_at_once(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    connector = DbConnector("sqlite:////nowhere/at/all.db")
    stop = threading.Event()
    connector.ping = stop.set  # type: ignore[method-assign]  # the probe is when it is told
    result = make_forwarder(db_connector=connector).run(stop)
    assert (result.received, result.retried, result.deleted) == (1, 1, 0)
    assert len(queue.receive(10, 30)) == 1


def test_a_refused_statement_stops_the_run_and_releases(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sql: Callable[[str], None]
) -> None:
    queue.put(order_json("a"))
    sql("DROP TABLE orders")
    with pytest.raises(StatementRefusedError):
        make_forwarder().run(threading.Event())
    assert len(queue.receive(10, 30)) == 1


def test_a_statement_that_was_refused_once_is_asked_again(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    sql: Callable[[str], None],
    connector: DbConnector,
    stored: Stored,
) -> None:
    queue.put(order_json("a"))
    sql("ALTER TABLE orders RENAME TO away")
    connector.ping = lambda: sql("ALTER TABLE away RENAME TO orders")  # type: ignore[method-assign]  # as a failover ends
    stop = threading.Event()
    make_forwarder(hooks=[stop_after(1, stop)]).run(stop)
    assert set(stored()) == {"a"}


def test_a_queue_that_fails_for_a_while_is_asked_again(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    queue.refuse["ReceiveMessage"] = ["ServiceUnavailable", "ThrottlingException"]
    stop = threading.Event()
    assert make_forwarder(hooks=[stop_after(1, stop)]).run(stop).inserted == 1


def test_a_queue_that_is_not_there_ends_the_run(queue: StrictQueue, make_forwarder: Make) -> None:
    queue.refuse["ReceiveMessage"] = ["AWS.SimpleQueueService.NonExistentQueue"]
    with pytest.raises(QueueError, match="ReceiveMessage was refused"):
        make_forwarder().run(threading.Event())


class StoppingClient:
    """A client during whose first receive the worker is told to stop."""

    def __init__(self, client: Any, stop: threading.Event) -> None:
        self._client = client
        self._stop = stop

    def receive_message(self, **request: Any) -> Any:
        self._stop.set()
        return self._client.receive_message(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
