import json
from contextlib import nullcontext
from typing import NoReturn

from tools.bench.registry import Bench, Comparison, Counts, Pair, Peaks, Unavailable
from tools.bench.report import report

MEBIBYTE = 2**20


def a_bench(comparison: Comparison) -> Bench:
    return Bench("reading", "a peer", "below 1", lambda: nullcontext(comparison))


def of_peaks() -> Bench:
    return a_bench(
        Peaks(
            (10, 1_000),
            ours=lambda: (50 * MEBIBYTE, 55 * MEBIBYTE),
            peer=lambda: (50 * MEBIBYTE, 110 * MEBIBYTE),
        )
    )


def of_nothing() -> Bench:
    def setup() -> NoReturn:
        raise Unavailable("no server answers")

    return Bench("reading", "a peer", "below 1", setup)


def test_line_of_times_says_both_sides_their_ratio_and_the_goal() -> None:
    line = report(a_bench(Pair(dict, list)), pairs=2, as_json=False)
    assert line.startswith("reading: ")
    for part in ("a peer: ", "ratio ", "goal: below 1"):
        assert part in line


def test_json_of_times_keeps_the_name_of_the_peer_beside_its_seconds() -> None:
    found = json.loads(report(a_bench(Pair(dict, list)), pairs=2, as_json=True))
    assert (found["name"], found["peer"], found["unit"]) == ("reading", "a peer", "seconds")
    assert found["found"]["peer"] > 0


def test_line_of_memory_says_the_peak_at_each_size_and_its_growth() -> None:
    line = report(of_peaks(), pairs=2, as_json=False)
    assert line == (
        "reading: 50.0, 55.0 MiB at 10, 1,000 rows, growth 1.1; "
        "a peer: 50.0, 110.0 MiB; ratio 0.5; added 5.0, 60.0 MiB; goal: below 1"
    )


def test_json_of_memory_is_in_bytes() -> None:
    found = json.loads(report(of_peaks(), pairs=2, as_json=True))
    assert found["unit"] == "bytes"
    assert found["found"]["ours"] == [50 * MEBIBYTE, 55 * MEBIBYTE]


def test_counts_say_what_each_asked_of_others() -> None:
    counted = a_bench(Counts("requests", ours=lambda: 2, peer=lambda: 2_000))
    assert report(counted, pairs=2, as_json=False) == (
        "reading: 2 requests; a peer: 2,000; goal: below 1"
    )
    found = json.loads(report(counted, pairs=2, as_json=True))
    assert (found["unit"], found["found"]) == ("requests", {"ours": 2, "peer": 2_000})


def test_bench_that_cannot_run_is_left_out_with_the_reason() -> None:
    assert report(of_nothing(), pairs=2, as_json=False) == ("reading: left out: no server answers")
    assert json.loads(report(of_nothing(), pairs=2, as_json=True))["left_out"] == (
        "no server answers"
    )
