"""Who holds the connections of a pool: what its time-out tells."""

import asyncio
import sys
import threading
import time
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Final

from sqlalchemy import Engine, event

__all__ = ["Holders"]

_SHOWN: Final = 3
_NOT_THE_USERS: Final = ("saigon.orm.", "sqlalchemy.", "contextlib", "asyncio.")


@dataclass(slots=True)
class _Hold:
    """What is kept of a moment: no frame and no connection, which would live as long."""

    since: float
    who: str
    module: str
    code: CodeType
    line: int

    def __str__(self) -> str:
        seconds = time.monotonic() - self.since
        place = f"{self.module}.{self.code.co_qualname}:{self.line}"
        return f"{self.who} for {seconds:.1f} s, from {place}"


class Holders:
    """The connections that are out of a pool, with no reference to them."""

    def __init__(self) -> None:
        self._holds: dict[int, _Hold] = {}

    def watch(self, engine: Engine) -> None:
        """Follow what leaves and enters an engine's pool."""
        event.listen(engine, "checkout", self._on_checkout)
        event.listen(engine, "checkin", self._on_return)
        event.listen(engine, "detach", self._on_return)

    def message(self) -> str:
        """Say who holds connections longest."""
        longest = sorted(self._holds.copy().values(), key=lambda hold: hold.since)[:_SHOWN]
        held = f"; held longest by {', '.join(map(str, longest))}" if longest else ""
        return f"no connection of the pool came free in time{held}"

    def _on_checkout(self, _connection: Any, record: Any, _fairy: Any) -> None:
        frame = _users_frame(sys._getframe(1))  # noqa: SLF001  # there is no other way
        module = frame.f_globals.get("__name__", "?")
        self._holds[id(record)] = _Hold(
            time.monotonic(), _who(), module, frame.f_code, frame.f_lineno
        )

    def _on_return(self, _connection: Any, record: Any) -> None:
        self._holds.pop(id(record), None)


def _who() -> str:
    loop = asyncio._get_running_loop()  # noqa: SLF001  # the public one raises, which takes longer
    task = loop and asyncio.current_task(loop)
    return f"task {task.get_name()}" if task else f"thread {threading.current_thread().name}"


def _users_frame(frame: FrameType) -> FrameType:
    """Return the innermost frame of the user's code, or the outermost one of all."""
    greenlets = sys.modules.get("greenlet")
    greenlet = greenlets.getcurrent() if greenlets else None
    while frame.f_globals.get("__name__", "").startswith(_NOT_THE_USERS):
        caller = frame.f_back
        if caller is None and greenlet is not None and greenlet.parent is not None:
            greenlet = greenlet.parent
            caller = greenlet.gr_frame  # where the event loop's side waits for this one
        if caller is None:
            return frame
        frame = caller
    return frame
