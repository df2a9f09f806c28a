"""What the benches of one run share: the number of rows, and databases that take long to fill."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from tools.bench.databases import Kind, fresh_database
from tools.bench.orders import fill

__all__ = ["FULL_ROWS", "SHORT_ROWS", "Run", "current_run", "start_run"]

FULL_ROWS: Final = 1_000_000
SHORT_ROWS: Final = 100_000

_current: ContextVar["Run"] = ContextVar("bench_run")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of benches."""

    rows: int
    """How many rows the table of orders has."""

    _stack: ExitStack
    _urls: dict[Kind, str] = field(default_factory=dict)

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
