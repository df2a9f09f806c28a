"""A Lambda invocation ends in time, and leaves nothing running between two of them."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import repeat
from typing import Any

import pytest
from sqlalchemy import Table

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfig,
    ForwardResult,
    RowCounts,
    TableStatementBuilder,
)
from saigon.aws.sqs._sqs.until import EachUntil
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

NO_TIME = "ran out of time"
NEARLY_ALL = 99.45
"""Of the seconds of an invocation of a hundred, of which half a one is kept for the answer."""
WORD: ContextVar[str] = ContextVar("word", default="")


class Clock:
    """The monotonic clock, which tests put forward."""

    def __init__(self) -> None:
        self._time = time.monotonic
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._time() + self._ahead

    def put_forward(self, seconds: float) -> None:
        self._ahead += seconds


class Context:
    """Lambda's context of an invocation that has just begun."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1_000)


class SlowBuilder(TableStatementBuilder):
    """Takes some seconds: at one message, or before or after a batch is written.

    Then it raises an error, if it was given one.
    """

    def __init__(
        self, table: Table, clock: Clock, at: str, seconds: float, error: Exception | None = None
    ) -> None:
        super().__init__(table, key="id")
        self._clock, self._at, self._seconds, self._error = clock, at, seconds, error

    def get_statement_params(self, message: Any) -> dict[str, Any]:
        self._reach(message.id)
        return super().get_statement_params(message)

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        self._reach("writing")
        counts = super().write_rows(db_connector, rows)
        self._reach("written")
        return counts

    def _reach(self, point: str) -> None:
        if point == self._at:
            self._clock.put_forward(self._seconds)
            if self._error is not None:
                raise self._error


class HangingClient:
    """A client that does not answer the requests of one operation until it is let go."""

    def __init__(self, client: Any, operation: str) -> None:
        self.let_go = threading.Event()
        self._client, self._operation = client, operation

    def __getattr__(self, operation: str) -> Any:
        answer = getattr(self._client, operation)
        if operation != self._operation:
            return answer

        def hang(**request: Any) -> Any:
            self.let_go.wait(30)
            return answer(**request)

        return hang


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def requests_ended() -> bool:
    """Wait for the threads of requests to end."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("sqs-request")]
    for thread in threads:
        thread.join(10)
    return not any(thread.is_alive() for thread in threads)


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    assert requests_ended()


@pytest.fixture
def hanging(sqs: LocalSqs) -> Iterator[Callable[[str], HangingClient]]:
    clients: list[HangingClient] = []

    def make(operation: str) -> HangingClient:
        clients.append(HangingClient(sqs.client(), operation))
        return clients[-1]

    yield make
    for client in clients:
        client.let_go.set()


@pytest.fixture
def names(queue: StrictQueue, order_json: Body) -> list[str]:
    names = ["a", "b", "c", "d"]
    for name in names:
        queue.put(order_json(name))
    return names


@pytest.mark.parametrize("is_partial", [False, True], ids=["raising", "answering"])
def test_with_too_little_time_at_the_start_nothing_is_tried_and_all_is_given_back(
    *,
    is_partial: bool,
    names: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    stored: Stored,
    sqs: LocalSqs,
) -> None:
    config = ForwarderConfig(time_reserve=2, partial_responses=is_partial)
    forwarder = make_forwarder(config=config)
    event = queue.lambda_event()
    if is_partial:
        answer = forwarder.handle_lambda_event(event, Context(1.9))
        ids = [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]
    else:
        with pytest.raises(FailedMessagesError) as caught:
            forwarder.handle_lambda_event(event, Context(1.9))
        assert {failure.reason for failure in caught.value.failures} == {NO_TIME}
        ids = [failure.message_id for failure in caught.value.failures]
    assert ids == [message.message_id for message in queue.messages]
    assert stored() == {}
    assert {message.visible_at for message in queue.messages} == {sqs.now}


@pytest.mark.parametrize(
    ("at", "tried"), [("a", ["a"]), ("b", ["a", "b"])], ids=["first", "second"]
)
def test_what_half_of_the_time_does_not_suffice_to_read_is_given_back_and_the_rest_is_stored(
    *,
    at: str,
    tried: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    stored: Stored,
    sqs: LocalSqs,
    clock: Clock,
) -> None:
    for body in ("poison", *(order_json(name) for name in "abcd")):
        queue.put(body)
    late = 4 - len(tried)
    forwarder = make_forwarder(
        target=SlowBuilder(orders, clock, at, seconds=50), config=ForwarderConfig(time_reserve=10)
    )
    with pytest.raises(FailedMessagesError) as caught:
        forwarder.handle_lambda_event(queue.lambda_event(), Context(100))
    assert sorted(stored()) == tried
    assert [f.reason for f in caught.value.failures][1:] == [NO_TIME] * late
    # The bad one is hidden for a while, and the late ones are seen at once.
    assert [m.visible_at - sqs.now for m in queue.messages] == [5] + [0] * late


def test_the_search_for_a_bad_message_ends_with_the_time(
    *,
    names: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    order_json: Body,
    orders: Table,
    stored: Stored,
    clock: Clock,
) -> None:
    queue.put(order_json("e", item="item of a"))
    forwarder = make_forwarder(target=SlowBuilder(orders, clock, "writing", seconds=99))
    with pytest.raises(FailedMessagesError) as caught:
        forwarder.handle_lambda_event(queue.lambda_event(), Context(100))
    assert [failure.reason for failure in caught.value.failures] == [NO_TIME] * (len(names) + 1)
    assert stored() == {}


def test_an_outage_is_raised_in_time_though_the_queue_does_not_answer(
    *,
    names: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    hanging: Callable[[str], Any],
    orders: Table,
    clock: Clock,
) -> None:
    began = time.monotonic()
    error = DatabaseUnavailableError("gone")
    forwarder = make_forwarder(
        sqs_client=hanging("change_message_visibility_batch"),
        target=SlowBuilder(orders, clock, "written", NEARLY_ALL, error),
    )
    with pytest.raises(DatabaseUnavailableError):
        forwarder.handle_lambda_event(queue.lambda_event(), Context(100))
    assert time.monotonic() - began < 120


def test_what_can_not_be_deleted_in_time_comes_again_as_a_duplicate(
    *,
    names: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    hanging: Callable[[str], Any],
    orders: Table,
    stored: Stored,
    sqs: LocalSqs,
    clock: Clock,
) -> None:
    queue.put("poison")
    results: list[ForwardResult] = []
    forwarder = make_forwarder(
        sqs_client=hanging("delete_message_batch"),
        target=SlowBuilder(orders, clock, "written", NEARLY_ALL),
        hooks=[results.append],
    )
    with pytest.raises(FailedMessagesError):
        forwarder.handle_lambda_event(queue.lambda_event(), Context(100))
    assert set(stored()) == set(names)
    assert (results[0].inserted, results[0].deleted) == (4, 0)
    sqs.advance(1_000)
    assert len(queue.messages) == 5
    with pytest.raises(FailedMessagesError):
        make_forwarder(hooks=[results.append]).handle_lambda_event(queue.lambda_event(), None)
    assert (results[1].duplicates, results[1].deleted) == (4, 4)


def test_copies_that_are_not_made_in_time_leave_their_messages_failed(
    *,
    names: list[str],
    queue: StrictQueue,
    make_forwarder: Make,
    hanging: Callable[[str], Any],
    orders: Table,
    stored: Stored,
    clock: Clock,
) -> None:
    bad = [queue.put(f"poison {number}") for number in range(6)]
    forwarder = make_forwarder(
        sqs_client=hanging("send_message"),
        target=SlowBuilder(orders, clock, "written", NEARLY_ALL),
        config=ForwarderConfig(max_attempts=1, partial_responses=True),
        dead_letter=queue.url + "-2",
    )
    answer = forwarder.handle_lambda_event(queue.lambda_event(), Context(100))
    assert [entry["itemIdentifier"] for entry in answer["batchItemFailures"]] == bad
    assert set(stored()) == set(names)


def test_no_thread_is_left_when_an_event_is_answered(
    names: list[str], queue: StrictQueue, make_forwarder: Make
) -> None:
    queue.put("poison")
    before = set(threading.enumerate())
    with pytest.raises(FailedMessagesError):
        make_forwarder().handle_lambda_event(queue.lambda_event(), Context(100))
    new = set(threading.enumerate()) - before
    assert [thread for thread in new if thread.name.startswith(("sqs", "heart"))] == []


def test_calls_are_made_several_at_once_and_give_their_results_in_order() -> None:
    meeting = threading.Barrier(4)

    def call(number: int) -> tuple[int, str]:
        meeting.wait(10)
        return number, WORD.get()

    token = WORD.set("kept")
    try:
        results = list(EachUntil(float("inf"), threads=4)(call, range(8)))
    finally:
        WORD.reset(token)
    assert results == list(zip(range(8), repeat("kept"), strict=False))


def test_after_the_deadline_no_call_is_begun_and_none_is_waited_for() -> None:
    let_go, begun = threading.Event(), []

    def call(number: int) -> int:
        begun.append(number)
        if number:
            let_go.wait(30)
        return number

    try:
        results = list(EachUntil(time.monotonic() + 0.05, threads=2)(call, range(9)))
    finally:
        let_go.set()
    assert requests_ended()
    # Fewer where this machine had no time for its threads.
    assert results in ([], [0])
    assert sorted(begun) in ([], [0], [0, 1], [0, 1, 2])
    assert list(EachUntil(time.monotonic() - 1, threads=2)(call, range(9))) == []


def test_the_first_error_ends_the_calls() -> None:
    let_go, begun = threading.Event(), []

    def call(number: int) -> None:
        begun.append(number)
        if not number:
            raise ValueError(number)
        let_go.wait(30)

    try:
        with pytest.raises(ValueError, match="0"):
            EachUntil(float("inf"), threads=1)(call, range(9))
    finally:
        let_go.set()
    assert requests_ended()
    assert begun in ([0], [0, 1])
