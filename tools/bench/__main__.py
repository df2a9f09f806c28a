"""Measure ours against a named peer: ``python -m tools.bench [name…] [--full] [--json]``."""

import argparse
import sys

from tools.bench.registry import Bench, find_benches
from tools.bench.report import report
from tools.bench.run import FULL_ROWS, SHORT_ROWS, start_run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="beginnings of the names of benches; default all")
    parser.add_argument("--pairs", type=int, default=100, help="most pairs of batches in a bench")
    parser.add_argument("--json", action="store_true", help="print one JSON object per bench")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--rows", type=int, default=SHORT_ROWS, help="rows of the large table")
    size.add_argument(
        "--full", dest="rows", action="store_const", const=FULL_ROWS, help=f"--rows {FULL_ROWS}"
    )
    arguments = parser.parse_args()
    try:
        benches = find_benches(arguments.name)
    except LookupError as error:
        parser.error(str(error))
    _run(benches, arguments.rows, arguments.pairs, as_json=arguments.json)
    return 0


def _run(benches: list[Bench], rows: int, pairs: int, *, as_json: bool) -> None:
    with start_run(rows):
        for bench in benches:
            print(report(bench, pairs=pairs, as_json=as_json), flush=True)


if __name__ == "__main__":
    sys.exit(main())
