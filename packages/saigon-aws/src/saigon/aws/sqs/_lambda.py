"""Answer an event that a Lambda event source mapping made of a queue's messages."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from saigon.aws.sqs._database.batch import BatchOutcome
from saigon.aws.sqs._message.lambda_event import messages_of
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._pipeline import OUTAGES, Pipeline
from saigon.aws.sqs._sqs.queue import Each
from saigon.aws.sqs._sqs.settler import Buried, Settler, result_of
from saigon.aws.sqs._sqs.until import EachUntil
from saigon.aws.sqs.exceptions import FailedMessagesError, QueueError
from saigon.aws.sqs.results import ForwardResult, MessageFailure

_log = logging.getLogger(__name__)

Answer = dict[str, list[dict[str, str]]]

_ANSWERING: Final = 0.25  # of the reserve, in which SQS is not asked any more
_BEHIND: Final = "behind a bad message of its group"
_NO_TIME: Final = "ran out of time"


def handle_event(pipeline: Pipeline, event: object, context: Any) -> Answer | None:
    """Store an event's messages in one transaction; raise or answer for those that failed."""
    started = time.monotonic()
    ends, reserve = started + _seconds_left(context), pipeline.config.time_reserve
    each = EachUntil(ends - _ANSWERING * reserve, pipeline.config.concurrency)
    received = messages_of(event, pipeline.queue.url)
    pipeline.dead_letters.require()
    try:
        outcome = _store(pipeline, received, started, ends - reserve)
    except OUTAGES:
        pipeline.settler.release(received, pipeline.config.outage_visibility, each=each)
        pipeline.report(ForwardResult(received=len(received), retried=len(received)), started)
        raise
    failures, result = _settle(pipeline, received, outcome, each)
    pipeline.report(result, started)
    if pipeline.config.partial_responses:
        return {"batchItemFailures": [{"itemIdentifier": f.message_id} for f in failures]}
    if failures:
        raise FailedMessagesError(failures)
    return None


def _seconds_left(context: Any) -> float:
    remaining: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    return float("inf") if remaining is None else remaining() / 1000


def _store(
    pipeline: Pipeline, received: Sequence[ReceivedMessage], started: float, deadline: float
) -> BatchOutcome:
    # Reading may fetch payloads; what it took all of the time for could never be written.
    batch = pipeline.reader.read(received, deadline=started + (deadline - started) / 2)
    return pipeline.write(batch, deadline=deadline)


def _settle(
    pipeline: Pipeline, received: Sequence[ReceivedMessage], outcome: BatchOutcome, each: Each
) -> tuple[list[MessageFailure], ForwardResult]:
    """Deal with the bad messages; return those that the queue has to keep, and the counts."""
    settler = pipeline.settler
    buried = _bury(settler, outcome, each)
    failures = _failures(outcome, buried, is_fifo=pipeline.queue.is_fifo)
    deleted = 0
    if failures:
        # A raise returns the whole batch, so what is done is deleted here; AWS does it otherwise.
        if not pipeline.config.partial_responses:
            deleted = _delete(settler, buried.done(received, outcome), each)
        settler.give_back(outcome, buried, each=each)
    return failures, result_of(received, outcome, buried, deleted=deleted)


def _bury(settler: Settler, outcome: BatchOutcome, each: Each) -> Buried:
    """Copy the bad messages; there may be no time for all of them, which are not dead then."""
    alone = [replace(outcome, failed=[failed]) for failed in outcome.failed]
    failures = [failure for buried in each(settler.bury, alone) for failure in buried.failures]
    tried = {failure.message_id for failure in failures}
    left = [failed for failed in outcome.failed if failed[0].message_id not in tried]
    return Buried((*failures, *(MessageFailure(m.message_id, reason) for m, reason in left)))


def _delete(settler: Settler, done: Sequence[ReceivedMessage], each: Each) -> int:
    try:
        return len(settler.delete(done, each=each))
    except QueueError as error:
        # That messages failed is to be raised all the same; these come again as duplicates.
        _log.error("committed messages were not deleted: %s", error)
        return 0


def _failures(outcome: BatchOutcome, buried: Buried, *, is_fifo: bool) -> list[MessageFailure]:
    """Return the messages that the queue has to keep, once each however often they came.

    AWS wants all after the first failure of a FIFO batch, to keep their order. That is the
    order of their group, so the other groups go on.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    behind = {message.group_id for message, _ in outcome.failed} if is_fifo else set()
    held_back = {message.message_id: message.group_id for message in outcome.held_back}
    return [
        *(failure for failure in buried.failures if not failure.dead),
        *(
            MessageFailure(message_id, _BEHIND if group_id in behind else _NO_TIME)
            for message_id, group_id in held_back.items()
        ),
    ]
