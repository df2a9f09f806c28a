"""Run synchronous code on an event loop: where it waits, the loop goes on.

This is how SQLAlchemy's asyncio works inside, and it lets one connector's code serve both.

See Also:
    https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

__all__ = ["in_greenlet", "to_the_end", "wait_for"]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
_endings: Final[set["asyncio.Task[Any]"]] = set()


async def in_greenlet(fn: Callable[P, ResultT], *args: P.args, **kwargs: P.kwargs) -> ResultT:
    """Call a synchronous function whose database calls are awaited."""
    from sqlalchemy.util import greenlet_spawn

    result: ResultT = await greenlet_spawn(partial(fn, *args, **kwargs))
    return result


def wait_for(awaitable: Awaitable[ResultT]) -> ResultT:
    """Await something from inside a function that runs ``in_greenlet``."""
    from sqlalchemy.util import await_only

    result: ResultT = await_only(awaitable)
    return result


async def to_the_end(fn: Callable[[], ResultT]) -> ResultT:
    """Call a synchronous function and let it come to its end even if the caller is cancelled."""
    ending = asyncio.ensure_future(in_greenlet(fn))
    _endings.add(ending)  # the loop itself keeps tasks by weak references only
    ending.add_done_callback(_endings.discard)
    return await asyncio.shield(ending)
