"""The worker works until it is told to stop, and through outages."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Table, func, select

from saigon.aws.rds.exceptions import RdsError
from saigon.aws.secrets.exceptions import SecretAccessDeniedError, SecretUnavailableError
from saigon.aws.sqs import (
    ForwarderConfig,
    ForwarderConfigError,
    ForwardResult,
    QueueError,
    RowCounts,
    StatementRefusedError,
    TableStatementBuilder,
)
from saigon.aws.sqs._signals import stopping_on_signals
from saigon.aws.sqs._worker.heartbeat import Heartbeat
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.model.interface import DbLogin
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

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


def test_a_run_stores_all_and_tells_of_each_batch(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    for number in range(45):
        queue.put(order_json(f"a{number}"))
    stop, results = threading.Event(), list[ForwardResult]()
    forwarder = make_forwarder(hooks=[results.append, stop_after(45, stop)])
    total = forwarder.run(stop)
    assert (total.received, total.inserted, total.deleted) == (45, 45, 45)
    assert sum(result.received for result in results) == 45
    assert len(stored()) == 45
    assert queue.messages == []


@pytest.mark.parametrize(
    ("limits", "most"),
    [({"batch_size": 20}, 20), ({"batch_size": 3}, 3), ({"max_batch_bytes": 1}, 10)],
    ids=["messages", "less than a receive", "bytes"],
)
def test_a_batch_keeps_to_its_size_and_its_bytes(
    *,
    limits: dict[str, int],
    most: int,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    quick: ForwarderConfig,
) -> None:
    for number in range(40):
        queue.put(order_json(f"a{number}"))
    stop, results = threading.Event(), list[ForwardResult]()
    hooks = [results.append, stop_after(40, stop)]
    make_forwarder(hooks=hooks, config=quick.model_copy(update=limits)).run(stop)
    assert sum(result.received for result in results) == 40
    assert max(result.received for result in results) <= most


def test_no_more_is_received_than_may_be_in_flight(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    quick: ForwarderConfig,
    sqs: LocalSqs,
) -> None:
    for number in range(100):
        queue.put(order_json(f"a{number}"))
    stop, in_flight = threading.Event(), list[int]()

    def look() -> None:
        in_flight.append(sum(message.visible_at > sqs.now for message in queue.messages))

    hooks = [lambda _: look(), stop_after(100, stop)]
    config = quick.model_copy(update={"max_in_flight": 20})
    assert make_forwarder(hooks=hooks, config=config).run(stop).inserted == 100
    assert max(in_flight) <= 20


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


def test_what_a_poll_brings_after_the_drain_is_released(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, sqs: LocalSqs
) -> None:
    queue.put(order_json("a"))
    stop, released = threading.Event(), threading.Event()

    class Late(StoppingClient):
        def receive_message(self, **request: Any) -> Any:
            answer = super().receive_message(**request)
            released.wait(1.2)  # longer than the run waits for its polls
            return answer

        def change_message_visibility_batch(self, **request: Any) -> Any:
            answer = self._client.change_message_visibility_batch(**request)
            released.set()
            return answer

    make_forwarder(sqs_client=Late(sqs.client(), stop)).run(stop, drain_timeout=0)
    assert released.wait(10)
    assert len(queue.receive(10, 30)) == 1


def test_deletes_are_given_up_when_the_drain_time_is_over(
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    sqs: LocalSqs,
    quick: ForwarderConfig,
) -> None:
    queue.put(order_json("a"))
    queue.refuse["DeleteMessageBatch"] = ["InternalError"] * 9
    stop = threading.Event()
    config = quick.model_copy(update={"delete_attempts": 9, "backoff_seconds": 0.1})
    started = time.monotonic()
    client = StoppingClient(sqs.client(), stop)
    result = make_forwarder(sqs_client=client, config=config).run(stop, drain_timeout=0.3)
    assert (result.inserted, result.deleted) == (1, 0)
    assert time.monotonic() - started < 5  # nine attempts would take longer


def test_a_receiver_that_can_not_be_started_leaves_no_other_behind(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.put(order_json("a"))
    start = threading.Thread.start

    def start_two(thread: threading.Thread) -> None:
        if thread.name == "receiver-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    with pytest.raises(RuntimeError, match="can't start"):
        make_forwarder().run(threading.Event())
    for thread in threading.enumerate():
        if thread.name.startswith(("receiver", "heartbeat")):
            thread.join(10)
            assert not thread.is_alive()


def test_an_interrupt_hides_nothing(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, orders: Table
) -> None:
    class Interrupted(TableStatementBuilder):
        def write_rows(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    queue.put(order_json("a"))
    with pytest.raises(KeyboardInterrupt):
        make_forwarder(target=Interrupted(orders, key="id")).run(threading.Event())
    assert len(queue.receive(10, 30)) == 1


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_drain_time_that_is_none_is_refused(make_forwarder: Make, seconds: float) -> None:
    with pytest.raises(ForwarderConfigError, match="drain_timeout"):
        make_forwarder().run(threading.Event(), drain_timeout=seconds)


def test_a_drain_may_take_as_long_as_it_takes(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    stop = threading.Event()
    forwarder = make_forwarder(hooks=[stop_after(1, stop)])
    assert forwarder.run(stop, drain_timeout=float("inf")).deleted == 1


def test_answers_that_come_at_once_and_are_empty_are_not_asked_for_without_end(
    queue: StrictQueue, make_forwarder: Make, quick: ForwarderConfig
) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    make_forwarder(config=quick).run(stop)
    assert queue.calls.count("ReceiveMessage") <= 4


def test_a_signal_is_safe_while_the_event_is_asked() -> None:
    with stopping_on_signals() as stop, stop._cond:  # type: ignore[attr-defined]  # as in wait()
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.wait(10)


def test_a_signal_ends_the_run_and_the_handlers_are_put_back(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    before = signal.getsignal(signal.SIGTERM)
    terminate = [lambda _: os.kill(os.getpid(), signal.SIGTERM)]
    assert make_forwarder(hooks=terminate).run().inserted == 1
    assert signal.getsignal(signal.SIGTERM) is before


class Flaky:
    """A database in a folder that is taken away when it was pinged once, and put back later.

    Stands in the place of a connector's ping, of which each call is a probe.
    """

    def __init__(self, folder: Path, orders: Table, at_probe: Callable[[int], None]) -> None:
        self._there, self._away = folder / "there", folder / "away"
        self._there.mkdir()
        self.connector = DbConnector(f"sqlite:///{self._there / 'orders.db'}")
        orders.create(self.connector.engine)
        self._ping, self._at_probe = self.connector.ping, at_probe
        self._probes = 0
        self.connector.ping = self  # type: ignore[method-assign]  # to count what asks

    def __call__(self) -> None:
        self._probes += 1
        if self._probes == 1:
            self.connector.dispose()
            self._there.rename(self._away)
        else:
            self._at_probe(self._probes - 1)
            self._ping()

    def put_back(self) -> None:
        self._away.rename(self._there)


def test_in_an_outage_nothing_is_received_and_receive_counts_do_not_rise(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    quick: ForwarderConfig,
    tmp_path: Path,
) -> None:
    for number in range(50):
        queue.put(order_json(f"a{number}"))
    calls = list[int]()

    def at_probe(number: int) -> None:
        stop.wait(0.2)  # for receives that were under way, and for wrong ones
        calls.append(queue.calls.count("ReceiveMessage"))
        if number == 3:
            assert {message.receive_count for message in queue.messages} == {0, 1}
            database.put_back()

    database = Flaky(tmp_path, orders, at_probe)
    stop = threading.Event()
    config = quick.model_copy(update={"max_in_flight": 30})
    hooks = [stop_after(50, stop)]
    forwarder = make_forwarder(db_connector=database.connector, hooks=hooks, config=config)
    total = forwarder.run(stop)
    assert (total.received, total.inserted, total.deleted) == (50, 50, 50)
    assert calls[0] == calls[1] == calls[2] < 5
    count = database.connector.fetch_scalar(select(func.count()).select_from(orders))
    assert count == 50
    database.connector.dispose()


def test_a_stop_in_an_outage_releases_at_once(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, orders: Table, tmp_path: Path
) -> None:
    queue.put(order_json("a"))
    stop = threading.Event()
    database = Flaky(tmp_path, orders, lambda _: stop.set())
    result = make_forwarder(db_connector=database.connector).run(stop)
    assert (result.received, result.retried, result.deleted) == (1, 1, 0)
    assert len(queue.receive(10, 30)) == 1


def test_what_is_given_back_is_not_received_by_a_poll_that_is_still_under_way(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    sqs: LocalSqs,
    tmp_path: Path,
    quick: ForwarderConfig,
) -> None:
    queue.put(order_json("a"))
    stop = threading.Event()
    polling = threading.Event()

    class Polling:
        """Its second poll is under way when the run is told to stop, and a moment longer."""

        def receive_message(self, **request: Any) -> Any:
            if len([call for call in queue.calls if call == "ReceiveMessage"]) == 1:
                polling.set()
                stop.wait(10)
                time.sleep(0.5)
            return sqs.client().receive_message(**request)

        def __getattr__(self, name: str) -> Any:
            return getattr(sqs.client(), name)

    def stop_while_it_polls(_probe: int) -> None:
        assert polling.wait(10)
        stop.set()

    database = Flaky(tmp_path, orders, stop_while_it_polls)
    config = quick.model_copy(update={"concurrency": 1})
    forwarder = make_forwarder(db_connector=database.connector, sqs_client=Polling(), config=config)
    result = forwarder.run(stop)
    assert (result.received, result.retried) == (1, 1)
    assert [message.receive_count for message in queue.messages] == [1]


def test_a_database_that_is_not_there_at_the_start_is_waited_for_empty_handed(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    connector, stop, probes = (
        DbConnector("sqlite:////nowhere/at/all.db"),
        threading.Event(),
        list[None](),
    )
    ping = connector.ping

    def probe() -> None:
        probes.append(None)
        if len(probes) == 3:
            stop.set()
        ping()

    connector.ping = probe  # type: ignore[method-assign]  # to count what asks
    assert make_forwarder(db_connector=connector).run(stop) == ForwardResult()
    assert "ReceiveMessage" not in queue.calls


def test_a_refused_statement_stops_the_run_and_releases_for_a_while(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    sql: Callable[[str], None],
    sqs: LocalSqs,
    quick: ForwarderConfig,
) -> None:
    queue.put(order_json("a"))
    sql("DROP TABLE orders")
    with pytest.raises(StatementRefusedError):
        make_forwarder(config=quick).run(threading.Event())
    assert queue.receive(10, 30) == []  # a worker that is started again does not wear it out
    sqs.advance(quick.outage_visibility)
    assert len(queue.receive(10, 30)) == 1


class FailingLogins:
    """Logins that raise what they are told to, one after the other, and then none."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        if self.errors:
            raise self.errors.pop(0)
        return DbLogin("anybody", SecretStr("anything"))


@pytest.mark.parametrize(
    "error",
    [SecretUnavailableError("busy"), RdsError("no credentials"), SecretAccessDeniedError("no")],
    ids=["secret unavailable", "no token", "denied for a moment"],
)
def test_a_login_that_can_not_be_had_now_is_an_outage(
    *,
    error: Exception,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    connector: DbConnector,
) -> None:
    queue.put(order_json("a"))
    logins, stop, ping = FailingLogins(error, error), threading.Event(), connector.ping
    connector.ping = lambda: (logins.get_credentials(), ping())  # type: ignore[method-assign, assignment]  # SQLite asks for no login
    result = make_forwarder(hooks=[stop_after(1, stop)]).run(stop)
    assert (result.inserted, logins.errors) == (1, [])


def test_a_statement_is_refused_three_times_before_the_run_ends(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, orders: Table
) -> None:
    class Refused(TableStatementBuilder):
        tries = 0

        def write_rows(self, *_: Any) -> Any:
            self.tries += 1
            raise DbExecutionError("no such table", kind="other", sqlstate="42P01")

    queue.put(order_json("a"))
    builder = Refused(orders, key="id")
    with pytest.raises(StatementRefusedError):
        make_forwarder(target=builder).run(threading.Event())
    assert builder.tries == 3


def test_a_queue_that_can_not_tell_its_policy_now_is_asked_again(
    queue: StrictQueue, make_forwarder: Make, order_json: Body
) -> None:
    queue.put(order_json("a"))
    queue.refuse["GetQueueAttributes"] = ["ServiceUnavailable", "ThrottlingException"]
    stop = threading.Event()
    assert make_forwarder(hooks=[stop_after(1, stop)]).run(stop).inserted == 1


def test_what_was_given_back_after_eleven_hours_is_not_written(
    *,
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Down(TableStatementBuilder):
        def write_rows(self, db_connector: DbConnector, rows: Any) -> RowCounts:
            if not over:
                over.append(True)
                raise DbExecutionError("it is away", kind="connection")
            return super().write_rows(db_connector, rows)

    for name in ("a", "b"):
        queue.put(order_json(name))
    over, stop = list[bool](), threading.Event()
    given_up = queue.messages[0].message_id
    monkeypatch.setattr(Heartbeat, "gave_up", lambda _, message: message.message_id == given_up)
    hooks = [lambda _: stop.set()]
    result = make_forwarder(target=Down(orders, key="id"), hooks=hooks).run(stop)
    assert (result.received, result.inserted, result.retried) == (2, 1, 1)
    assert set(stored()) == {"b"}


def test_dead_letters_are_given_up_when_the_drain_time_is_over(
    make_forwarder: Make, sqs: LocalSqs, quick: ForwarderConfig
) -> None:
    plain, dead, stop = sqs.create_queue(), sqs.create_queue(), threading.Event()
    for _ in range(10):
        plain.put("poison")

    class Slow(StoppingClient):
        def send_message(self, **request: Any) -> Any:
            time.sleep(0.3)
            return self._client.send_message(**request)

    result = make_forwarder(
        sqs_queue_url=plain.url,
        dead_letter=dead.url,
        sqs_client=Slow(sqs.client(), stop),
        config=quick.model_copy(update={"concurrency": 1}),
    ).run(stop, drain_timeout=0.5)
    assert 1 <= result.dead == result.deleted == len(dead.messages) < 5
    assert result.dead + len(plain.messages) == 10


def test_a_login_that_is_denied_ends_the_run_before_anything_is_received(
    queue: StrictQueue, make_forwarder: Make, order_json: Body, connector: DbConnector
) -> None:
    queue.put(order_json("a"))
    logins = FailingLogins(*[SecretAccessDeniedError("denied")] * 3)
    connector.ping = logins.get_credentials  # type: ignore[method-assign, assignment]  # likewise
    with pytest.raises(StatementRefusedError, match="there is no login for the database: denied"):
        make_forwarder().run(threading.Event())
    assert "ReceiveMessage" not in queue.calls


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
