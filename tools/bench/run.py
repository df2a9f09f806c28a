"""What the benches of one run share: its size, and what takes long to make."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from tools.bench.databases import Kind, fresh_database
from tools.bench.orders import fill

__all__ = ["FULL_ROWS", "SHORT_ROWS", "Run", "current_run", "start_run"]

FULL_ROWS: Final = 1_000_000
SHORT_ROWS: Final = 100_000

T = TypeVar("T")

_current: ContextVar["Run"] = ContextVar("bench_run")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of benches."""

    rows: int
    """How many rows the table of orders has."""

    _stack: ExitStack
    _urls: dict[Kind, str] = field(default_factory=dict)
    _shared: dict[Callable[[], AbstractContextManager[Any]], Any] = field(default_factory=dict)

    def orders_url(self, kind: Kind) -> str:
        """Return the URL of a database with the table of orders, filled when first asked for.

        Raises:
            Unavailable: There is no such server.
        """
        if kind not in self._urls:
            url = self._stack.enter_context(fresh_database(kind))
            fill(url, self.rows)
            self._urls[kind] = url
        return self._urls[kind]

    def shared(self, make: Callable[[], AbstractContextManager[T]]) -> T:
        """Return what a context manager gives, entered when first asked for."""
        if make not in self._shared:
            self._shared[make] = self._stack.enter_context(make())
        found: T = self._shared[make]
        return found


@contextmanager
def start_run(rows: int) -> Iterator[Run]:
    """Let benches share what this run makes; it goes away at the end."""
    with ExitStack() as stack:
        run = Run(rows, stack)
        token = _current.set(run)
        try:
            yield run
        finally:
            _current.reset(token)


def current_run() -> Run:
    """Return the run that has been started."""
    return _current.get()
