"""Answer an event that a Lambda event source mapping made of a queue's messages."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from saigon.aws._envelopes import EnvelopeError, sqs_records
from saigon.aws.sqs._batch import BatchOutcome
from saigon.aws.sqs._messages import ReceivedMessage, from_record
from saigon.aws.sqs._pipeline import Pipeline
from saigon.aws.sqs._settle import Buried, result_of
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfigError,
)
from saigon.aws.sqs.results import MessageFailure

Answer = dict[str, list[dict[str, str]]]

_HELD_BACK = "behind a bad message of its group"


def handle_event(pipeline: Pipeline, event: Mapping[str, Any], context: Any) -> Answer | None:
    """Store an event's messages in one transaction; raise or answer for those that failed."""
    started = time.monotonic()
    received = _messages(event, pipeline.queue.name)
    outcome = _stored(pipeline, received, _deadline(context, pipeline.config.time_reserve))
    buried = pipeline.settler.bury(outcome)
    failures = _failures(outcome, buried)
    is_partial = pipeline.config.partial_responses
    deleted = 0
    if failures:
        # A raise returns the whole batch, so what is done is deleted here; AWS does it otherwise.
        done = [] if is_partial else buried.done(received, outcome)
        deleted = len(pipeline.settler.delete(done))
        pipeline.settler.give_back(outcome, buried)
    pipeline.report(result_of(received, outcome, buried, deleted=deleted), started)
    if is_partial:
        return {"batchItemFailures": [{"itemIdentifier": f.message_id} for f in failures]}
    if failures:
        raise FailedMessagesError(failures)
    return None


def _messages(event: Mapping[str, Any], queue_name: str) -> list[ReceivedMessage]:
    try:
        records = sqs_records(event)
    except EnvelopeError as error:
        raise ForwarderConfigError(f"expected an event of SQS: {error}") from error
    others = {record.queue_arn for record in records if _name(record.queue_arn) != queue_name}
    if others:
        raise ForwarderConfigError(
            f"expected messages of queue {queue_name}, got those of {', '.join(sorted(others))}"
        )
    return [from_record(record) for record in records]


def _name(queue_arn: str) -> str:
    return queue_arn.rsplit(":", 1)[-1]


def _stored(
    pipeline: Pipeline, received: Sequence[ReceivedMessage], deadline: float
) -> BatchOutcome:
    try:
        return pipeline.store(received, deadline=deadline)
    except DatabaseUnavailableError:
        pipeline.settler.release(received, pipeline.config.outage_visibility)
        raise


def _deadline(context: Any, reserve: float) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return float("inf")
    return float(time.monotonic() + remaining() / 1000 - reserve)


def _failures(outcome: BatchOutcome, buried: Buried) -> list[MessageFailure]:
    # By id once each: a held-back message may have come twice.
    held_back = dict.fromkeys(message.message_id for message in outcome.held_back)
    return [
        *(failure for failure in buried.failures if not failure.dead),
        *(MessageFailure(message_id, _HELD_BACK) for message_id in held_back),
    ]
