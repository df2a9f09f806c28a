import gc
from collections.abc import Callable

import pytest

from tools.bench.measure import FEWEST_PAIRS, measure
from tools.bench.registry import Pair


class Work:
    """A clock that moves only by the calls measured on it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def clock(self) -> float:
        return self.now

    def call(self, name: str, seconds: float) -> Callable[[], None]:
        def work() -> None:
            self.now += seconds
            self.done.append(name)

        return work


def test_result_is_in_seconds_of_one_call_and_their_ratio() -> None:
    work = Work()
    pair = Pair(ours=work.call("ours", 0.0001), peer=work.call("peer", 0.0004))
    result = measure(pair, pairs=4, clock=work.clock)
    assert result.ours == pytest.approx(0.0001)
    assert result.peer == pytest.approx(0.0004)
    assert result.ratio == pytest.approx(0.25)
    assert result.quartiles == pytest.approx((0.25, 0.25))


def test_both_run_equally_often_and_in_turns() -> None:
    work = Work()
    pair = Pair(ours=work.call("ours", 1.0), peer=work.call("peer", 2.0))
    measure(pair, pairs=4, clock=work.clock)
    warm_up, measured = work.done[:2], work.done[2:]
    assert warm_up == ["ours", "peer"]
    assert measured == ["ours", "peer", "peer", "ours"] * 2


def test_one_slow_batch_moves_neither_median_nor_ratio() -> None:
    work = Work()
    slow = iter([1.0, 1.0, 1.0, 900.0, 1.0, 1.0, 1.0, 1.0, 1.0])

    def ours() -> None:
        work.now += next(slow)

    result = measure(Pair(ours=ours, peer=work.call("peer", 2.0)), pairs=8, clock=work.clock)
    assert (result.ours, result.ratio) == (1.0, 0.5)


def test_garbage_is_collected_again_afterwards() -> None:
    work = Work()
    seen: list[bool] = []

    def ours() -> None:
        work.now += 1.0
        seen.append(gc.isenabled())

    measure(Pair(ours=ours, peer=work.call("peer", 1.0)), pairs=2, clock=work.clock)
    assert not any(seen[1:])
    assert gc.isenabled()


def test_slow_peer_is_measured_in_fewer_pairs() -> None:
    work = Work()
    pair = Pair(ours=work.call("ours", 1.0), peer=work.call("peer", 5.0))
    measure(pair, pairs=100, clock=work.clock)
    assert work.done.count("peer") == 1 + FEWEST_PAIRS


def test_tidying_precedes_each_batch_and_takes_no_time() -> None:
    work = Work()
    pair = Pair(
        ours=work.call("ours", 1.0), peer=work.call("peer", 2.0), tidy=work.call("tidy", 100.0)
    )
    result = measure(pair, pairs=2, clock=work.clock)
    assert work.done[2:] == ["tidy", "ours", "tidy", "peer", "tidy", "peer", "tidy", "ours"]
    assert (result.ours, result.peer) == (1.0, 2.0)
