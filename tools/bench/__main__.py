"""Measure ours against a named peer: ``python -m tools.bench [name…] [--json]``."""

import argparse
import json
import sys
from dataclasses import asdict

from tools.bench.measure import Result, measure
from tools.bench.registry import Bench, find_benches


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="beginnings of the names of benches; default all")
    parser.add_argument("--pairs", type=int, default=100, help="pairs of batches in a bench")
    parser.add_argument("--json", action="store_true", help="print one JSON object per bench")
    arguments = parser.parse_args()
    try:
        benches = find_benches(arguments.name)
    except LookupError as error:
        parser.error(str(error))
    for bench in benches:
        _run(bench, arguments.pairs, as_json=arguments.json)
    return 0


def _run(bench: Bench, pairs: int, *, as_json: bool) -> None:
    with bench.setup() as pair:
        result = measure(pair, pairs=pairs)
    print(_as_json(bench, result) if as_json else _as_text(bench, result), flush=True)


def _as_json(bench: Bench, result: Result) -> str:
    return json.dumps(
        {"name": bench.name, "peer": bench.peer, "goal": bench.goal, **asdict(result)}
    )


def _as_text(bench: Bench, result: Result) -> str:
    low, high = result.quartiles
    return (
        f"{bench.name}: {_seconds(result.ours)}; {bench.peer}: {_seconds(result.peer)}; "
        f"ratio {result.ratio:.3g} ({low:.3g} to {high:.3g}), goal: {bench.goal}"
    )


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
