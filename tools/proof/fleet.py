"""The workers of a trial: processes that are replaced at once when they are killed."""

import multiprocessing
import signal
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final, Self

from tools.proof.plan import Plan
from tools.proof.warrants import Warrants
from tools.proof.worker import work

__all__ = ["Fleet"]

_STOP_SECONDS: Final = 30
_DEATH_SECONDS: Final = 60
_STOPPED: Final = (0, -signal.SIGTERM, -signal.SIGKILL)  # in good order, too early for it, by fate

# They are forked from a process that has imported all they need, and never had a thread.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "tools.proof.worker"])


class Fleet:
    """Workers at work; a context manager that stops them, and raises if one has failed.

    Args:
        plan: What they are told.
    """

    def __init__(self, plan: Plan) -> None:
        self.warrants: Warrants = Warrants(plan.folder)
        self._plan = plan
        self._processes: list[BaseProcess] = []

    def kill_one(self) -> None:
        """Kill a worker, wherever it is, and replace it."""
        self._processes[0].kill()
        self.join_one()

    def join_one(self) -> None:
        """Wait for the death of a worker, and replace it.

        Raises:
            TimeoutError: It lives on.
        """
        self._processes[0].join(_DEATH_SECONDS)
        if self._processes[0].is_alive():
            raise TimeoutError(f"a worker still lives after {_DEATH_SECONDS} s")
        self.tend()

    def tend(self) -> None:
        """Replace the workers that were killed.

        Raises:
            RuntimeError: One has ended by itself.
        """
        for process in list(self._processes):
            if process.exitcode is not None:
                self._processes.remove(process)
                self._check(process, -signal.SIGKILL)
                self._start()

    def __enter__(self) -> Self:
        self._plan.folder.mkdir()
        self.warrants.prepare()
        for _ in range(self._plan.workers):
            self._start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(_STOP_SECONDS)
            if exc is None:
                self._check(process, *_STOPPED)

    def _start(self) -> None:
        process = _FORKS.Process(target=work, args=(self._plan,))
        process.start()
        self._processes.append(process)

    def _check(self, process: BaseProcess, *expected: int) -> None:
        if process.exitcode not in expected:
            file = self._plan.folder / "error"
            error = file.read_text() if file.exists() else "nothing"
            raise RuntimeError(f"a worker ended with {process.exitcode} and said: {error}")
