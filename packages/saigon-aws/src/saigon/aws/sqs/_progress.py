"""What the command prints: one line that is kept up to date, or one of JSON for each batch."""

import json
import time
from dataclasses import asdict
from typing import Final, TextIO

from saigon.aws.sqs.results import ForwardResult

_UNPRINTED: Final = {"failures", "seconds"}
_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """A hook that shows what was done: on a terminal the sums, elsewhere each batch in JSON."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self._total = ForwardResult()
        self._started = time.monotonic()

    def __call__(self, result: ForwardResult) -> None:
        """Show the result of a batch."""
        if self._is_terminal:
            self._total += result
            self._write(_CLEAR_LINE + self._sums())
        else:
            self._write(json.dumps(_counts(result) | {"seconds": round(result.seconds, 3)}) + "\n")

    def end(self) -> None:
        """Leave the terminal's line as it is."""
        if self._is_terminal and self._total.received:
            self._write("\n")

    def _sums(self) -> str:
        rate = self._total.received / max(time.monotonic() - self._started, 0.001)
        counts = ", ".join(f"{name} {count:,}" for name, count in _counts(self._total).items())
        return f"{counts} ({rate:,.0f}/s)"

    def _write(self, text: str) -> None:
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except OSError:
            self._stream = None  # nobody reads it any more, and the work goes on


def _counts(result: ForwardResult) -> dict[str, int]:
    return {name: count for name, count in asdict(result).items() if name not in _UNPRINTED}
