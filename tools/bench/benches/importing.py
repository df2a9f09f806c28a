"""What an import costs, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tools.bench.registry import Call, Pair, bench


@bench("import-fastapi-utils", peer="import fastapi", goal="at most 1.1")
@contextmanager
def utils_against_fastapi() -> Iterator[Pair]:
    """Compare what a service imports with FastAPI alone, both less the start of Python."""
    yield Pair(
        ours=_process("import saigon.fastapi.utils"),
        peer=_process("import fastapi"),
        base=_process("pass"),
    )


def _process(code: str) -> Call:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)
