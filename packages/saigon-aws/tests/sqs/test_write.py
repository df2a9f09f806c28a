"""A transaction is tried again where that helps, and only there."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Table

from saigon.aws.rds.exceptions import RdsError
from saigon.aws.secrets.exceptions import SecretNotFoundError, SecretUnavailableError
from saigon.aws.sqs import (
    DatabaseUnavailableError,
    ForwarderConfig,
    ForwarderError,
    OnConflict,
    RowCounts,
    StatementRefusedError,
    TableStatementBuilder,
)
from saigon.aws.sqs._database import batch, writer
from saigon.aws.sqs._database.batch import BatchReader
from saigon.aws.sqs._database.target import writer_for
from saigon.aws.sqs._database.writer import BatchWriter, Entry, Written
from saigon.aws.sqs._message.parser import MessageParser
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbErrorKind, DbExecutionError

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


class Failing(TableStatementBuilder):
    """Writes its rows, and then fails for a while with the errors it is given."""

    def __init__(self, table: Table, *kinds: DbErrorKind) -> None:
        super().__init__(table, key="id")
        self.kinds = list(kinds)
        self.calls = 0

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        self.calls += 1
        counts = super().write_rows(db_connector, rows)
        if self.kinds:
            raise DbExecutionError("it failed", kind=self.kinds.pop(0))
        return counts


class WithoutLogin(TableStatementBuilder):
    """Fails as a connection does whose login can not be had."""

    def __init__(self, table: Table, error: Exception) -> None:
        super().__init__(table, key="id")
        self._error = error

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        raise self._error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SecretUnavailableError("busy"), DatabaseUnavailableError),
        (RdsError("no credentials"), DatabaseUnavailableError),
        (SecretNotFoundError("gone"), StatementRefusedError),
    ],
    ids=["secret unavailable", "no token", "no secret"],
)
def test_a_login_that_can_not_be_had_is_no_messages_fault(
    error: Exception,
    expected: type[Exception],
    orders: Table,
    make_forwarder: Make,
    order_json: Body,
) -> None:
    forwarder = make_forwarder(target=WithoutLogin(orders, error))
    with pytest.raises(expected, match=str(error)):
        forwarder.forward_message(order_json("a"))


@pytest.mark.parametrize("kind", ["deadlock", "serialization", "timeout", "aborted"])
def test_a_transaction_that_lost_a_race_is_tried_again(
    kind: DbErrorKind, orders: Table, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    builder = Failing(orders, kind, kind)
    counts = make_forwarder(target=builder).forward_message(order_json("a"))
    assert counts == RowCounts(1, 0)  # nothing of the first attempts was kept
    assert builder.calls == 3
    assert set(stored()) == {"a"}


def test_the_attempts_are_bounded(
    orders: Table, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    deadlocks: list[DbErrorKind] = ["deadlock"] * 9
    builder = Failing(orders, *deadlocks)
    with pytest.raises(DatabaseUnavailableError, match="it failed"):
        make_forwarder(target=builder).forward_message(order_json("a"))
    assert builder.calls == 5
    assert stored() == {}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("connection", DatabaseUnavailableError),
        ("read_only", DatabaseUnavailableError),
        ("auth", StatementRefusedError),
        ("other", StatementRefusedError),
    ],
)
def test_other_errors_are_not_tried_again(
    kind: DbErrorKind,
    expected: type[Exception],
    orders: Table,
    make_forwarder: Make,
    order_json: Body,
) -> None:
    builder = Failing(orders, kind)
    with pytest.raises(expected):
        make_forwarder(target=builder).forward_message(order_json("a"))
    assert builder.calls == 1


class Clock:
    """Stands in for the module ``time``: it is early until it is told to be late."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        raise AssertionError("slept")


class Slow(Failing):
    """Lets the deadline pass in one of its calls."""

    def __init__(self, table: Table, clock: Clock, *kinds: DbErrorKind, late_in: int = 1) -> None:
        super().__init__(table, *kinds)
        self._clock, self._late_in = clock, late_in

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        self._clock.now = float(self.calls + 1 >= self._late_in)
        return super().write_rows(db_connector, rows)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(writer, "time", clock)
    monkeypatch.setattr(batch, "time", clock)
    return clock


@pytest.fixture
def write(
    connector: DbConnector, order_type: type[BaseModel], orders: Table
) -> Callable[..., Written]:
    """Write orders by a builder until half past; give what became of them."""

    def write(builder: Any, *names: str, taken: str = "") -> Written:
        writer = BatchWriter(
            connector, writer_for(builder, order_type, "id", ""), attempts=5, backoff=0
        )
        entries = [
            Entry(
                ReceivedMessage(name, "", ""),
                None,
                ({"id": name, "item": "tea" if name in taken else name, "version": 1},),
            )
            for name in names
        ]
        return writer.write(entries, deadline=0.5)

    return write


def ids(entries: Sequence[Entry]) -> list[str]:
    return [entry.message.message_id for entry in entries]


def test_what_was_not_tried_by_the_deadline_is_held_back_and_the_rest_is_committed(
    clock: Clock, orders: Table, write: Callable[..., Written], stored: Stored
) -> None:
    builder = Slow(orders, clock, late_in=4)
    write(builder, "1", taken="1")
    written = write(builder, "a", "b", "c", "d", taken="b")  # all, a and b, a
    assert (ids(written.stored), ids(written.held_back)) == (["a"], ["b", "c", "d"])
    assert set(stored()) == {"1", "a"}


def test_nothing_is_written_after_the_deadline(
    clock: Clock, orders: Table, write: Callable[..., Written]
) -> None:
    builder = Slow(orders, clock)
    clock.now = 1
    assert ids(write(builder, "a", "b").held_back) == ["a", "b"]
    assert builder.calls == 0


def test_no_attempt_is_made_after_the_deadline(
    clock: Clock, orders: Table, write: Callable[..., Written], stored: Stored
) -> None:
    builder = Slow(orders, clock, "deadlock")
    with pytest.raises(DatabaseUnavailableError):
        write(builder, "a")
    assert (builder.calls, stored()) == (1, {})


def test_what_was_not_read_by_the_deadline_is_held_back(
    clock: Clock, orders: Table, order_type: type[BaseModel], order_json: Body
) -> None:
    class SlowReader(TableStatementBuilder):
        def get_statement_params(self, message: BaseModel) -> dict[str, Any]:
            clock.now += 0.4
            return super().get_statement_params(message)

    parser = MessageParser(order_type, ForwarderConfig())
    reader = BatchReader(parser, SlowReader(orders, key="id"), ("id",), is_fifo=False)
    messages = [ReceivedMessage(name, "", order_json(name)) for name in "abcd"]
    batch = reader.read(messages, deadline=0.5)
    assert (ids(batch.entries), batch.held_back) == (["a", "b"], messages[2:])


class Stuck(TableStatementBuilder):
    """Takes too long for the rows of some items."""

    def __init__(self, table: Table, *slow: str, code: int | None = 5) -> None:
        super().__init__(table, key="id")
        self._slow, self._code, self.alone = slow, code, list[str]()

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        self.alone += [row["id"] for row in rows if len(rows) == 1]
        if any(row["id"] in self._slow for row in rows):
            raise DbExecutionError("too slow", kind="timeout", error_code=self._code)
        return super().write_rows(db_connector, rows)


@pytest.fixture
def patient(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(clock, "sleep", lambda _: None)
    return clock


def test_slow_rows_hold_up_no_other(
    patient: Clock, orders: Table, write: Callable[..., Written], stored: Stored
) -> None:
    written = write(Stuck(orders, "a", "c"), "a", "b", "c", "d")
    assert (ids(written.stored), ids(written.held_back)) == (["b", "d"], ["a", "c"])
    assert set(stored()) == {"b", "d"}


def test_a_database_that_is_slow_altogether_is_unavailable(
    patient: Clock, orders: Table, write: Callable[..., Written]
) -> None:
    slow = Stuck(orders, *"abcdef")
    with pytest.raises(DatabaseUnavailableError):
        write(slow, *"abcdef")
    assert slow.alone == ["a", "b", "c"]
    without_connection = Stuck(orders, *"ab", code=None)
    with pytest.raises(DatabaseUnavailableError):
        write(without_connection, *"ab")
    assert without_connection.alone == []


def test_a_number_that_no_column_holds_is_the_messages_fault(
    make_forwarder: Make, queue: Any, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.put(order_json("large", version=2**70))
    result = make_forwarder().forward()
    assert (result.inserted, result.retried) == (1, 1)
    assert "integers of 64 bits" in result.failures[0].reason
    assert set(stored()) == {"a"}


def test_a_value_that_a_later_message_gives_up_can_be_taken(
    make_forwarder: Make, queue: Any, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder(on_conflict=OnConflict.UPDATE, newer_by="version")
    forwarder.forward_message(order_json("c", item="tea"))
    queue.put(order_json("a", item="tea"))
    queue.put(order_json("c", item="milk", version=2))
    assert forwarder.forward().inserted == 2
    assert stored() == {"a": "tea", "c": "milk"}


@pytest.mark.parametrize("kind", ["other", "connection", "deadlock"])
def test_what_is_raised_does_not_lead_to_the_drivers_text(
    kind: DbErrorKind, orders: Table, make_forwarder: Make, order_json: Body
) -> None:
    class Quoting(TableStatementBuilder):
        def write_rows(self, db_connector: Any, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
            raise DbExecutionError("it failed", kind=kind) from RuntimeError(rows[0]["item"])

    forwarder, body = make_forwarder(target=Quoting(orders, key="id")), order_json("a", item="tea")
    with pytest.raises(ForwarderError, match="it failed") as caught:
        forwarder.forward_message(body)
    assert "RuntimeError: tea" not in "".join(traceback.format_exception(caught.value))
    assert isinstance(caught.value.__cause__, DbExecutionError)
