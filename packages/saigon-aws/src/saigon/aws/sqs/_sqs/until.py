"""Make requests several at once, and wait for them no longer than there is time."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import TIMEOUT_MAX
from typing import TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class EachUntil:
    """Calls a function with each item like ``map``, but gives results only until a deadline.

    Calls that were not begun by then are not made, and one that is under way is left behind. The
    threads are there for a call alone: a process that is frozen between two events has none.

    Args:
        deadline: The monotonic time.
        threads: How many calls are made at once.
    """

    def __init__(self, deadline: float, threads: int) -> None:
        self._deadline = deadline
        self._threads = threads

    def __call__(self, fn: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Return the results that came in time, in the order of the items.

        The first error ends it and is raised.
        """
        seconds = min(self._deadline - time.monotonic(), TIMEOUT_MAX)
        waiting = list(items)
        if not waiting or seconds <= 0:
            return iter(())
        pool = ThreadPoolExecutor(min(self._threads, len(waiting)), "sqs-request")
        is_done = False
        try:
            calls = [pool.submit(copy_context().run, fn, item) for item in waiting]
            done, late = wait(calls, seconds, return_when=FIRST_EXCEPTION)
            is_done = not late
        finally:
            pool.shutdown(wait=is_done, cancel_futures=True)
        results = [call.result() for call in calls if call in done]
        if late:
            _log.warning("no time was left for %s of %s requests", len(late), len(calls))
        return iter(results)
