"""The life of messages in one queue: sent, delivered, hidden, deleted, or moved away."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from saigon.aws.sqs._testing.errors import PREFIX, RefusedError, invalid_value
from saigon.aws.sqs._testing.memory import Memory
from saigon.aws.sqs._testing.message import StoredMessage
from saigon.aws.sqs._testing.visibility import Visibility

__all__ = ["Deliveries", "Delivery"]

_LONGEST: Final = 43_200  # seconds that a message may be hidden after one receive

Delivery = tuple[StoredMessage, str]
"""A message and the handle of this delivery."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a receive attempt was answered, and until when that was hidden."""

    deliveries: Sequence[Delivery]
    hidden_until: Sequence[float]


class Deliveries:
    """The messages of one queue, without its settings and its protocol."""

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        *,
        is_fifo: bool,
        shuffled_by: Random | None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._is_fifo = is_fifo
        self._visibility = Visibility(clock, is_fifo=is_fifo, chance=shuffled_by)
        self._sent: Memory[StoredMessage] = Memory(clock)
        self._attempts: Memory[_Attempt] = Memory(clock)
        self._numbers = itertools.count(1)

    @property
    def messages(self) -> list[StoredMessage]:
        """What is in the queue, in the order of arrival."""
        return list(self._visibility.messages.values())

    def send(self, message: StoredMessage) -> StoredMessage:
        """Take a message in; return it, or the one that its deduplication id was seen with."""
        is_moved = bool(message.message_id)
        if self._is_fifo and not is_moved:
            if known := self._sent.recall(message.deduplication_id):
                return known
            self._sent.keep(message.deduplication_id, message)
        message.number = next(self._numbers)
        if not is_moved:
            message.message_id = f"{self._name}-{message.number}"
        self._visibility.add(message)
        return message

    def receive(
        self, count: int, seconds: float, *, moves: Callable[[StoredMessage], bool]
    ) -> list[Delivery]:
        """Deliver what is visible and hide it; ``moves`` takes away what was received too often."""
        found: list[Delivery] = []
        for message in self._visibility.ready():
            if moves(message):
                self._visibility.remove(message)
                continue
            found.append(self._deliver(message, seconds))
            if len(found) == count:
                break
        return found

    def attempt(self, attempt_id: str, seconds: float) -> list[Delivery]:
        """Return what this attempt was answered before, hidden anew, if nothing of it changed."""
        before = self._attempts.recall(attempt_id)
        if before is None or not self._is_unchanged(before):
            return []
        for message, _ in before.deliveries:
            self._visibility.hide(message, seconds)
        self.note(attempt_id, before.deliveries)
        return list(before.deliveries)

    def note(self, attempt_id: str, deliveries: Sequence[Delivery]) -> None:
        """Keep what an attempt is answered."""
        hidden_until = [message.visible_at for message, _ in deliveries]
        self._attempts.keep(attempt_id, _Attempt(deliveries, hidden_until))

    def deliver_again(self, message: StoredMessage) -> Delivery:
        """Give a delivered message another handle, and leave those that it has in force."""
        handle = f"{message.message_id}#{next(self._numbers)}"
        message.handles.add(handle)
        return message, handle

    def show(self, message: StoredMessage) -> None:
        """Let a message be received again at once, if it is still there."""
        if self._is_here(message):
            self._visibility.hide(message, 0)

    def delete(self, handle: str, *, comes_again: bool) -> None:
        """Delete by a handle; with ``comes_again`` the message is left as visible, in silence.

        Raises:
            RefusedError: The handle is none, or is over where a FIFO queue does not take it.
        """
        message = self._holder(handle)
        if message is None:
            return
        if self._is_fifo and not self._holds(message, handle):
            raise invalid_value()  # "the receipt handle has expired"
        if handle not in message.handles:
            return  # on a standard queue an old handle deletes nothing and is called a success
        if comes_again:
            self._visibility.hide(message, 0)
        else:
            self._visibility.remove(message)

    def hide(self, handle: str, seconds: float) -> None:
        """Change the visibility of a message in flight.

        Raises:
            RefusedError: The handle is not in force, the message is visible, or it would be
                hidden for longer than SQS allows.
        """
        message = self._holder(handle)
        if message is None or handle not in message.handles:
            raise invalid_value()
        if not self._visibility.is_in_flight(message):
            raise RefusedError(f"{PREFIX}MessageNotInflight")
        if not 0 <= seconds <= message.last_received_at + _LONGEST - self._clock():
            raise invalid_value()
        self._visibility.hide(message, seconds)

    def _deliver(self, message: StoredMessage, seconds: float) -> Delivery:
        now = self._clock()
        message.handles.clear()
        message.receive_count += 1
        message.last_received_at = now
        if message.first_received_at is None:
            message.first_received_at = now
        self._visibility.hide(message, seconds)
        return self.deliver_again(message)

    def _is_here(self, message: StoredMessage) -> bool:
        return self._visibility.messages.get(message.message_id) is message

    def _holds(self, message: StoredMessage, handle: str) -> bool:
        return handle in message.handles and self._visibility.is_in_flight(message)

    def _is_unchanged(self, attempt: _Attempt) -> bool:
        return all(
            self._is_here(message) and self._holds(message, handle) and message.visible_at == until
            for (message, handle), until in zip(
                attempt.deliveries, attempt.hidden_until, strict=True
            )
        )

    def _holder(self, handle: str) -> StoredMessage | None:
        message_id, mark, _ = handle.partition("#")
        if not mark:
            raise RefusedError("ReceiptHandleIsInvalid")
        return self._visibility.messages.get(message_id)
