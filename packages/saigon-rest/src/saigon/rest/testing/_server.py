"""An ASGI app on loopback, served from a thread."""

import socket
from collections.abc import Iterable
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from saigon.rest.exceptions import MissingExtraError
from saigon.rest.gateway._asgi import App
from saigon.rest.gateway._loopback import LOOPBACK, SERVER_OPTIONS, listen
from saigon.rest.testing._lifespan import WatchedApp

if TYPE_CHECKING:
    import uvicorn

DEFAULT_TIMEOUT: Final = 30.0


class LocalServer:
    """Serve an ASGI app on 127.0.0.1, at a free port, as a context manager.

    The app's lifespan runs. Requests under way may end for five seconds.

    Args:
        app: The app.
        timeout: Seconds that the app may take to start, and to end.
    """

    def __init__(self, app: App, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._app = WatchedApp(app)
        self._timeout = timeout
        self._listener: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the app is served."""
        if self._listener is None:
            raise RuntimeError("the server is not running: use it in a with statement")
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Start, and return when the app has started; nothing happens where it runs already.

        Raises:
            MissingExtraError: uvicorn is not installed.
            TimeoutError: The app does not start in time; its thread is left behind.
            Exception: What the app's lifespan failed with.
        """
        if self._thread is not None:
            return
        require_modules(["uvicorn"])
        ready = Event()
        self._listener = listen(0)
        self._server = _server(self._app, ready)
        self._thread = Thread(
            target=_run,
            args=(self._server, self._listener, ready),
            name="saigon-local-server",
            daemon=True,
        )
        self._thread.start()
        if not ready.wait(self._timeout):
            self._server.should_exit = True
            self._forget()
            raise TimeoutError(f"the app has not started within {self._timeout:g} s")
        if not self._server.started:
            self.stop()
            raise RuntimeError("the server did not start; its log says why")

    def stop(self) -> None:
        """End the app and close the socket; nothing happens where it does not run.

        Raises:
            TimeoutError: The app does not end in time; its thread is left behind.
            Exception: What the app's lifespan failed with.
        """
        if self._thread is None or self._server is None:
            return
        thread = self._thread
        self._server.should_exit = True
        thread.join(self._timeout)
        self._forget()
        failure, self._app.failure = self._app.failure, None
        if failure is not None:
            raise failure
        if thread.is_alive():
            raise TimeoutError(f"the app has not ended within {self._timeout:g} s")

    def _forget(self) -> None:
        self._thread = self._server = self._listener = None


def _run(server: "uvicorn.Server", listener: socket.socket, ready: Event) -> None:
    with listener:
        try:
            server.run(sockets=[listener])
        finally:
            ready.set()


def require_modules(names: Iterable[str]) -> None:
    """Do nothing where all of the modules are installed.

    Raises:
        MissingExtraError: One is not.
    """
    for name in names:
        if not _is_there(name):
            raise MissingExtraError("testing", name)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False


def _server(app: App, ready: Event) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # uvicorn's word for an app that has failed to start
                self.should_exit = True
            ready.set()

    return Server(uvicorn.Config(app, **SERVER_OPTIONS))
