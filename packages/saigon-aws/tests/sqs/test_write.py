"""A transaction is tried again where that helps, and only there."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Table

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    ForwarderError,
    RowCounts,
    StatementRefusedError,
    TableStatementBuilder,
)
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


def test_no_attempt_is_made_after_the_deadline(
    orders: Table, make_forwarder: Make, order_json: Body, queue: Any
) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> float:
            return 0

    queue.put(order_json("a"))
    builder = Failing(orders, "deadlock")
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        make_forwarder(target=builder).handle_lambda_event(queue.lambda_event(), Context())
    assert builder.calls == 1
    assert time.monotonic() - started < 30


def test_a_number_that_no_column_holds_is_the_messages_fault(
    make_forwarder: Make, queue: Any, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    queue.put(order_json("large", version=2**70))
    result = make_forwarder().forward()
    assert (result.inserted, result.retried) == (1, 1)
    assert "integers of 64 bits" in result.failures[0].reason
    assert set(stored()) == {"a"}


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
