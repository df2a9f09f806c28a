"""Work in a process of its own: how much memory it takes, and servers that do not slow us."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["highest_resident_bytes", "peaks_of", "started"]

_ROOT: Final = Path(__file__).parents[2]


def peaks_of(module: str, given: "DataclassInstance") -> tuple[int, ...]:
    """Run a module on what is given as JSON on its standard input, where nobody sees a password.

    Returns:
        The numbers that it prints, as a JSON array.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(asdict(given)),
        stdout=subprocess.PIPE,
        check=True,
        cwd=_ROOT,
        text=True,
    )
    return tuple(json.loads(done.stdout))


def highest_resident_bytes() -> int:
    """Return this process's peak of resident memory."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says on Linux may be the peak of the process that started this one.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


@contextmanager
def started(module: str, *arguments: str) -> Iterator[int]:
    """Run a module that serves until its standard input ends, and give the port that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101  # for the type alone
        assert process.stdout is not None  # noqa: S101  # likewise
        with process.stdin:
            yield int(process.stdout.readline())
