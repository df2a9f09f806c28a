"""Threads that share one transaction: one at a time, and none inside another's savepoint."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from saigon.orm._transactions.place import Place
from saigon.orm.exceptions import TransactionUsageError

__all__ = ["Level", "Turns"]

_LONGEST_WAIT: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A savepoint, or the transaction itself at the bottom."""

    outer: "Level | None" = None

    def is_inside(self, other: "Level") -> bool:
        level: Level | None = self
        while level is not None and level is not other:
            level = level.outer
        return level is other


_levels: ContextVar[Mapping["Turns", Level]] = ContextVar(
    "saigon_orm_levels", default=MappingProxyType({})
)


class Turns:
    """Lets the threads that a transaction is lent to use its connection one after the other.

    A savepoint covers whatever runs until it ends, so what belongs outside it waits for that end.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._bottom = self._innermost = Level()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Wait until no statement runs, whatever savepoints are open."""
        with self._condition:
            yield

    @contextmanager
    def taken(self, level: Level | None = None) -> Iterator[None]:
        """Take a turn at a level, by default the one of this context."""
        level = level or _levels.get().get(self, self._bottom)
        on_loop = Place.here().task is not None
        # An event loop must not wait for a thread, which may be waiting for the loop.
        if not self._condition.acquire(blocking=not on_loop):
            raise TransactionUsageError(
                "a worker thread is using the transaction; await it before the next statement"
            )
        try:
            self._wait_for(level, seconds=0 if on_loop else _LONGEST_WAIT)
            yield
        finally:
            self._condition.release()

    def _wait_for(self, level: Level, *, seconds: float) -> None:
        self._condition.wait_for(lambda: not self._may_come(level), seconds)
        if self._innermost is level:
            return
        if self._may_come(level):
            raise TransactionUsageError(
                "another thread or task has a savepoint open in this transaction, which would "
                "cover this statement too; let it end first"
            )
        raise TransactionUsageError("the savepoint in which this thread started has ended")

    def _may_come(self, level: Level) -> bool:
        return self._innermost is not level and self._innermost.is_inside(level)

    def enter(self) -> Level:
        """Go one level further in, with the code of this context; the turn is taken."""
        self._innermost = Level(self._innermost)
        self._set_level(self._innermost)
        return self._innermost

    def leave(self, level: Level) -> None:
        """Go out of a level and of whatever is inside it."""
        with self._condition:
            if level.outer is not None and self._innermost.is_inside(level):
                self._innermost = level.outer
            self._condition.notify_all()
        self._set_level(level.outer or level)

    def _set_level(self, level: Level) -> None:
        _levels.set(MappingProxyType({**_levels.get(), self: level}))
