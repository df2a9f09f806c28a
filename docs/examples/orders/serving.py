"""Servers and workers in threads of this process, ended in order."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Self

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI application on 127.0.0.1, at a free port, and give its address."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # asyncio sets it on sockets of its own making; without it each answer takes 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
        thread.start()
        try:
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            thread.join()


class Worker:
    """A function that runs in a thread until it is told to stop."""

    def __init__(self, name: str, run: Callable[[Event], object]) -> None:
        self.error: BaseException | None = None
        self._run = run
        self._stop = Event()
        self._thread = Thread(target=self._run_until_stopped, name=name)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        """Stop the thread and wait for its end."""
        self._stop.set()
        self._thread.join()

    def _run_until_stopped(self) -> None:
        try:
            self._run(self._stop)
        except BaseException as error:  # noqa: BLE001  # it is raised where the work is waited for
            self.error = error
