"""The worker: receive, write, delete, until told to stop."""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from saigon.aws.sqs._database.batch import Batch, BatchOutcome
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._pipeline import OUTAGES, REFUSALS, Pipeline
from saigon.aws.sqs._sqs.queue import Each
from saigon.aws.sqs._worker.buffer import Buffer
from saigon.aws.sqs._worker.heartbeat import Heartbeat
from saigon.aws.sqs._worker.patience import Patience
from saigon.aws.sqs._worker.receivers import Receivers
from saigon.aws.sqs.exceptions import QueueError
from saigon.aws.sqs.results import ForwardResult

_log = logging.getLogger(__name__)

_TICK: Final = 0.1  # seconds until a stop is noticed
_FLUSH: Final = 5  # seconds of a drain that are kept for writing and deleting
_LAST_POLL: Final = 1  # seconds that polls have to end in where the drain has used its time up
_SETTLING: Final = 2  # batches that are settled while the next one is written

Deliveries = Sequence[ReceivedMessage]


class Worker:
    """One run: receivers fill a buffer, this thread writes it, and others settle what is written.

    Args:
        pipeline: The forwarder's parts.
        stop: Ends the run when it is set.
        drain_timeout: Seconds after the stop from which messages are given back unwritten.
    """

    def __init__(self, pipeline: Pipeline, stop: threading.Event, drain_timeout: float) -> None:
        self._pipeline = pipeline
        self._config = pipeline.config
        self._stop = stop
        self._drain_timeout = drain_timeout
        self._drained_by: float | None = None
        self._errors: list[BaseException] = []
        self._left: list[ReceivedMessage] = []
        """What is to be given back unwritten when the run ends."""
        self._total = ForwardResult()
        self._reporting = threading.Lock()
        self._buffer = Buffer(self._config.max_in_flight, self._config.max_in_flight_bytes)
        self._heartbeat = Heartbeat(pipeline.queue.hide, self._config.visibility_timeout)
        self._receivers = Receivers(
            pipeline,
            self._buffer,
            self._heartbeat,
            wait_seconds=int(min(self._config.wait_seconds, max(1, drain_timeout - _FLUSH))),
            release=lambda late: self._release(late, each=map),
            fail=self._errors.append,
        )
        self._requests = ThreadPoolExecutor(self._config.concurrency, "sqs-request")
        self._settling = ThreadPoolExecutor(_SETTLING, "settling")

    def run(self) -> ForwardResult:
        """Work until the stop is set; return the counts of all batches.

        Raises:
            StatementRefusedError: The database refused the statement, three times in a row.
            PayloadRefusedError: S3 refused to give a payload, likewise.
            ForwarderConfigError: Bad messages would have nowhere to go.
            QueueError: SQS refused in a way that does not pass by itself.
        """
        if not self._stop.is_set():
            with closing(self._heartbeat), self._requests, self._settling:
                self._run()
        for error in self._errors:
            raise error
        return self._total

    def _run(self) -> None:
        # A database that is not there at the start is waited for with nothing in hand.
        if not (self._bad_ones_have_a_place() and self._database_answers(Patience(self._config))):
            return
        delay = 0
        try:
            self._receivers.start()
            self._forward_all()
        except Exception:
            delay = self._config.outage_visibility
            raise
        finally:
            self._receivers.stop()
            self._left += self._buffer.abandon()
            until = self._drained_by or time.monotonic() + self._drain_timeout
            # First, because a poll that is under way would receive what is given back.
            self._receivers.join(max(_LAST_POLL, until - time.monotonic()))
            self._release(self._left, delay)

    def _forward_all(self) -> None:
        limits = self._config.batch_size, self._config.max_batch_bytes
        while not self._is_over():
            received = self._buffer.take(*limits, timeout=_TICK)
            self._heed_stop()
            if self._is_drained():
                self._left += received
            elif received:
                self._forward(received)

    def _is_over(self) -> bool:
        self._heed_stop()
        return bool(self._errors) or self._buffer.is_done or self._is_drained()

    def _heed_stop(self) -> None:
        """Receive nothing more once it was told to stop."""
        if self._drained_by is None and self._stop.is_set():
            self._drained_by = time.monotonic() + self._drain_timeout
            self._buffer.close()
            self._receivers.stop()

    def _is_drained(self) -> bool:
        return self._drained_by is not None and time.monotonic() >= self._drained_by

    def _forward(self, received: Deliveries) -> None:
        """Write messages, and have them settled while the next ones are written."""
        started = time.monotonic()
        try:
            stored, outcome = self._store(received)
        except BaseException as error:
            # Hidden for a while, so that workers started again and again do not wear them out.
            is_interrupt = not isinstance(error, Exception)
            self._release(received, 0 if is_interrupt else self._config.outage_visibility)
            raise
        if stored is not received:
            handles = {message.receipt_handle for message in stored}
            unwritten = [m for m in received if m.receipt_handle not in handles]
            if self._stop.is_set() or self._errors:
                self._left += unwritten
            else:
                self._release(unwritten)  # which was held for eleven hours
        if outcome is not None:
            self._settling.submit(self._settle, stored, outcome, started)

    def _store(self, received: Deliveries) -> tuple[Deliveries, BatchOutcome | None]:
        """Write through outages; return what was written, without an outcome where nothing was."""
        batch: Batch | None = None
        patience = Patience(self._config)
        try:
            while received:
                try:
                    batch = batch or self._pipeline.reader.read(received)
                    return received, self._pipeline.write(batch)
                except (*OUTAGES, *REFUSALS) as error:
                    self._buffer.pause()
                    patience.note(error)
                if not (self._may_go_on(patience) and self._database_answers(patience)):
                    break
                kept = [message for message in received if not self._heartbeat.gave_up(message)]
                if len(kept) < len(received):
                    received, batch = kept, None
        finally:
            self._buffer.resume()
        return (), None

    def _bad_ones_have_a_place(self) -> bool:
        """Ask the queue until it tells its redrive policy; False when it is time to give up."""
        patience = Patience(self._config)
        while True:
            try:
                self._pipeline.dead_letters.require()
            except QueueError as error:
                if not error.retryable:
                    raise
                patience.note(error)
            else:
                return True
            if not self._may_go_on(patience):
                return False

    def _database_answers(self, patience: Patience) -> bool:
        """Ask the database until it answers; False when it is time to give up."""
        while True:
            try:
                self._pipeline.probe()
            except (*OUTAGES, *REFUSALS) as error:
                patience.note(error)
            else:
                return True
            if not self._may_go_on(patience):
                return False

    def _may_go_on(self, patience: Patience) -> bool:
        return not (self._stop.wait(patience.pause_seconds()) or self._errors)

    def _settle(self, stored: Deliveries, outcome: BatchOutcome, started: float) -> None:
        try:
            self._heartbeat.drop(stored)
            result = self._pipeline.settler.settle(
                stored, outcome, is_over=self._is_drained, each=self._requests.map
            )
            with self._reporting:
                self._total += self._pipeline.report(result, started)
        except BaseException as error:  # noqa: BLE001  # the thread of the run raises it
            self._errors.append(error)
        finally:
            self._buffer.free(stored)

    def _release(self, messages: Deliveries, seconds: int = 0, *, each: Each | None = None) -> None:
        """Give messages back to the queue that were not written."""
        if not messages:
            return
        self._heartbeat.drop(messages)
        self._pipeline.settler.release(messages, seconds, each=each or self._requests.map)
        self._buffer.free(messages)
        with self._reporting:
            self._total += ForwardResult(received=len(messages), retried=len(messages))
