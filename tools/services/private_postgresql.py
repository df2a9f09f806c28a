"""A PostgreSQL server of one test's own."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGQUIT, Signals
from typing import ClassVar, Final

from tools.services.found import Missing
from tools.services.keeper import SETTINGS, FailedError, find_package, runnable_binaries
from tools.services.private import PrivateServer, new_name

__all__ = ["PrivatePostgreSQL", "make_private_postgresql"]

_DRIVER: Final = "postgresql+psycopg"


@contextmanager
def make_private_postgresql() -> Iterator["PrivatePostgreSQL | Missing"]:
    """Give a server of the machine's PostgreSQL, else of the embedded one; not running yet."""
    try:
        _ = find_binaries() or find_package()  # of which one must be there
    except FailedError as error:
        yield Missing(f"no PostgreSQL of a test's own: {error}")
    else:
        with PrivatePostgreSQL.made() as server:
            yield server


def find_binaries() -> Path | None:
    """Return the folder of the machine's own PostgreSQL: that on the path, else the newest."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


class PrivatePostgreSQL(PrivateServer):
    """A PostgreSQL server in a folder of its own."""

    stop_signal: ClassVar[Signals] = SIGINT
    last_signal: ClassVar[Signals] = SIGQUIT  # not SIGKILL, which leaves its children behind

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the administrative database, with the password."""
        return self._url(_DRIVER, "postgres", self.password, "postgres")

    def new_database(self, name: str | None = None) -> str:
        """Make a database and a user of its name who owns nothing else; return their URL."""
        name = name or new_name()
        self.execute_admin(
            f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}'",
            f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0",
        )
        return self._url(_DRIVER, name, self.password, name)

    def set_read_only(self, *, wanted: bool) -> None:
        """Let the next transactions write or not, as a writer that a failover has demoted."""
        self.execute_admin(
            f"ALTER SYSTEM SET default_transaction_read_only = {wanted}",
            "SELECT pg_reload_conf()",
        )
        # Once a new session knows it, all others have been told.
        while (self.execute_admin("SHOW default_transaction_read_only") == "on") != wanted:
            time.sleep(0.01)

    def _initialise(self) -> None:
        self._binaries = find_binaries() or runnable_binaries(self.folder)
        secret = self.folder / "secret"
        secret.write_text(self.password)
        secret.chmod(0o644)  # its folder is closed to others
        self._run(
            *(self._binaries / "initdb", "-D", self.folder / "data", f"--pwfile={secret}"),
            *("--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            "--no-sync",
        )

    def _command(self, settings: Mapping[str, object]) -> list[str]:
        options = {
            **SETTINGS,
            "synchronous_commit": "on",  # what is committed outlives a killed server
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": self.port,
            **settings,
        }
        program = [str(self._binaries / "postgres"), "-D", str(self.folder / "data")]
        return program + [f"--{name}={value}" for name, value in options.items()]
