"""A server and workers in threads of this process, ended in order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from starlette.types import ASGIApp

from saigon.rest.testing import LocalServer


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI application on 127.0.0.1, at a free port, and give its address."""
    with LocalServer(app) as server:
        yield server.url


@contextmanager
def working(workers: Sequence["Worker"]) -> Iterator[None]:
    """Let workers run for as long as the block, and end them together."""
    for worker in workers:
        worker.thread.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.stop.set()
        for worker in workers:
            worker.thread.join()


class Worker:
    """A function that runs in a thread until it is told to stop."""

    def __init__(self, name: str, run: Callable[[Event], object]) -> None:
        self.error: BaseException | None = None
        self.stop = Event()
        self.thread = Thread(target=self._run_until_stopped, name=name)
        self._run = run

    def _run_until_stopped(self) -> None:
        try:
            self._run(self.stop)
        except BaseException as error:  # noqa: BLE001  # it is raised where the work is waited for
            self.error = error
