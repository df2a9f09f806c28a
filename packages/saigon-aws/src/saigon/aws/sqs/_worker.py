"""The worker: receive, write, delete, until told to stop."""

import itertools
import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from types import FrameType
from typing import Final

from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._batch import BatchOutcome
from saigon.aws.sqs._heartbeat import LONGEST_HOLD, Heartbeat
from saigon.aws.sqs._messages import ReceivedMessage
from saigon.aws.sqs._pipeline import Pipeline
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    QueueError,
    StatementRefusedError,
)
from saigon.aws.sqs.results import ForwardResult

_log = logging.getLogger(__name__)

_FULL_RECEIVE: Final = 10


class Worker:
    """One run of a forwarder's worker."""

    def __init__(self, pipeline: Pipeline, stop: threading.Event, drain_timeout: float) -> None:
        self._pipeline = pipeline
        self._config = pipeline.config
        self._stop = stop
        self._drain_timeout = drain_timeout
        self._heartbeat = Heartbeat(pipeline.queue.hide, self._config.visibility_timeout)
        self._failed_receives = 0

    def run(self) -> ForwardResult:
        """Work until the stop is set; return the counts of all batches.

        Raises:
            StatementRefusedError: The database refused the statement twice.
            QueueError: SQS refused in a way that does not pass by itself.
        """
        with closing(self._heartbeat):
            return self._run()

    def _run(self) -> ForwardResult:
        total = ForwardResult()
        while not self._stop.is_set():
            polled_at = time.monotonic()
            received = self._gather()
            if received:
                started = time.monotonic()
                result = self._work(received, polled_at + self._drain_timeout)
                total += self._pipeline.report(result, started)
        return total

    def _gather(self) -> list[ReceivedMessage]:
        """Receive until the batch is full or the queue gives less than it could."""
        received = self._receive(self._wait_seconds())
        last = received
        while len(last) == _FULL_RECEIVE and not self._is_full(received):
            last = self._receive(0)
            received = received + last
        return received

    def _receive(self, wait_seconds: int) -> list[ReceivedMessage]:
        try:
            received = self._pipeline.queue.receive(
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=self._config.visibility_timeout,
            )
        except QueueError as error:
            if not error.retryable:
                raise
            self._pause_after(error)
            return []
        self._failed_receives = 0
        self._heartbeat.hold(received)
        return received

    def _pause_after(self, error: QueueError) -> None:
        seconds = self._probe_pause(self._failed_receives)
        self._failed_receives += 1
        _log.warning("%s; receiving again in %.1f s", error, seconds)
        self._stop.wait(seconds)

    def _is_full(self, received: Sequence[ReceivedMessage]) -> bool:
        return (
            self._stop.is_set()
            or len(received) + _FULL_RECEIVE > self._config.batch_size
            or sum(len(m.body) for m in received) >= self._config.max_batch_bytes
        )

    def _wait_seconds(self) -> int:
        return min(self._config.wait_seconds, int(self._drain_timeout))

    def _work(self, received: Sequence[ReceivedMessage], drained_by: float) -> ForwardResult:
        try:
            outcome = self._store(received, drained_by)
        except StatementRefusedError:
            self._release(received)
            raise
        if outcome is None:
            self._release(received)
            return ForwardResult(received=len(received), retried=len(received))
        self._heartbeat.drop(received)
        return self._pipeline.settler.settle(received, outcome)

    def _store(self, received: Sequence[ReceivedMessage], drained_by: float) -> BatchOutcome | None:
        """Write through outages; None when the batch has to be given back unwritten."""
        if self._stop.is_set() and time.monotonic() > drained_by:
            return None
        batch = self._pipeline.reader.read(received)
        held_until = time.monotonic() + LONGEST_HOLD
        attempts, was_refused = itertools.count(), False
        while True:
            try:
                return self._pipeline.write(batch)
            except DatabaseUnavailableError as error:
                _log.warning("%s; receiving stops until it can be", error)
            except StatementRefusedError as error:
                if was_refused:
                    raise
                was_refused = True  # a failover can say so too
                _log.warning("%s; asking once more", error)
            if not self._outlast(attempts, held_until):
                return None

    def _outlast(self, attempts: Iterator[int], held_until: float) -> bool:
        """Wait until the database answers; False when it is time to give up."""
        for attempt in attempts:
            if self._stop.wait(self._probe_pause(attempt)) or time.monotonic() > held_until:
                return False
            if self._pipeline.database_answers():
                return True
        return False

    def _probe_pause(self, attempt: int) -> float:
        return pause(self._config.probe_seconds, attempt, longest=self._config.max_probe_seconds)

    def _release(self, received: Sequence[ReceivedMessage]) -> None:
        self._heartbeat.drop(received)
        self._pipeline.settler.release(received)


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; the handlers are put back afterwards.

    Outside of the main thread, where Python allows no handlers, nothing sets it.
    """
    stop = threading.Event()

    def set_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, set_stop) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
