"""Which messages may be received now, found without a look at those that may not."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from saigon.aws.sqs._testing.message import StoredMessage


@dataclass(slots=True)
class _Line:
    """Messages that are delivered one after another: a FIFO group, or one message alone."""

    waiting: list[tuple[int, StoredMessage]] = field(default_factory=list)
    in_flight: set[str] = field(default_factory=set)


class Visibility:
    """The messages of a queue; in the order of arrival, or of chance where that is given.

    Deleted messages and outdated entries are dropped where they turn up.
    """

    def __init__(
        self, clock: Callable[[], float], *, is_fifo: bool, chance: Random | None = None
    ) -> None:
        self.messages: dict[str, StoredMessage] = {}
        self._clock = clock
        self._is_fifo = is_fifo
        self._chance = chance
        self._lines: dict[str, _Line] = {}
        self._open: list[tuple[float, int, str]] = []
        """Lines in their order of delivery, each with its first message's number."""
        self._ends: list[tuple[float, int, StoredMessage]] = []
        self._counter = itertools.count()

    def add(self, message: StoredMessage) -> None:
        """Take a new message in, to be received at once."""
        line = self._line(message)
        is_first = self._first(line) is None
        self.messages[message.message_id] = message
        heappush(line.waiting, (message.number, message))
        if is_first and not line.in_flight:
            self._enter(self._name(message), line)

    def ready(self) -> Iterator[StoredMessage]:
        """Give visible messages; each is to be hidden or removed before the next one is asked for.

        A line that had nothing in flight when this began gives several, in their order.
        """
        self._end_visibility()
        begun: set[str] = set()
        while self._open:
            _, number, name = heappop(self._open)
            line = self._lines.get(name)
            if line is None or (line.in_flight and name not in begun):
                continue  # it is entered again once nothing is in flight
            if self._first(line) != number:
                continue
            _, message = heappop(line.waiting)
            begun.add(name)
            self._enter(name, line)
            yield message

    def hide(self, message: StoredMessage, seconds: float) -> None:
        """Hide a message from now on for so many seconds."""
        message.visible_at = self._clock() + seconds
        self._line(message).in_flight.add(message.message_id)
        heappush(self._ends, (message.visible_at, next(self._counter), message))

    def is_in_flight(self, message: StoredMessage) -> bool:
        """Tell whether a message is hidden now."""
        return message.visible_at > self._clock()

    def remove(self, message: StoredMessage) -> None:
        """Delete a message, in flight or not."""
        del self.messages[message.message_id]
        name = self._name(message)
        line = self._line(message)
        line.in_flight.discard(message.message_id)
        if not line.in_flight:
            self._enter(name, line)
            if not line.waiting:
                del self._lines[name]

    def _end_visibility(self) -> None:
        while self._ends and self._ends[0][0] <= self._clock():
            at, _, message = heappop(self._ends)
            is_here = self.messages.get(message.message_id) is message
            if is_here and message.visible_at == at:
                line = self._line(message)
                line.in_flight.discard(message.message_id)
                heappush(line.waiting, (message.number, message))
                if not line.in_flight:
                    self._enter(self._name(message), line)

    def _enter(self, name: str, line: _Line) -> None:
        first = self._first(line)
        if first is not None:
            place = first if self._chance is None else self._chance.random()
            heappush(self._open, (place, first, name))

    def _first(self, line: _Line) -> int | None:
        waiting = line.waiting
        while waiting and self.messages.get(waiting[0][1].message_id) is not waiting[0][1]:
            heappop(waiting)
        return waiting[0][0] if waiting else None

    def _line(self, message: StoredMessage) -> _Line:
        return self._lines.setdefault(self._name(message), _Line())

    def _name(self, message: StoredMessage) -> str:
        return (message.group_id or "") if self._is_fifo else message.message_id
