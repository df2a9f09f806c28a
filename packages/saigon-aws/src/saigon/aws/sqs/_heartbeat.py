"""Keep messages hidden for as long as they are worked on."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from saigon.aws.sqs._messages import ReceivedMessage

_log = logging.getLogger(__name__)

LONGEST_HOLD: Final = 11 * 3600.0
"""Seconds after which a message is given back: SQS ends its visibility after twelve hours."""

_MOMENT: Final = 0.01

Hide = Callable[[Sequence[ReceivedMessage], int], Sequence[ReceivedMessage]]


class Heartbeat:
    """Extends the visibility of what it holds whenever half of it has passed.

    A thread runs while something is held. What was dropped is not extended any more once
    ``drop`` has returned, so that it can be released or deleted.
    """

    def __init__(
        self, hide: Hide, visibility: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hide = hide
        self._visibility = visibility
        self._clock = clock
        self._due: dict[str, tuple[float, ReceivedMessage]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, messages: Sequence[ReceivedMessage]) -> Iterator[None]:
        """Hold messages for the time of a block, or until they are dropped in it."""
        self.hold(messages)
        try:
            yield
        finally:
            self.drop(messages)

    def hold(self, messages: Sequence[ReceivedMessage]) -> None:
        """Extend these messages from now on; they have just been received."""
        due = self._clock() + self._visibility / 2
        with self._changed:
            self._due.update((message.receipt_handle, (due, message)) for message in messages)
            if self._due and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()
            self._changed.notify()

    def drop(self, messages: Sequence[ReceivedMessage]) -> None:
        """Leave these messages alone, once a request that is under way has ended."""
        with self._changed:
            for message in messages:
                self._due.pop(message.receipt_handle, None)
            self._changed.notify()

    def close(self) -> None:
        """Leave everything alone."""
        with self._changed:
            self._due.clear()
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            try:
                self._beat()
            finally:
                self._thread = None

    def _beat(self) -> None:
        while self._due:
            # At least a moment, so that a slow queue does not keep ``drop`` from its turn.
            self._changed.wait(max(self._seconds_left(), _MOMENT))
            if self._due and self._seconds_left() <= 0:
                self._extend()

    def _seconds_left(self) -> float:
        return min(due for due, _ in self._due.values()) - self._clock()

    def _extend(self) -> None:
        now = self._clock()
        # Those due soon go along, so that a batch stays one request for ten messages.
        soon = now + self._visibility / 8
        messages = [message for due, message in self._due.values() if due <= soon]
        lost = {message.receipt_handle for message in self._hide(messages, self._visibility)}
        due = self._clock() + self._visibility / 2
        for message in messages:
            if message.receipt_handle in lost:
                _log.warning("the hold on message %s was lost", message.message_id)
                del self._due[message.receipt_handle]
            else:
                self._due[message.receipt_handle] = (due, message)
