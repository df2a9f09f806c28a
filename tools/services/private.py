"""A database server of one test's own: started late, stopped, killed, started again.

It listens on 127.0.0.1 at one port for all its life, as an unprivileged user where we are root.
Nothing of it is left behind, even where this process is killed: see ``keeper.py``.
"""

import json
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any, ClassVar, Final, Self

from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

from tools.services.found import connection_error

__all__ = ["Keeper", "PrivateServer", "free_port", "new_name"]

_KEEPER: Final = Path(__file__).with_name("keeper.py")
_START_SECONDS: Final = 60.0
_CHECK_SECONDS: Final = 0.02
_PASSWORD: Final = secrets.token_hex(16)  # one for all, so that one server can follow another


class PrivateServer(ABC):
    """A server in a folder of its own, not running yet."""

    stop_signal: ClassVar[Signals]
    """Ends it in good order, without waiting for its clients."""

    last_signal: ClassVar[Signals] = SIGKILL
    """Ends it at once and leaves no processes behind."""

    login_options: ClassVar[Mapping[str, Any]] = {}
    """The driver's arguments where its administrator logs in."""

    def __init__(self, keeper: "Keeper") -> None:
        self.folder = keeper.folder
        self.port = free_port()
        self.password = _PASSWORD
        self._keeper = keeper
        self._settings: Mapping[str, object] = {}

    @classmethod
    @contextmanager
    def made(cls, *args: Any) -> Iterator[Self]:
        """Give a server with empty data; stop it at the end and remove its folder."""
        with _kept_folder() as keeper:
            server = cls(keeper, *args)
            server._initialise()
            yield server

    @property
    @abstractmethod
    def url(self) -> str:
        """SQLAlchemy's URL of the administrative database, with the password."""

    @abstractmethod
    def new_database(self, name: str | None = None) -> str:
        """Make a database and a user of its name who owns nothing else; return their URL."""

    @abstractmethod
    def set_read_only(self, *, wanted: bool) -> None:
        """Let the users of ``new_database`` write or not, as a writer that was demoted."""

    @abstractmethod
    def _initialise(self) -> None:
        """Make the data."""

    @abstractmethod
    def _command(self, settings: Mapping[str, object]) -> list[str]:
        """Return the program and its arguments."""

    def reset(self) -> None:
        """Be as after a plain start, whatever was done before."""
        if self._settings or not self.is_running():
            self.stop()
            self.start()
        self.set_read_only(wanted=False)

    def start(self, **settings: object) -> None:
        """Start it with these settings and no earlier ones; return when it answers.

        Raises:
            RuntimeError: It ended instead, or did not answer in time; or it runs already.
        """
        if self.is_running():
            raise RuntimeError("expected a server that is stopped")
        self._settings = settings
        self._launch()
        deadline = time.monotonic() + _START_SECONDS
        while error := connection_error(self.url, **self.login_options):
            if time.monotonic() > deadline:
                raise RuntimeError(f"expected an answer within {_START_SECONDS:.0f} s; got {error}")
            if not self.is_running():
                self._launch_again()
            time.sleep(_CHECK_SECONDS)

    def _launch(self) -> None:
        self._keeper.ask("start", self._command(self._settings), self.last_signal)

    def _launch_again(self) -> None:
        log = (self.folder / "log").read_text()
        if "still in use" not in log:
            raise RuntimeError(f"the server ended: {log}")
        self._launch()  # the children of a killed PostgreSQL end a moment after it

    def stop(self) -> None:
        """Stop it in good order; its clients lose their connections."""
        self._keeper.ask("end", self.stop_signal)

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self._keeper.ask("end", SIGKILL)

    def is_running(self) -> bool:
        """Tell whether its process is there."""
        return not self._keeper.ask("has_ended")

    def execute_admin(self, *statements: str) -> Any:
        """Execute statements as its administrator, each on its own; return the last one's value."""
        engine = create_engine(
            self.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args=dict(self.login_options),
        )
        value = None
        with engine.connect() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
                value = result.scalar() if result.returns_rows else None
        return value

    def _url(self, driver: str, user: str, password: str, database: str) -> str:
        url = URL.create(driver, user, password, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    def _run(self, *command: str | Path) -> None:
        if output := self._keeper.ask("run", [str(part) for part in command]):
            raise RuntimeError(f"{command[0]} said: {output}")


def new_name() -> str:
    """Return a name that no database has."""
    return f"saigon_{uuid.uuid4().hex[:16]}"


def free_port() -> int:
    """Return a port that nothing listens on, and that no outgoing connection will be given."""
    while True:
        port = random.randrange(15_000, 30_000)  # noqa: S311  # no secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Keeper:
    """The keeper of a server's processes, and its folder."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lock = threading.Lock()
        self.folder = Path(self._line().removeprefix("ready "))

    def ask(self, command: str, *arguments: object) -> Any:
        """Give a command of ``keeper.Commands`` and return its answer."""
        with self._lock:
            assert self._process.stdin is not None  # noqa: S101  # for the type checker
            print(json.dumps([command, *arguments]), file=self._process.stdin, flush=True)
            return json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101  # for the type checker
        line = self._process.stdout.readline().strip()
        if not line or line.startswith("failed "):
            raise RuntimeError(f"the keeper of a server {line or 'died'}")
        return line


@contextmanager
def _kept_folder() -> Iterator[Keeper]:
    with subprocess.Popen(
        [sys.executable, "-I", str(_KEEPER), "commands"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield Keeper(process)
