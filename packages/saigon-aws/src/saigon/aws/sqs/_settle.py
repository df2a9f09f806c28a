"""Give the queue its answer: delete what is stored, and deal with what is bad."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from saigon.aws.sqs._backoff import hiding_time
from saigon.aws.sqs._batch import BatchOutcome
from saigon.aws.sqs._messages import ReceivedMessage
from saigon.aws.sqs._queue import SqsQueue
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.exceptions import ForwarderConfigError, QueueError
from saigon.aws.sqs.results import ForwardResult, MessageFailure

_log = logging.getLogger(__name__)

Deliveries = Sequence[ReceivedMessage]


class DeadLetters:
    """Decides where bad messages go, and copies those that are not left to SQS."""

    def __init__(self, queue: SqsQueue, url: str | None, config: ForwarderConfig) -> None:
        self._queue = queue
        self._url = url
        self._max_attempts = config.max_attempts
        self._redrives: bool | None = None

    def require(self) -> None:
        """Refuse to work on a queue whose bad messages would have nowhere to go.

        Raises:
            ForwarderConfigError: There is neither a redrive policy nor a dead-letter queue, or
                asking for the policy is denied and no queue was given.
        """
        if self._url is None and not self._queue_redrives():
            raise ForwarderConfigError(
                f"queue {self._queue.name} has no redrive policy that could be read "
                "(sqs:GetQueueAttributes): set one, or give dead_letter="
            )

    def take(self, message: ReceivedMessage, reason: str) -> bool:
        """Copy a bad message if it is not to be left to SQS; tell whether a copy was made."""
        if self._url is None:
            return False
        try:
            if not self._is_ours(message):
                return False
            self._queue.copy_to(self._url, message, reason)
        except QueueError as error:
            _log.error("message %s was not dead-lettered: %s", message.message_id, error.code)
            return False
        return True

    def _is_ours(self, message: ReceivedMessage) -> bool:
        if self._max_attempts is not None and message.receive_count >= self._max_attempts:
            return True
        return not self._queue_redrives()

    def _queue_redrives(self) -> bool:
        if self._redrives is None:
            self._redrives = self._queue.has_redrive_policy() or False
        return self._redrives


class Settler:
    """Deletes, dead-letters and gives back what a batch has left."""

    def __init__(self, queue: SqsQueue, dead_letters: DeadLetters, config: ForwarderConfig) -> None:
        self._queue = queue
        self._dead_letters = dead_letters
        self._config = config

    def settle(self, received: Deliveries, outcome: BatchOutcome) -> ForwardResult:
        """Answer for all deliveries of a batch."""
        buried = self.bury(outcome)
        done = buried.done(received, outcome)
        deleted = self.delete(done)
        self.give_back(outcome, buried)
        return result_of(received, outcome, buried, deleted=len(deleted))

    def bury(self, outcome: BatchOutcome) -> "Buried":
        """Copy the bad messages that are not left to SQS."""
        failures = []
        for message, reason in outcome.failed:
            dead = self._dead_letters.take(message, reason)
            failures.append(MessageFailure(message.message_id, reason, dead=dead))
            _log.warning(
                "message %s is bad (received %s times, dead-lettered: %s): %s",
                message.message_id,
                message.receive_count,
                dead,
                reason,
            )
        return Buried(tuple(failures))

    def delete(self, messages: Deliveries) -> Deliveries:
        """Delete deliveries, with retries; return the deleted ones."""
        return self._queue.delete(
            messages,
            attempts=self._config.delete_attempts,
            backoff=self._config.backoff_seconds,
        )

    def release(self, messages: Deliveries, seconds: int = 0) -> None:
        """Give deliveries back to the queue, in their order, to be seen after some seconds."""
        self._queue.hide(messages, seconds)

    def give_back(self, outcome: BatchOutcome, buried: "Buried") -> None:
        """Hide what failed for a while; a group's later messages as long, and after it."""
        waits: dict[str | None, int] = {}
        for message, _ in outcome.failed:
            if message.message_id not in buried.dead_ids:
                waits[message.group_id] = self._hiding_time(message)
                self.release([message], waits[message.group_id])
        for seconds, group in groupby(outcome.held_back, lambda m: waits.get(m.group_id, 0)):
            self.release(list(group), seconds)

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
        """The ids of the messages that were copied to the dead-letter queue."""
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
