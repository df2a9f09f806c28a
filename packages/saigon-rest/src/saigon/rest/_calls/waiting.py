"""Wait until something is so, or can no longer become so."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from saigon.rest.exceptions import InvalidRequestError, WaitFailedError, WaitTimeoutError

T = TypeVar("T")


@dataclass(frozen=True)
class Condition(Generic[T]):
    """When an answer is right, and how long and how often to ask for it.

    Raises:
        InvalidRequestError: A time is negative, or there is none between two questions.
    """

    timeout: float
    until: Callable[[T], bool]
    fail_when: Callable[[T], bool] | None
    interval: float
    max_interval: float
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        # Written so that what is not a number is refused too.
        if not (self.timeout >= 0 and self.interval > 0 and self.max_interval > 0):
            raise InvalidRequestError("expected a timeout of 0 or more, and intervals above 0")


class Waiting(Generic[T]):
    """A condition that is being waited for; the time runs from here."""

    def __init__(self, condition: Condition[T], rng: random.Random) -> None:
        self._condition = condition
        self._rng = rng
        self._deadline = condition.clock() + condition.timeout
        self._pause = min(condition.interval, condition.max_interval)

    def pause_after(self, value: T) -> float | None:
        """Judge an answer.

        Returns:
            Seconds until it is time to ask again; None where the answer is right.

        Raises:
            WaitTimeoutError: There is no time left.
            WaitFailedError: The answer shows that the right one cannot come any more.
        """
        condition = self._condition
        if condition.until(value):
            return None
        if condition.fail_when is not None and condition.fail_when(value):
            raise WaitFailedError("what was waited for cannot come any more", last=value)
        left = self._deadline - condition.clock()
        if left <= 0:
            seconds = f"{condition.timeout:g} s"
            raise WaitTimeoutError(f"the condition did not come true in {seconds}", last=value)
        # Up to a half less, so that many waiting clients do not ask in step.
        pause = min(left, self._pause * self._rng.uniform(0.5, 1.0))
        self._pause = min(self._pause * 2, condition.max_interval)
        return pause
