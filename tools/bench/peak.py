"""The peak of memory while orders are read into models, in a process of its own.

As a program it takes a :class:`Reading` on standard input, where a password is seen by nobody.
"""

import json
import resource
import subprocess
import sys
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import select

from saigon.orm.connection import DbConnector
from tools.bench.orders import ORDERS, Order

__all__ = ["Reading", "peaks"]

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read."""

    url: str
    way: Literal["fetch_iter", "fetch_all"]
    sizes: tuple[int, ...]
    """How many rows, one after the other; ascending, as a peak only grows."""


def peaks(reading: Reading) -> tuple[int, ...]:
    """Return the highest resident memory, in bytes, up to the end of each size."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench.peak"],
        input=json.dumps(asdict(reading)),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        text=True,
    )
    return tuple(json.loads(done.stdout))


def main() -> None:
    given = json.load(sys.stdin)
    print(json.dumps(_read(Reading(given["url"], given["way"], tuple(given["sizes"])))))


def _read(reading: Reading) -> list[int]:
    highest: list[int] = []
    with DbConnector(reading.url) as connector:
        read = _read_one_by_one if reading.way == "fetch_iter" else _read_at_once
        for size in reading.sizes:
            read(connector, size)
            highest.append(_highest_resident_bytes())
    return highest


def _read_one_by_one(connector: DbConnector, size: int) -> None:
    deque(connector.fetch_iter(select(ORDERS).limit(size), model=Order), maxlen=0)


def _read_at_once(connector: DbConnector, size: int) -> None:
    connector.fetch_all(select(ORDERS).limit(size), model=Order)


def _highest_resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says on Linux may be the peak of the process that started this one.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


if __name__ == "__main__":
    main()
