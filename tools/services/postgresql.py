"""Find a PostgreSQL server, or start an embedded one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.services.found import Found, Missing, Service, connection_error, named_server

__all__ = ["embedded_postgresql", "find_postgresql"]

_VARIABLE: Final = "SAIGON_TEST_POSTGRESQL_URL"
_DRIVER: Final = "postgresql+psycopg"
_STANDARD: Final = f"{_DRIVER}://postgres@127.0.0.1:5432/postgres"
_KEEPER: Final = Path(__file__).with_name("keeper.py")


@contextmanager
def find_postgresql() -> Iterator[Service]:
    """Give the server of SAIGON_TEST_POSTGRESQL_URL, else the standard local port's, else our own.

    A server at the standard port that does not let ``postgres`` in without a password is left
    alone: it is somebody's own.
    """
    if value := os.environ.get(_VARIABLE):
        yield named_server(_VARIABLE, value, driver=_DRIVER)
    elif connection_error(_STANDARD) is None:
        yield Found(_STANDARD, "the standard local port")
    else:
        with embedded_postgresql() as service:
            yield service


@contextmanager
def embedded_postgresql() -> Iterator[Service]:
    """Start a server of our own in a temporary folder, and remove both at the end.

    The keeper that does it is a process of its own, which ends when its standard input does.
    So nothing is left behind, even where this process is killed.
    """
    with subprocess.Popen(
        [sys.executable, "-I", str(_KEEPER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as keeper:
        assert keeper.stdout is not None  # noqa: S101  # asked for above; for the type checker
        verdict, _, value = keeper.stdout.readline().strip().partition(" ")
        if verdict == "ready":
            url = f"{_DRIVER}://postgres@/postgres?host={value}"
            yield Found(url, "an embedded server")
        else:
            yield Missing(f"no PostgreSQL: {value or 'the keeper of the embedded server died'}")
