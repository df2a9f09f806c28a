"""Pauses between attempts."""

import random


def pause(first: float, attempt: int, *, longest: float = 5.0) -> float:
    """Return the seconds to wait before another attempt: doubled each time, with jitter."""
    ceiling = min(longest, first * 2.0 ** min(attempt, 30))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret


def hiding_time(first: int, receive_count: int, *, longest: int) -> int:
    """Return for how many seconds a bad message is hidden, by how often it was received."""
    doublings = max(0, min(receive_count - 1, 30))
    return min(longest, first << doublings)
