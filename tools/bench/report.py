"""Run one bench, and say in words or in JSON what came out."""

import json
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from tools.bench.measure import Result, measure
from tools.bench.registry import Bench, Counts, Pair, Peaks, Unavailable

__all__ = ["report"]

_UNITS: Final = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


class _Findings(Protocol):
    def in_words(self, peer: str) -> str: ...

    def in_numbers(self) -> dict[str, object]: ...


def report(bench: Bench, *, pairs: int, as_json: bool) -> str:
    """Run a bench and return its line."""
    about = {"name": bench.name, "peer": bench.peer, "goal": bench.goal}
    try:
        findings = _run(bench, pairs)
    except Unavailable as reason:
        left_out = {**about, "left_out": str(reason)}
        return json.dumps(left_out) if as_json else f"{bench.name}: left out: {reason}"
    if as_json:
        return json.dumps({**about, **findings.in_numbers()})
    return f"{bench.name}: {findings.in_words(bench.peer)}; goal: {bench.goal}"


def _run(bench: Bench, pairs: int) -> _Findings:
    with bench.setup() as comparison:
        match comparison:
            case Pair():
                return _Times(measure(comparison, pairs=pairs))
            case Peaks():
                found = comparison.ours(), comparison.peer()
                return _Memory(comparison.sizes, *found, comparison.unit)
            case Counts():
                return _Counted(comparison.unit, comparison.ours(), comparison.peer())


@dataclass(frozen=True, slots=True)
class _Times:
    result: Result

    def in_words(self, peer: str) -> str:
        result, (low, high) = self.result, self.result.quartiles
        return (
            f"{_time(result.ours)}; {peer}: {_time(result.peer)}; "
            f"ratio {result.ratio:.3g} ({low:.3g} to {high:.3g})"
        )

    def in_numbers(self) -> dict[str, object]:
        return {"unit": "seconds", "found": asdict(self.result)}


@dataclass(frozen=True, slots=True)
class _Memory:
    sizes: tuple[int, ...]
    ours: tuple[int, ...]
    peer: tuple[int, ...]
    counted: str = "rows"

    @property
    def ratio(self) -> float:
        return self.ours[-1] / self.peer[-1]

    @property
    def growth(self) -> float:
        """Our peak at the most rows divided by that at the fewest: 1 is flat."""
        return self.ours[-1] / self.ours[0]

    @property
    def added(self) -> tuple[int, int]:
        """What the most take above the fewest, by ours and by the peer."""
        return self.ours[-1] - self.ours[0], self.peer[-1] - self.peer[0]

    def in_words(self, peer: str) -> str:
        sizes = ", ".join(f"{size:,}" for size in self.sizes)
        return (
            f"{_mebibytes(self.ours)} at {sizes} {self.counted}, growth {self.growth:.3g}; "
            f"{peer}: {_mebibytes(self.peer)}; ratio {self.ratio:.3g}; "
            f"added {_mebibytes(self.added)}"
        )

    def in_numbers(self) -> dict[str, object]:
        found = {**asdict(self), "ratio": self.ratio, "growth": self.growth, "added": self.added}
        return {"unit": "bytes", "found": found}


@dataclass(frozen=True, slots=True)
class _Counted:
    unit: str
    ours: int
    peer: int

    def in_words(self, peer: str) -> str:
        return f"{self.ours:,} {self.unit}; {peer}: {self.peer:,}"

    def in_numbers(self) -> dict[str, object]:
        return {"unit": self.unit, "found": {"ours": self.ours, "peer": self.peer}}


def _mebibytes(values: tuple[int, ...]) -> str:
    return ", ".join(f"{value / 2**20:.1f}" for value in values) + " MiB"


def _time(seconds: float) -> str:
    unit, size = next((each for each in _UNITS if seconds >= each[1]), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"
