"""Go back and forth between an event loop and its threads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from threading import get_ident
from typing import TypeVar

from saigon.rest._calls.bodies import Progress

T = TypeVar("T")


@asynccontextmanager
async def entered_in_thread(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter a block whose beginning may read files; leaving it must not take long."""
    value = await asyncio.to_thread(manager.__enter__)
    with ExitStack() as stack:
        stack.push(manager)
        # Left here and at once: a task that is cancelled once more leaves it all the same.
        yield value


def told_in_loop(progress: Progress | None) -> Progress | None:
    """Give what calls ``progress`` in this loop, from any thread, and raises what it raises."""
    if progress is None:
        return None
    loop, home = asyncio.get_running_loop(), get_ident()

    async def tell(done: int, length: int | None) -> Exception | None:
        try:
            progress(done, length)
        except Exception as exc:  # noqa: BLE001  # raised where it was called for
            return exc
        return None

    def anywhere(done: int, length: int | None) -> None:
        if get_ident() == home:
            progress(done, length)
        elif error := asyncio.run_coroutine_threadsafe(tell(done, length), loop).result():
            raise error

    return anywhere
