"""The worker's receives, each in a thread."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._pipeline import Pipeline
from saigon.aws.sqs._sqs.queue import new_attempt_id
from saigon.aws.sqs._worker.buffer import RECEIVE, Buffer
from saigon.aws.sqs._worker.heartbeat import Heartbeat
from saigon.aws.sqs.exceptions import QueueError

_log = logging.getLogger(__name__)

_SHORT_POLL: Final = 0.2  # seconds between polls, where an empty queue answers at once


class Receivers:
    """Threads that receive into a buffer until it is closed.

    The first one always polls. The others join it while receives come back full, so that an idle
    worker costs the requests of one poll.

    Args:
        pipeline: The forwarder's parts.
        buffer: Where the messages go.
        heartbeat: Holds them from their receive on.
        wait_seconds: How long a poll waits for messages.
        release: Gives messages back that came too late.
        fail: Is told of an error that ends the run.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        buffer: Buffer,
        heartbeat: Heartbeat,
        *,
        wait_seconds: int,
        release: Callable[[Sequence[ReceivedMessage]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._pipeline = pipeline
        self._buffer = buffer
        self._heartbeat = heartbeat
        self._options = {
            "MaxNumberOfMessages": min(RECEIVE, pipeline.config.batch_size),
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": pipeline.config.visibility_timeout,
        }
        self._release = release
        self._fail = fail
        self._is_busy = threading.Event()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, kwargs={"is_first": n == 0}, name=f"receiver-{n}", daemon=True
            )
            for n in range(pipeline.config.concurrency)
        ]

    def start(self) -> None:
        """Begin to receive."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End pauses and idleness; a poll that is under way ends by itself."""
        self._stopped.set()
        self._is_busy.set()

    def join(self, timeout: float) -> None:
        """Wait until the threads have ended, for so many seconds in all."""
        until = time.monotonic() + min(timeout, threading.TIMEOUT_MAX / 2)
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join(max(0.0, until - time.monotonic()))

    def _run(self, *, is_first: bool) -> None:
        try:
            while (is_first or self._is_busy.wait()) and self._buffer.reserve():
                self._receive()
        except BaseException as error:  # noqa: BLE001  # the thread of the run raises it
            self._fail(error)

    def _receive(self) -> None:
        received: list[ReceivedMessage] = []
        asked_at = time.monotonic()
        try:
            received = self._poll()
        finally:
            is_wanted = self._buffer.fill(received)
        if not is_wanted:
            self._release(received)
        elif len(received) >= self._options["MaxNumberOfMessages"]:
            self._is_busy.set()
        elif not received:
            self._rest(time.monotonic() - asked_at)

    def _poll(self) -> list[ReceivedMessage]:
        """Receive; after an error that passes, again, as another attempt at the same receive."""
        attempt_id, config = new_attempt_id(), self._pipeline.config
        for attempt in itertools.count():
            try:
                received = self._pipeline.queue.receive(attempt_id, **self._options)
            except QueueError as error:
                if not error.retryable:
                    raise
                seconds = pause(config.probe_seconds, attempt, longest=config.max_probe_seconds)
                _log.warning("%s; receiving again in %.1f s", error, seconds)
                if self._stopped.wait(seconds):
                    break
            else:
                self._heartbeat.hold(received)
                return received
        return []

    def _rest(self, polled_for: float) -> None:
        if not self._stopped.is_set():
            self._is_busy.clear()
        if polled_for < _SHORT_POLL:
            self._stopped.wait(_SHORT_POLL)
