"""Whatever dies when, each key has one row and none is lost."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Table

from saigon.aws.sqs import RowCounts, TableStatementBuilder
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]


class Crash(BaseException):
    """The process dies here."""


class CrashingClient:
    """A client whose process dies at the n-th delete, before or after it was done."""

    def __init__(self, client: Any, at: int, *, done: bool) -> None:
        self._client, self._numbers, self._at, self._done = client, itertools.count(1), at, done

    def delete_message_batch(self, **request: Any) -> Any:
        number = next(self._numbers)
        if number > self._at or (number == self._at and not self._done):
            raise Crash
        answer = self._client.delete_message_batch(**request)
        if number == self._at:
            raise Crash
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class CrashingBuilder(TableStatementBuilder):
    """Dies in the transaction, when the rows are written and not committed."""

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        super().write_rows(db_connector, rows)
        raise Crash


@pytest.fixture
def sent(queue: StrictQueue, order_json: Body) -> set[str]:
    names = {f"a{number:02}" for number in range(25)}
    for name in sorted(names):
        queue.put(order_json(name))
    return names


def drain(make_forwarder: Make, queue: StrictQueue, sqs: LocalSqs) -> int:
    sqs.advance(1000)  # the visibility of what the dead process held has ended
    forwarder, duplicates = make_forwarder(), 0
    while queue.messages:
        duplicates += forwarder.forward().duplicates
    return duplicates


def test_a_crash_before_the_commit_loses_nothing(
    *,
    sent: set[str],
    queue: StrictQueue,
    sqs: LocalSqs,
    orders: Table,
    make_forwarder: Make,
    stored: Stored,
) -> None:
    with pytest.raises(Crash):
        make_forwarder(target=CrashingBuilder(orders, key="id")).run()
    assert stored() == {}
    assert drain(make_forwarder, queue, sqs) == 0
    assert set(stored()) == sent


@pytest.mark.parametrize(
    ("at", "done"),
    [(1, False), (1, True), (2, True), (3, True)],
    ids=["committed", "ten deleted", "twenty deleted", "all deleted"],
)
def test_a_crash_after_the_commit_doubles_nothing(
    *,
    at: int,
    done: bool,
    sent: set[str],
    queue: StrictQueue,
    sqs: LocalSqs,
    make_forwarder: Make,
    stored: Stored,
) -> None:
    with pytest.raises(Crash):
        make_forwarder(sqs_client=CrashingClient(sqs.client(), at, done=done)).run()
    left = {json.loads(message.body)["id"] for message in queue.messages}
    assert left | set(stored()) == sent
    already = len(left & set(stored()))
    assert drain(make_forwarder, queue, sqs) == already
    assert set(stored()) == sent
