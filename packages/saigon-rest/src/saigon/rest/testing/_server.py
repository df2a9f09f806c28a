"""An ASGI app on loopback, served from a thread."""

import socket
from collections.abc import Iterable
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from saigon.rest.exceptions import MissingExtraError
from saigon.rest.gateway._asgi import App
from saigon.rest.testing._lifespan import WatchedApp

if TYPE_CHECKING:
    import uvicorn

_LOOPBACK: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 5


class LocalServer:
    """Serve an ASGI app on 127.0.0.1, at a free port, as a context manager.

    The app's lifespan runs. Requests under way may end for five seconds.

    Args:
        app: The app.
    """

    def __init__(self, app: App) -> None:
        self._app = WatchedApp(app)
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
        return f"http://{_LOOPBACK}:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Start, and return when the app has started; nothing happens where it runs already.

        Raises:
            MissingExtraError: uvicorn is not installed.
            Exception: What the app's lifespan failed with.
        """
        if self._thread is not None:
            return
        require_modules(["uvicorn"])
        ready = Event()
        self._listener = socket.create_server((_LOOPBACK, 0))
        # asyncio sets it on sockets of its own making; without it each answer takes 40 ms.
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server = _server(self._app, ready)
        self._thread = Thread(
            target=self._run, args=(ready,), name="saigon-local-server", daemon=True
        )
        self._thread.start()
        ready.wait()
        if not self._server.started:
            self.stop()
            raise RuntimeError("the server did not start; its log says why")

    def stop(self) -> None:
        """End the app and close the socket; nothing happens where it does not run.

        Raises:
            Exception: What the app's lifespan failed with.
        """
        if self._thread is None or self._server is None or self._listener is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self._thread = self._server = self._listener = None
        failure, self._app.failure = self._app.failure, None
        if failure is not None:
            raise failure

    def _run(self, ready: Event) -> None:
        if self._server is None or self._listener is None:
            return
        try:
            self._server.run(sockets=[self._listener])
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

    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=_PATIENCE_SECONDS,
        )
    )
