"""Give the queue its answer: delete what is stored, and deal with what is bad."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from saigon.aws.sqs._backoff import hiding_time
from saigon.aws.sqs._database.batch import BatchOutcome
from saigon.aws.sqs._database.dead_letters import DeadLetters
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._sqs.queue import Each, SqsQueue
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.results import ForwardResult, MessageFailure

_log = logging.getLogger(__name__)

Deliveries = Sequence[ReceivedMessage]


def _never() -> bool:
    return False


class Settler:
    """Deletes, dead-letters and gives back what a batch has left."""

    def __init__(self, queue: SqsQueue, dead_letters: DeadLetters, config: ForwarderConfig) -> None:
        self._queue = queue
        self._dead_letters = dead_letters
        self._config = config

    def settle(
        self,
        received: Deliveries,
        outcome: BatchOutcome,
        *,
        is_over: Callable[[], bool] = _never,
        each: Each = map,
    ) -> ForwardResult:
        """Answer for all deliveries of a batch; ``each`` makes the requests, until it is over."""
        buried = self.bury(outcome, is_over=is_over, each=each)
        done = buried.done(received, outcome)
        deleted = self.delete(done, is_over=is_over, each=each)
        self.give_back(outcome, buried, each=each)
        return result_of(received, outcome, buried, deleted=len(deleted))

    def bury(
        self, outcome: BatchOutcome, *, is_over: Callable[[], bool] = _never, each: Each = map
    ) -> "Buried":
        """Copy the bad messages that are not left to SQS, until it is over."""

        def take(failed: tuple[ReceivedMessage, str]) -> bool:
            return not is_over() and self._dead_letters.take(*failed)

        failures = []
        for (message, reason), dead in zip(outcome.failed, each(take, outcome.failed), strict=True):
            failures.append(MessageFailure(message.message_id, reason, dead=dead))
            _log.warning(
                "message %s is bad (received %s times, dead-lettered: %s): %s",
                message.message_id,
                message.receive_count,
                dead,
                reason,
            )
        return Buried(tuple(failures))

    def delete(
        self, messages: Deliveries, *, is_over: Callable[[], bool] = _never, each: Each = map
    ) -> Deliveries:
        """Delete deliveries, with retries until it is over; return the deleted ones."""
        return self._queue.delete(
            messages,
            attempts=self._config.delete_attempts,
            backoff=self._config.backoff_seconds,
            is_over=is_over,
            each=each,
        )

    def release(self, messages: Deliveries, seconds: int = 0, *, each: Each = map) -> None:
        """Give deliveries back to the queue, to be seen after some seconds."""
        _, unknown = self._queue.hide([(message, seconds) for message in messages], each=each)
        if unknown:
            self._queue.hide([(message, seconds) for message in unknown], each=each)

    def give_back(self, outcome: BatchOutcome, buried: "Buried", *, each: Each = map) -> None:
        """Hide what failed for a while; a group's later messages as long, and after it."""
        failed = [m for m, _ in outcome.failed if m.message_id not in buried.dead_ids]
        waits = [(message, self._hiding_time(message)) for message in failed]
        behind = {message.group_id: seconds for message, seconds in waits}
        if not self._queue.is_fifo:
            behind.clear()  # groups of a standard queue keep no order
        waits += [(message, behind.get(message.group_id, 0)) for message in outcome.held_back]
        self._queue.hide(waits, each=each)

    def _hiding_time(self, message: ReceivedMessage) -> int:
        return hiding_time(
            self._config.retry_delay,
            message.receive_count,
            longest=self._config.max_retry_delay,
        )


@dataclass(frozen=True, slots=True)
class Buried:
    """The bad messages of a batch, and which of them were copied."""

    failures: tuple[MessageFailure, ...]

    @property
    def dead_ids(self) -> frozenset[str]:
        """The ids of the messages that were copied to where dead letters go."""
        return frozenset(failure.message_id for failure in self.failures if failure.dead)

    def done(self, received: Deliveries, outcome: BatchOutcome) -> list[ReceivedMessage]:
        """Return the deliveries that the queue need not keep: stored ones and copied ones."""
        dead_ids = self.dead_ids
        return [*outcome.stored, *(m for m in received if m.message_id in dead_ids)]


def result_of(
    received: Deliveries, outcome: BatchOutcome, buried: Buried, *, deleted: int
) -> ForwardResult:
    """Return a batch's result in counts."""
    return ForwardResult(
        received=len(received),
        inserted=outcome.counts.inserted,
        duplicates=outcome.counts.duplicates,
        dead=len(buried.dead_ids),
        retried=len(received) - len(buried.done(received, outcome)),
        deleted=deleted,
        failures=buried.failures,
    )
