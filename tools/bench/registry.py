"""The benches, by name."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

__all__ = [
    "Bench",
    "Call",
    "Comparison",
    "Counts",
    "Pair",
    "Peaks",
    "Setup",
    "Unavailable",
    "bench",
    "find_benches",
    "require",
    "same_result",
]

Call = Callable[[], object]


class Unavailable(Exception):  # noqa: N818  # what it says of a bench, not that something failed
    """A bench cannot run here: the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same work done twice: by us, and by the peer."""

    ours: Call
    peer: Call
    base: Call | None = None
    """What both do besides: where it is given, its time is taken off both."""

    tidy: Call | None = None
    """Removes what calls leave behind; before each batch, and not measured."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The same read twice, and how much memory each took: its peak in bytes at each size."""

    sizes: tuple[int, ...]
    """The numbers of what is read, ascending."""

    ours: Callable[[], tuple[int, ...]]
    peer: Callable[[], tuple[int, ...]]

    unit: str = "rows"
    """What is read."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The same work done twice, and how much each asked of others for it."""

    unit: str
    """What is counted."""

    ours: Callable[[], int]
    peer: Callable[[], int]


Comparison = Pair | Peaks | Counts
Setup = Callable[[], AbstractContextManager[Comparison]]


@dataclass(frozen=True, slots=True)
class Bench:
    """One comparison."""

    name: str
    peer: str
    """Whom we are compared with."""

    goal: str
    """Where the ratio should be, in words."""

    setup: Setup
    """Prepare both, and check that they do the same; raises Unavailable."""


def same_result(pair: Pair) -> Pair:
    """Call both once, and give them back where they return the same.

    Raises:
        ValueError: They do not, so comparing their times would say nothing.
    """
    ours, theirs = pair.ours(), pair.peer()
    if ours != theirs:
        msg = f"ours returns {ours!r:.200}, the peer {theirs!r:.200}"
        raise ValueError(msg)
    return pair


def require(module: str) -> None:
    """Let a bench go on where a peer's module can be imported.

    Raises:
        Unavailable: It cannot.
    """
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; the environment of 'hatch run bench' has it"
        raise Unavailable(message) from error


_BENCHES: Final[dict[str, Bench]] = {}


def bench(name: str, *, peer: str, goal: str) -> Callable[[Setup], Setup]:
    """Register the decorated context manager under a name that is not taken."""

    def register(setup: Setup) -> Setup:
        if name in _BENCHES:
            msg = f"two benches are named {name}"
            raise ValueError(msg)
        _BENCHES[name] = Bench(name, peer, goal, setup)
        return setup

    return register


def find_benches(wanted: Iterable[str] = ()) -> list[Bench]:
    """Return the benches whose names begin with one of those wanted; all of them by default.

    Raises:
        LookupError: A wanted name fits none.
    """
    from tools.bench import benches

    for module in pkgutil.iter_modules(benches.__path__):
        importlib.import_module(f"{benches.__name__}.{module.name}")
    return _select(_BENCHES, list(wanted))


def _select(benches: dict[str, Bench], wanted: list[str]) -> list[Bench]:
    for prefix in wanted:
        if not any(name.startswith(prefix) for name in benches):
            msg = f"no bench {prefix}; there are {', '.join(sorted(benches))}"
            raise LookupError(msg)
    chosen = (name for name in benches if not wanted or name.startswith(tuple(wanted)))
    return [benches[name] for name in sorted(chosen)]
