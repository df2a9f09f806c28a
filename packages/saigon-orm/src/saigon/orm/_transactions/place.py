"""Where code runs: in which process, thread and task."""

import asyncio
import os
import threading
from dataclasses import dataclass
from typing import Any

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where code runs: a transaction is used where it began and nowhere else."""

    process: int
    thread: threading.Thread
    task: "asyncio.Task[Any] | None"

    @classmethod
    def here(cls) -> "Place":
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop runs in this thread
            task = None
        return cls(os.getpid(), threading.current_thread(), task)
