"""Wait until something is so, or can no longer become so."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from saigon.rest.exceptions import WaitFailedError, WaitTimeoutError

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T],
    timeout: float,
    *,
    until: Callable[[T], bool] = bool,
    fail_when: Callable[[T], bool] | None = None,
    interval: float = 0.5,
    max_interval: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    rng: random.Random,
) -> T:
    """Ask until the answer is right; see ``RestClientBase.wait_for_condition``."""
    deadline = clock() + timeout
    pause = interval
    while True:
        value = condition()
        if until(value):
            return value
        if fail_when is not None and fail_when(value):
            raise WaitFailedError("what was waited for cannot come any more", last=value)
        left = deadline - clock()
        if left <= 0:
            raise WaitTimeoutError(f"the condition did not come true in {timeout:g} s", last=value)
        # Up to a half less, so that many waiting clients do not ask in step.
        sleep(min(left, pause * rng.uniform(0.5, 1.0)))
        pause = min(pause * 2, max_interval)
