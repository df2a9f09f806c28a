"""What was received and is not settled yet, bounded in messages and bytes."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from saigon.aws.sqs._message.received import ReceivedMessage

RECEIVE: Final = 10  # of SQS: the most messages in one receive

Receive = Sequence[ReceivedMessage]


class Buffer:
    """Receives on their way to the database.

    Room is reserved before the queue is asked, so that nothing is received that has to wait
    outside. A receive is never divided: the messages of a FIFO group that are in flight came in
    one, and stay in one batch.

    Args:
        max_messages: The most messages that are received and not settled.
        max_bytes: From so many bytes of bodies, as they lie in memory, no further room is given.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[Receive] = deque()
        self._messages = 0
        self._bytes = 0
        self._reserved = 0
        self._is_paused = False
        self._is_closed = False
        self._is_abandoned = False
        self._changed = threading.Condition()

    @property
    def is_done(self) -> bool:
        """Whether nothing waits and nothing can come any more."""
        with self._changed:
            return self._is_closed and not self._reserved and not self._waiting

    def reserve(self) -> bool:
        """Wait for room for a receive, and reserve it; False once no more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room())
            if self._is_closed:
                return False
            self._reserved += 1
            return True

    def fill(self, received: Receive) -> bool:
        """Put what a receive brought where room was reserved; False where it is not wanted.

        It has its room until it is freed, either way.
        """
        with self._changed:
            self._reserved -= 1
            self._messages += len(received)
            self._bytes += _size(received)
            is_wanted = not self._is_abandoned
            if received and is_wanted:
                self._waiting.append(received)
            self._changed.notify_all()
            return is_wanted

    def take(
        self, max_messages: int, max_bytes: int, *, timeout: float
    ) -> tuple[ReceivedMessage, ...]:
        """Wait for messages; return those of whole receives up to the limits, at least of one."""
        taken: list[ReceivedMessage] = []
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed, timeout)
            messages = size = 0
            while self._waiting:
                messages += len(self._waiting[0])
                size += _size(self._waiting[0])
                if taken and (messages > max_messages or size > max_bytes):
                    break
                taken += self._waiting.popleft()
        return tuple(taken)

    def free(self, messages: Receive) -> None:
        """Give the room of messages back that are settled."""
        with self._changed:
            self._messages -= len(messages)
            self._bytes -= _size(messages)
            self._changed.notify_all()

    def pause(self) -> None:
        """Give no room until it is resumed."""
        with self._changed:
            self._is_paused = True

    def resume(self) -> None:
        """Give room again."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def close(self) -> None:
        """Give no room any more; what was reserved can still be filled."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def abandon(self) -> tuple[ReceivedMessage, ...]:
        """Close it, want no more, and return what waits."""
        with self._changed:
            self._is_closed = self._is_abandoned = True
            left = tuple(message for received in self._waiting for message in received)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _has_room(self) -> bool:
        promised = self._messages + RECEIVE * (self._reserved + 1)
        is_within = promised <= self._max_messages and self._bytes < self._max_bytes
        return is_within and not self._is_paused


def _size(messages: Receive) -> int:
    return sum(message.size for message in messages)
