"""How the loop over the tries of a call decides, in the terms of tenacity."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tenacity import RetryCallState

from saigon.rest._calls.journey import Journey
from saigon.rest._calls.retry import RetryPolicy


def loop_settings(
    journey: Journey,
    policy: RetryPolicy,
    *,
    is_closed: Callable[[], bool],
    clock: Callable[[], datetime],
    rng: random.Random,
) -> dict[str, Any]:
    """Give what ``Retrying`` and ``AsyncRetrying`` take for the tries of one call."""
    attempts = policy.attempts if journey.is_rewindable else 1

    def wants_retry(state: RetryCallState) -> bool:
        return policy.wants_retry(state, repeatable=journey.is_repeatable, now=clock())

    def delay(state: RetryCallState) -> float:
        return policy.delay(state, now=clock(), rng=rng)

    def gives_up(state: RetryCallState) -> bool:
        left = journey.time_left
        return (
            is_closed()
            or journey.attempts - journey.legs >= attempts - 1
            or (left is not None and state.upcoming_sleep >= left)
        )

    return {
        "stop": gives_up,
        "retry": wants_retry,
        "wait": delay,
        "retry_error_callback": _last_outcome,
    }


def _last_outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome is not None else None
