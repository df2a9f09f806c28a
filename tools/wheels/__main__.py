"""Check a folder of wheels: ``python -m tools.wheels dist/``."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tools.uv import uv
from tools.wheels.alone import alone_problems, extra_problems
from tools.wheels.contents import content_problems
from tools.wheels.extras import table_problems
from tools.wheels.mixes import MIXES
from tools.wheels.wheel import wheels_in

Check = Callable[[], list[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path, help="a folder with one wheel of each distribution")
    dist = parser.parse_args().dist.resolve()
    if not wheels_in(dist):
        parser.error(f"expected wheels in {dist}")
    outcomes = [_report(name, check) for name, check in _checks(dist)]
    print(f"{outcomes.count(True)} passed, {outcomes.count(False)} failed")
    return 0 if all(outcomes) else 1


def _checks(dist: Path) -> Iterator[tuple[str, Check]]:
    for wheel in wheels_in(dist):
        yield f"{wheel.name}: contents", partial(content_problems, wheel)
        yield f"{wheel.name}: alone", partial(alone_problems, wheel)
        yield f"{wheel.name}: with its extras", partial(extra_problems, wheel)
    yield "table of extras", partial(table_problems, wheels_in(dist))
    for mix in MIXES:
        yield mix.__name__.replace("_", " "), partial(mix, dist)
    yield "twine check", partial(_run_tool, "twine", "check", "--strict", *_artifacts(dist))
    yield "check-wheel-contents", partial(_run_tool, "check-wheel-contents", dist)


def _artifacts(dist: Path) -> list[Path]:
    return sorted([*dist.glob("*.whl"), *dist.glob("*.tar.gz")])


def _run_tool(*arguments: str | Path) -> list[str]:
    uv("tool", "run", *arguments)
    return []


def _report(name: str, check: Check) -> bool:
    started = time.perf_counter()
    try:
        problems = check()
    except Exception as error:  # noqa: BLE001  # the other checks are to be heard too
        problems = [f"{type(error).__name__}: {error}"]
    print(f"{'FAIL' if problems else 'ok':4} {name} ({time.perf_counter() - started:.1f} s)")
    for problem in problems:
        print("    ", problem.replace("\n", "\n      "))
    sys.stdout.flush()
    return not problems


if __name__ == "__main__":
    sys.exit(main())
