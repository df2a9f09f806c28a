"""A MariaDB or MySQL server of one test's own."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any, ClassVar, Final

from tools.services.found import Missing
from tools.services.private import Keeper, PrivateServer, new_name

__all__ = ["PrivateMySQL", "make_private_mysql"]

_DRIVER: Final = "mysql+pymysql"
_SETTINGS: Final = {
    "bind_address": "127.0.0.1",
    "innodb_buffer_pool_size": "16M",
    "innodb_fast_shutdown": "2",
    "innodb_flush_log_at_trx_commit": "2",  # what is committed outlives a killed server
    "innodb_flush_method": "nosync",  # but not the machine
    "skip_log_bin": "1",
    "skip_name_resolve": "1",
}


@contextmanager
def make_private_mysql() -> Iterator["PrivateMySQL | Missing"]:
    """Give a server of the machine's MariaDB or MySQL; not running yet."""
    if found := find_program("mariadbd", "mysqld"):
        with PrivateMySQL.made(found) as server:
            yield server
    else:
        yield Missing("no MySQL of a test's own: expected the program mariadbd or mysqld")


def find_program(*names: str) -> Path | None:
    """Return the first of these programs, which may stand where only administrators look."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin:/usr/local/sbin:/usr/libexec"]
    found = (shutil.which(name, path=":".join(folders)) for name in names)
    return next((Path(path).resolve() for path in found if path), None)


class PrivateMySQL(PrivateServer):
    """A MariaDB or MySQL server in a folder of its own."""

    stop_signal: ClassVar[Signals] = SIGTERM
    # For TLS, PyMySQL reads the machine's certificates: 40 ms at each login.
    login_options: ClassVar[Mapping[str, Any]] = {"ssl_disabled": True}

    def __init__(self, keeper: Keeper, program: Path) -> None:
        super().__init__(keeper)
        self._program = program

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the administrative database, with the password."""
        return self._url(_DRIVER, "root", self.password, "mysql")

    def new_database(self, name: str | None = None) -> str:
        """Make a database and a user of its name who owns nothing else; return their URL."""
        name = name or new_name()
        self.execute_admin(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
            f"CREATE USER {name}@'%' IDENTIFIED BY '{self.password}'",
            f"GRANT ALL ON {name}.* TO {name}@'%'",
        )
        return self._url(_DRIVER, name, self.password, name)

    def set_read_only(self, *, wanted: bool) -> None:
        """Let users without further rights write or not, as on a writer that was demoted."""
        self.execute_admin(f"SET GLOBAL read_only = {int(wanted)}")

    def _initialise(self) -> None:
        # The server runs this at each start: without host names, root comes from 127.0.0.1.
        user = f"'root'@'127.0.0.1' IDENTIFIED BY '{self.password}'"
        script = self.folder / "start.sql"
        script.write_text(
            f"CREATE USER IF NOT EXISTS {user};\n"
            "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;\n"
            f"ALTER USER {user};\n"
            "DROP USER IF EXISTS 'root'@'localhost';\n"
        )
        script.chmod(0o644)  # its folder is closed to others
        data = f"--datadir={self.folder / 'data'}"
        if self._program.name == "mariadbd":
            options = ("--auth-root-authentication-method=normal", "--skip-test-db")
            install = find_program("mariadb-install-db") or "mariadb-install-db"
            self._run(install, "--no-defaults", data, *options)
        else:
            self._run(self._program, "--no-defaults", data, "--initialize-insecure")

    def _command(self, settings: Mapping[str, object]) -> list[str]:
        options = {
            **_SETTINGS,
            "datadir": self.folder / "data",
            "socket": self.folder / "socket",
            "pid_file": self.folder / "pid",
            "init_file": self.folder / "start.sql",
            "port": self.port,
            **settings,
        }
        return [
            *(str(self._program), "--no-defaults"),
            *(f"--{name}={value}" for name, value in options.items()),
        ]
