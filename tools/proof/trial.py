"""One run of workers against a queue, with what disturbs them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from saigon.aws.sqs.testing import StoredMessage, StrictQueue
from tools.proof.fleet import Fleet
from tools.proof.plan import POINTS, Point

__all__ = ["Counts", "Trial"]

_LOOK_SECONDS: Final = 0.01
_LAST: Final = 0.8  # of the messages: what comes later might find nothing left to die with


@dataclass(frozen=True, slots=True)
class Counts:
    """What a trial saw."""

    messages: int
    deliveries: int
    deaths: Mapping[Point, int]
    seconds: float

    def __str__(self) -> str:
        deaths = ", ".join(f"{point} {count}" for point, count in sorted(self.deaths.items()))
        return (
            f"{self.messages} messages, {self.deliveries} deliveries,"
            f" {sum(self.deaths.values())} workers killed ({deaths}), {self.seconds:.1f} s"
        )


@dataclass(slots=True)
class Trial:
    """Workers, the queue that they empty, and how many of them die.

    Args:
        fleet: The workers.
        queue: The queue; what is in it was sent.
        kills: How many workers die, at even distances while the queue gets empty.
        points: Where; in an order of chance.
        disturbances: What is done when such a share of the messages is deleted.
        seed: What chance goes by.
        timeout: Seconds until the queue has to be empty.
    """

    fleet: Fleet
    queue: StrictQueue
    kills: int
    points: Sequence[Point] = POINTS
    disturbances: Sequence[tuple[float, Callable[[], object]]] = ()
    seed: int = 0
    timeout: float = 100.0
    _due: list[tuple[float, Callable[[], object]]] = field(init=False)

    def run(self) -> Counts:
        """Wait until the queue is empty; return the counts.

        Raises:
            RuntimeError: A worker has failed.
            TimeoutError: The queue is not empty in time.
        """
        sent, started = self.queue.messages, time.monotonic()
        self._due = sorted([*self.disturbances, *self._warrants()], key=lambda each: each[0])
        while left := self.queue.messages:
            if time.monotonic() > started + self.timeout:
                raise TimeoutError(f"{len(left)} of {len(sent)} messages are left: {left[:3]}")
            self._catch_up(1 - len(left) / len(sent))
            self.fleet.tend()
            time.sleep(_LOOK_SECONDS)
        return self._counts(sent, time.monotonic() - started)

    def _warrants(self) -> list[tuple[float, Callable[[], object]]]:
        points = [self.points[number % len(self.points)] for number in range(self.kills)]
        Random(self.seed).shuffle(points)  # noqa: S311  # no secret
        return [
            (_LAST * number / len(points), partial(self.fleet.warrants.issue, point, number))
            for number, point in enumerate(points)
        ]

    def _catch_up(self, share: float) -> None:
        while self._due and self._due[0][0] <= share:
            _, act = self._due.pop(0)
            act()

    def _counts(self, sent: Sequence[StoredMessage], seconds: float) -> Counts:
        return Counts(
            messages=len(sent),
            deliveries=sum(message.receive_count for message in sent),
            deaths=dict(self.fleet.warrants.served()),
            seconds=seconds,
        )
