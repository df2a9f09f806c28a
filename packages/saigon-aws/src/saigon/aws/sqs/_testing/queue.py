"""One queue of the local server: its settings, its faults, and its face for tests."""

import json
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from random import Random
from typing import Any, Final

from saigon.aws.sqs._testing.deliveries import Deliveries, Delivery
from saigon.aws.sqs._testing.errors import RefusedError, UnansweredError
from saigon.aws.sqs._testing.message import (
    StoredMessage,
    as_lambda_record,
    as_received,
    on_the_wire,
)
from saigon.aws.sqs._testing.operations import Operations

__all__ = ["StrictQueue"]

_BATCH: Final = 10
_POLL: Final = 0.02


class StrictQueue:
    """One queue of a ``LocalSqs``, to fill and to look at.

    Attributes:
        url: What clients address it by.
        calls: The requests that came, by operation, in their order.
        visibility_timeout: Seconds for which a receive hides what it delivers, if it names none.
        refuse: Error codes by operation: each request takes one, and fails with it.
        hang: How many of the next requests get no answer, by operation.
        lose_answers: How many of the next requests are obeyed and then get no answer, likewise.
        fail_deletes: How many of the next entries of deletes fail, one by one.
        fail_changes: How many of the next entries of changes of visibility fail, likewise.
        latency: Seconds that each answer is held back.
        deliver_twice: Whether a receive gives each message twice, with two handles in force.
        duplicates: The chance that a standard queue delivers a message again that it should not:
            one that was just received, or one that was deleted.
    """

    def __init__(
        self,
        name: str,
        url: str,
        clock: Callable[[], float],
        *,
        dead_letter: "StrictQueue | None" = None,
        max_receive_count: int = 0,
        visibility_timeout: float = 30,
        shuffled: bool = False,
        duplicates: float = 0.0,
        content_based_deduplication: bool = False,
        seed: int = 0,
        epoch: float = 0.0,
    ) -> None:
        self.name: str = name
        self.url: str = url
        self.calls: list[str] = []
        self.visibility_timeout: float = visibility_timeout
        self.refuse: dict[str, list[str]] = {}
        self.hang: dict[str, int] = {}
        self.lose_answers: dict[str, int] = {}
        self.fail_deletes: int = 0
        self.fail_changes: int = 0
        self.latency: float = 0.0
        self.deliver_twice: bool = False
        self.duplicates: float = duplicates
        self.dead_letter: StrictQueue | None = dead_letter
        self.content_based_deduplication: bool = content_based_deduplication
        self._clock = clock
        self._epoch = epoch
        self._max_receive_count = max_receive_count
        self._chance = Random(seed)  # noqa: S311  # no secret
        self._deliveries = Deliveries(
            name, clock, is_fifo=self.is_fifo, shuffled_by=self._chance if shuffled else None
        )
        self._operations = Operations(self, self._poll, self._delete, self._hide)
        self._changed = threading.Condition(threading.RLock())

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps the order of groups."""
        return self.name.endswith(".fifo")

    @property
    def arn(self) -> str:
        """Its resource name, as events carry it."""
        return f"arn:aws:sqs:us-east-1:123456789012:{self.name}"

    @property
    def messages(self) -> list[StoredMessage]:
        """What is in it, in flight or not, in the order of arrival."""
        with self._changed:
            return self._deliveries.messages

    @property
    def redrive_policy(self) -> str | None:
        """Its policy as the attribute RedrivePolicy has it."""
        if self.dead_letter is None or not self._max_receive_count:
            return None
        return json.dumps(
            {
                "deadLetterTargetArn": self.dead_letter.arn,
                "maxReceiveCount": self._max_receive_count,
            }
        )

    def is_in_flight(self, message: StoredMessage) -> bool:
        """Whether a message is hidden now."""
        return message.visible_at > self._clock()

    def put(
        self,
        body: str,
        *,
        group_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Put a message into the queue; return its id.

        Nothing happens where the deduplication id came within the last five minutes.
        """
        message = StoredMessage("", body, on_the_wire(attributes), group_id, deduplication_id)
        return self.accept(message).message_id

    def accept(self, message: StoredMessage) -> StoredMessage:
        """Take a message in; return it, or the one that came with its deduplication id."""
        with self._changed:
            message.sent_at = message.sent_at or self._clock()
            kept = self._deliveries.send(message)
            self._changed.notify_all()
            return kept

    def receive(
        self, count: int, visibility: float | None = None, *, attempt_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Receive as ReceiveMessage does, at once, with all attributes."""
        seconds = self.visibility_timeout if visibility is None else visibility
        with self._changed:
            found = self._deliveries.attempt(attempt_id, seconds) if attempt_id else []
            if not found:
                found = self._deliver(count, seconds)
                if attempt_id:
                    self._deliveries.note(attempt_id, found)
            return [self._as_received(*delivery) for delivery in found]

    def lambda_event(self, count: int = _BATCH, visibility: float | None = None) -> dict[str, Any]:
        """Receive as an event source mapping does; return the event of its function."""
        received = self.receive(count, visibility)
        return {"Records": [as_lambda_record(raw, self.arn) for raw in received]}

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request of the JSON protocol."""
        with self._changed:
            self.calls.append(operation)
            if codes := self.refuse.get(operation):
                raise RefusedError(codes.pop(0))
            if _takes_one(self.hang, operation):
                raise UnansweredError(hangs=True)
        answer = self._operations.answer(operation, request)
        if self.latency:
            time.sleep(self.latency)
        with self._changed:
            if _takes_one(self.lose_answers, operation):
                raise UnansweredError(hangs=False)
        return answer

    def _poll(
        self, count: int, visibility: float | None, attempt_id: str | None, wait_seconds: float
    ) -> list[dict[str, Any]]:
        until = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                found = self.receive(count, visibility, attempt_id=attempt_id)
                left = until - time.monotonic()
                if found or left <= 0:
                    return found
                # What was hidden becomes visible without a notice.
                self._changed.wait(min(left, _POLL))

    def _delete(self, handle: str) -> None:
        with self._changed:
            if self.fail_deletes > 0:
                self.fail_deletes -= 1
                raise RefusedError("InternalError")
            self._deliveries.delete(handle, comes_again=self._by_chance())

    def _hide(self, handle: str, seconds: float) -> None:
        with self._changed:
            if self.fail_changes > 0:
                self.fail_changes -= 1
                raise RefusedError("InternalError")
            self._deliveries.hide(handle, seconds)
            self._changed.notify_all()

    def _deliver(self, count: int, seconds: float) -> list[Delivery]:
        half = -(-count // 2) if self.deliver_twice else count
        found = self._deliveries.receive(half, seconds, moves=self._moves)
        if self.deliver_twice:
            found += [self._deliveries.deliver_again(message) for message, _ in found]
        for message, _ in found:
            if self._by_chance():
                self._deliveries.show(message)
        return found[:count]

    def _by_chance(self) -> bool:
        return not self.is_fifo and self._chance.random() < self.duplicates

    def _moves(self, message: StoredMessage) -> bool:
        """Move a message to the dead letters if it was received too often."""
        if self.dead_letter is None or not self._max_receive_count:
            return False
        if message.receive_count < self._max_receive_count:
            return False
        self.dead_letter.accept(
            StoredMessage(
                message.message_id,
                message.body,
                message.attributes,
                message.group_id,
                message.deduplication_id,
                sent_at=0.0 if self.is_fifo else message.sent_at,
                source_arn=self.arn,
            )
        )
        return True

    def _as_received(self, message: StoredMessage, handle: str) -> dict[str, Any]:
        return as_received(message, handle, is_fifo=self.is_fifo, timestamp=self._timestamp)

    def _timestamp(self, seconds: float) -> int:
        return int((self._epoch + seconds) * 1000)


def _takes_one(counts: MutableMapping[str, int], operation: str) -> bool:
    left = counts.get(operation, 0)
    counts[operation] = max(0, left - 1)
    return left > 0
