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

LONGEST_SECONDS: Final = 10.0
"""After this many seconds no further pair begins, where a peer is slow."""

FEWEST_PAIRS: Final = 10
"""So many there are nevertheless, where so many are wanted."""


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
    There are fewer pairs where they would take too long. Beside each pair stands a batch of what
    both do besides, if there is such a thing, and is taken off both.
    """
    calls = min(_calls_per_batch(call, clock) for call in (pair.ours, pair.peer))
    with _no_garbage_collection():
        timed = _time_pairs(pair, pairs, calls, clock)
    ratios = [ours / peer for ours, peer in timed]
    low, _, high = quantiles(ratios, n=4)
    return Result(
        ours=median(ours for ours, _ in timed) / calls,
        peer=median(peer for _, peer in timed) / calls,
        ratio=median(ratios),
        quartiles=(low, high),
    )


def _time_pairs(pair: Pair, pairs: int, calls: int, clock: Clock) -> list[tuple[float, float]]:
    timed: list[tuple[float, float]] = []
    latest = clock() + LONGEST_SECONDS
    while len(timed) < pairs and (len(timed) < FEWEST_PAIRS or clock() < latest):
        timed.append(_time_pair(pair, calls, clock, ours_first=len(timed) % 2 == 0))
    return timed


def _time_pair(pair: Pair, calls: int, clock: Clock, *, ours_first: bool) -> tuple[float, float]:
    def timed(call: Call) -> float:
        if pair.tidy is not None:
            pair.tidy()
        return _time(call, calls, clock)

    base = 0.0 if pair.base is None else timed(pair.base)
    if ours_first:
        ours = timed(pair.ours)
        return ours - base, timed(pair.peer) - base
    peer = timed(pair.peer)
    return timed(pair.ours) - base, peer - base


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
