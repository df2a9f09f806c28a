"""Under an event source mapping none is lost and each is stored once, in both ways to fail.

The mapping here does what AWS documents:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Table

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    ForwarderConfig,
    ForwarderError,
    RowCounts,
    TableStatementBuilder,
)
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]
Function = Callable[[Any, Any], Any]

VISIBILITY = 60
GOOD = [f"a{number:02}" for number in range(20)]
SAFE = [(False, False), (False, True), (True, True)]
"""Of ``partial_responses`` and the mapping's ``ReportBatchItemFailures``."""
SAFE_IDS = ["raising", "raising where answers are read", "answering"]


class KilledError(BaseException):
    """The function ends here: its time is over, or its process is killed."""


class EventSourceMapping:
    """Gives a queue's messages to a function, and deletes what the function did not fail.

    Attributes:
        deliveries: How often each message was in an event.
    """

    def __init__(self, sqs: LocalSqs, queue: StrictQueue, function: Function, *, reports: bool):
        self.deliveries: Counter[str] = Counter()
        self._sqs, self._queue, self._function, self._reports = sqs, queue, function, reports

    def run(self, rounds: int = 30) -> None:
        """Poll until the queue is empty, with time for all to become visible between."""
        for _ in range(rounds):
            while self._poll():
                pass
            if not self._queue.messages:
                return
            self._sqs.advance(1_000)
        raise AssertionError("the queue does not get empty")

    def _poll(self) -> bool:
        records = self._queue.lambda_event(10, VISIBILITY)["Records"]
        self.deliveries.update(record["messageId"] for record in records)
        if records:
            self._delete(records, self._failed(records))
        return bool(records)

    def _failed(self, records: Sequence[Mapping[str, Any]]) -> set[str]:
        every = {record["messageId"] for record in records}
        try:
            answer = json.loads(json.dumps(self._function({"Records": records}, None)))
        except (ForwarderError, KilledError):
            return every
        if not self._reports:
            return set()  # whatever is answered is ignored
        entries = (answer or {}).get("batchItemFailures") or []
        failed = {entry.get("itemIdentifier") for entry in entries}
        return every if failed - every else failed

    def _delete(self, records: Sequence[Mapping[str, Any]], failed: set[str]) -> None:
        handles = {record["messageId"]: record["receiptHandle"] for record in records}
        done = [handle for message_id, handle in handles.items() if message_id not in failed]
        entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(done)]
        if entries:
            self._sqs.client().delete_message_batch(QueueUrl=self._queue.url, Entries=entries)


class DyingBuilder(TableStatementBuilder):
    """Some transactions meet an outage, and some are killed with their process."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, key="id")
        self.fates: list[BaseException | None] = []
        self._chance = random.Random(1)

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        counts = super().write_rows(db_connector, rows)
        fate = self._chance.choice([DatabaseUnavailableError("gone"), KilledError(), None, None])
        self.fates.append(fate)
        if fate is not None:
            raise fate
        return counts


@pytest.fixture(params=["standard", "fifo"])
def queue(request: pytest.FixtureRequest, sqs: LocalSqs, order_json: Body) -> StrictQueue:
    """A queue of good messages with poison among them; of five groups, if it is FIFO."""
    is_fifo = request.param == "fifo"
    queue = sqs.create_queue(
        fifo=is_fifo, dead_letter=sqs.create_queue(fifo=is_fifo), max_receive_count=20
    )
    for number, name in enumerate(GOOD):
        group_id = f"group-{number % 5}" if is_fifo else None
        if number in {3, 11}:
            queue.put(f"poison {number}", group_id=group_id)
        queue.put(order_json(name), group_id=group_id)
    return queue


@pytest.fixture
def dead_letters(queue: StrictQueue) -> StrictQueue:
    assert queue.dead_letter is not None
    return queue.dead_letter


@pytest.fixture
def make(make_forwarder: Make, dead_letters: StrictQueue) -> Make:
    """Make forwarders that copy poison at its third receive.

    Left to the redrive policy it would take those along that wait behind it in its group: they
    were received as often.
    """

    def make(*, partial_responses: bool, **options: Any) -> Any:
        config = ForwarderConfig(
            partial_responses=partial_responses,
            max_attempts=3,
            backoff_seconds=0,
            delete_attempts=1,
        )
        return make_forwarder(config=config, dead_letter=dead_letters.url, **options)

    return make


def bodies(queue: StrictQueue) -> list[str]:
    return sorted(message.body for message in queue.messages)


@pytest.mark.parametrize(("is_partial", "reports"), SAFE, ids=SAFE_IDS)
def test_the_good_are_stored_at_their_first_delivery_and_the_bad_end_as_dead_letters(
    *,
    is_partial: bool,
    reports: bool,
    sqs: LocalSqs,
    queue: StrictQueue,
    dead_letters: StrictQueue,
    make: Make,
    stored: Stored,
) -> None:
    sent = {message.message_id: message.body for message in queue.messages}
    inserted: list[int] = []
    forwarder = make(
        partial_responses=is_partial, hooks=[lambda result: inserted.append(result.inserted)]
    )
    mapping = EventSourceMapping(sqs, queue, forwarder.handle_lambda_event, reports=reports)
    mapping.run()
    assert sorted(stored()) == GOOD
    assert sum(inserted) == len(GOOD)
    assert bodies(dead_letters) == ["poison 11", "poison 3"]
    for message_id, body in sent.items():
        if body.startswith("poison"):
            assert mapping.deliveries[message_id] == 3
        elif not queue.is_fifo:  # in a group they wait for it
            assert mapping.deliveries[message_id] == 1


@pytest.mark.parametrize(("is_partial", "reports"), SAFE, ids=SAFE_IDS)
def test_none_is_lost_whatever_the_invocations_die_of(
    *,
    is_partial: bool,
    reports: bool,
    sqs: LocalSqs,
    queue: StrictQueue,
    dead_letters: StrictQueue,
    make: Make,
    orders: Table,
    stored: Stored,
) -> None:
    queue.deliver_twice = not queue.is_fifo
    queue.fail_deletes = 5
    builder = DyingBuilder(orders)
    forwarder = make(partial_responses=is_partial, target=builder)
    EventSourceMapping(sqs, queue, forwarder.handle_lambda_event, reports=reports).run()
    assert {type(fate).__name__ for fate in builder.fates} == {
        "DatabaseUnavailableError",
        "KilledError",
        "NoneType",
    }
    assert sorted(stored()) == GOOD
    # A copy whose message was not deleted is made again.
    assert set(bodies(dead_letters)) == {"poison 3", "poison 11"}


def test_control_an_answer_that_aws_does_not_read_loses_the_failed(
    sqs: LocalSqs, queue: StrictQueue, dead_letters: StrictQueue, make: Make
) -> None:
    forwarder = make(partial_responses=True)
    EventSourceMapping(sqs, queue, forwarder.handle_lambda_event, reports=False).run()
    assert bodies(dead_letters) == []
