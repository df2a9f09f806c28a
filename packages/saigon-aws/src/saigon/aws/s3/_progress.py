"""Tell a caller how far a transfer is, not too often."""

from collections.abc import Callable

__all__ = ["Progress", "ProgressMeter"]

Progress = Callable[[int, int], object]
"""Called with the bytes done and the bytes in all."""

_STEP = 1024 * 1024


class ProgressMeter:
    """Calls a ``progress`` at most once per MiB, and once at the end."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._reported = 0

    def add(self, count: int) -> None:
        """Count bytes that are done."""
        self._done += count
        if self._done - self._reported >= _STEP and self._done < self._total:
            self._report()

    def finish(self) -> None:
        """Report the end."""
        self._report()

    def _report(self) -> None:
        self._reported = self._done
        if self._progress is not None:
            self._progress(self._done, self._total)
