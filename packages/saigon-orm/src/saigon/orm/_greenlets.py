"""Run synchronous code on an event loop: where it waits, the loop goes on.

This is how SQLAlchemy's asyncio works inside, and it lets one connector's code serve both.

See Also:
    https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache, partial
from importlib import import_module
from typing import Any, Final, ParamSpec, TypeVar

from saigon.orm.exceptions import MissingExtraError

__all__ = ["in_greenlet", "to_the_end", "wait_for"]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
_logger = logging.getLogger(__name__)
_PATIENCE: Final = 5.0
"""Seconds that a cancelled caller waits for what it must not leave half done."""


async def in_greenlet(fn: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs) -> ResultT:
    """Call a synchronous function whose database calls are awaited.

    Raises:
        MissingExtraError: greenlet is not installed.
    """
    _require_greenlet()
    from sqlalchemy.util import greenlet_spawn

    result: ResultT = await greenlet_spawn(partial(fn, *args, **kwargs))
    return result


@cache
def _require_greenlet() -> None:
    """Miss it in our words: in those of SQLAlchemy the extra to install is another's."""
    try:
        import_module("greenlet")
    except ModuleNotFoundError as exc:
        raise MissingExtraError("async", exc.name) from exc


def wait_for(awaitable: Awaitable[ResultT]) -> ResultT:
    """Await something from inside a function that runs ``in_greenlet``."""
    from sqlalchemy import util

    # Its name in SQLAlchemy 2.1 and in 2.0.
    await_in_greenlet: Any = getattr(util, "await_", None) or util.await_only
    result: ResultT = await_in_greenlet(awaitable)
    return result


async def to_the_end(work: Coroutine[Any, Any, ResultT], *, within: float = math.inf) -> ResultT:
    """Await what a cancellation does not interrupt; the caller is cancelled after it.

    It is given up after so many seconds, or some seconds after the first cancellation.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    deadline = time.monotonic() + within
    while not task.done():
        try:
            await asyncio.wait([task], timeout=_seconds_until(deadline))
        except asyncio.CancelledError as exc:
            deadline = min(deadline, time.monotonic() + _PATIENCE)
            cancelled = exc
        if time.monotonic() >= deadline:
            task.cancel()
    if cancelled is not None:
        _log_failure(task)
        raise cancelled
    return task.result()


def _seconds_until(deadline: float) -> float | None:
    return None if deadline == math.inf else max(0.0, deadline - time.monotonic())


def _log_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _logger.debug("failed while its caller was cancelled: %s", type(error).__name__)
