"""Keep messages hidden for as long as they are worked on."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from saigon.aws.sqs._message.received import ReceivedMessage

_log = logging.getLogger(__name__)

LONGEST_HOLD: Final = 11 * 3600.0
"""Seconds after which a message is given back: SQS ends its visibility after twelve hours.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

_REQUEST: Final = 10  # messages in one request, so that a drop waits for no more than one
_FORGOTTEN: Final = 1_000  # dropped messages whose times may be left
_MOMENT: Final = 0.01

Waits = Sequence[tuple[ReceivedMessage, int]]
Failed = tuple[Sequence[ReceivedMessage], Sequence[ReceivedMessage]]
Hide = Callable[[Waits], Failed]
"""Hides messages for seconds; returns those whose hold is lost, and those to try again."""


@dataclass(slots=True)
class _Held:
    message: ReceivedMessage
    since: float


class Heartbeat:
    """Extends the visibility of what it holds whenever half of it has passed.

    A thread runs while something is held. What was dropped is not extended any more once
    ``drop`` has returned, so that it can be released or deleted.

    Args:
        hide: Changes the visibility of messages.
        visibility: How long a message that has just been received or extended stays hidden.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self, hide: Hide, visibility: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hide = hide
        self._visibility = visibility
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._due: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()
        self._given_up: set[str] = set()
        self._under_way: frozenset[str] = frozenset()
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
        now = self._clock()
        with self._changed:
            for message in messages:
                self._held[message.receipt_handle] = _Held(message, now)
                self._schedule(message.receipt_handle, now + self._visibility / 2)
            if self._held and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
                self._thread.start()

    def drop(self, messages: Sequence[ReceivedMessage]) -> None:
        """Leave these messages alone, once a request for them that is under way has ended."""
        handles = {message.receipt_handle for message in messages}
        with self._changed:
            for handle in handles:
                self._held.pop(handle, None)
            self._given_up -= handles
            self._changed.wait_for(lambda: not handles & self._under_way)
            self._forget_dropped()
            self._changed.notify_all()

    def gave_up(self, message: ReceivedMessage) -> bool:
        """Tell whether a message that is not dropped yet was given back, after eleven hours."""
        with self._changed:
            return message.receipt_handle in self._given_up

    def close(self) -> None:
        """Leave everything alone."""
        with self._changed:
            self._held.clear()
            self._changed.notify_all()

    def _forget_dropped(self) -> None:
        if len(self._due) > 2 * len(self._held) + _FORGOTTEN:
            self._due = [due for due in self._due if due[2] in self._held]
            heapq.heapify(self._due)

    def _schedule(self, handle: str, due: float) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), handle))

    def _run(self) -> None:
        with self._changed:
            try:
                while self._held:
                    self._beat()
            finally:
                self._thread = None
                self._due.clear()

    def _beat(self) -> None:
        seconds = self._due[0][0] - self._clock()
        if seconds > 0:
            self._changed.wait(max(seconds, _MOMENT))
            return
        held = self._take_due()
        if held:
            self._under_way = frozenset(one.message.receipt_handle for one in held)
            self._changed.release()
            try:
                lost, again = self._extended(held)
            finally:
                self._changed.acquire()
                self._under_way = frozenset()
                self._changed.notify_all()
            self._note(held, lost, again)

    def _extended(self, held: Sequence[_Held]) -> Failed:
        try:
            return self._hide([(one.message, self._seconds(one)) for one in held])
        except Exception:  # noqa: BLE001  # what nobody foresaw must not end the hold on the others
            _log.exception("the visibility of messages was not extended")
            return (), [one.message for one in held]

    def _take_due(self) -> list[_Held]:
        # Those due soon go along, so that a batch stays one request for ten messages.
        soon = self._clock() + self._visibility / 8
        taken: list[_Held] = []
        while self._due and self._due[0][0] <= soon and len(taken) < _REQUEST:
            held = self._held.get(heapq.heappop(self._due)[2])
            if held is not None:
                taken.append(held)
        return taken

    def _is_over(self, held: _Held) -> bool:
        return self._clock() - held.since > LONGEST_HOLD

    def _seconds(self, held: _Held) -> int:
        return 0 if self._is_over(held) else self._visibility

    def _note(
        self,
        held: Sequence[_Held],
        lost: Sequence[ReceivedMessage],
        again: Sequence[ReceivedMessage],
    ) -> None:
        ended = {message.receipt_handle for message in lost}
        unknown = {message.receipt_handle for message in again}
        for one in held:
            handle = one.message.receipt_handle
            if handle not in self._held:
                continue
            if handle in ended:
                _log.warning("the hold on message %s was lost", one.message.message_id)
                del self._held[handle]
            elif self._is_over(one):
                _log.warning("message %s was held for eleven hours", one.message.message_id)
                del self._held[handle]
                self._given_up.add(handle)
            else:
                share = 8 if handle in unknown else 2
                self._schedule(handle, self._clock() + self._visibility / share)
