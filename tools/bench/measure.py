"""Measure two calls against each other, in turns."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from tools.bench.registry import Call, Pair

__all__ = ["Result", "measure"]

Clock = Callable[[], float]

BATCH_SECONDS: Final = 0.005
"""How long a batch should take: far above the clock's grain, far below a change in the weather."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out; times are seconds of one call."""

    ours: float
    """The median over our batches."""

    peer: float
    """The median over the peer's batches."""

    ratio: float
    """The median over the pairs of ours divided by the peer's: below 1 we are faster."""

    quartiles: tuple[float, float]
    """Half of the pairs have their ratio between these."""


def measure(pair: Pair, *, pairs: int, clock: Clock = time.perf_counter) -> Result:
    """Run both in ``pairs`` pairs of short batches, in alternating order.

    Both run the same number of calls in a batch: as many as the slower one does in its time.
    """
    calls = min(_calls_per_batch(call, clock) for call in (pair.ours, pair.peer))
    with _no_garbage_collection():
        timed = [_time_pair(pair, calls, clock, ours_first=n % 2 == 0) for n in range(pairs)]
    ratios = [ours / peer for ours, peer in timed]
    low, _, high = quantiles(ratios, n=4)
    return Result(
        ours=median(ours for ours, _ in timed) / calls,
        peer=median(peer for _, peer in timed) / calls,
        ratio=median(ratios),
        quartiles=(low, high),
    )


def _time_pair(pair: Pair, calls: int, clock: Clock, *, ours_first: bool) -> tuple[float, float]:
    if ours_first:
        ours = _time(pair.ours, calls, clock)
        return ours, _time(pair.peer, calls, clock)
    peer = _time(pair.peer, calls, clock)
    return _time(pair.ours, calls, clock), peer


def _time(call: Call, calls: int, clock: Clock) -> float:
    started = clock()
    for _ in range(calls):
        call()
    return clock() - started


def _calls_per_batch(call: Call, clock: Clock) -> int:
    """Double the number of calls until a batch takes its time; this also warms up."""
    calls = 1
    while _time(call, calls, clock) < BATCH_SECONDS:
        calls *= 2
    return calls


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection would be charged to whoever happens to run."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
