import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.services import (
    Missing,
    PrivateServer,
    make_private_mysql,
    make_private_postgresql,
    private_mysql,
    private_postgresql,
)

KILLED_STARTER = """
import os, signal
from tools.services import make_private_{name}

with make_private_{name}() as server:
    server.start()
    print(server.port, server.folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def engine_of(server: PrivateServer) -> Engine:
    return create_engine(server.new_database(), poolclass=NullPool)


def numbers(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT i FROM numbers")))


@pytest.mark.parametrize("end", [PrivateServer.stop, PrivateServer.kill])
def test_data_and_port_outlive_the_server(private_server: PrivateServer, end: object) -> None:
    assert callable(end)
    engine = engine_of(private_server)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (i INTEGER)"))
        connection.execute(text("INSERT INTO numbers VALUES (42)"))
    end(private_server)
    assert not private_server.is_running()
    assert not listens(private_server.port)
    private_server.start()
    assert numbers(engine) == [42]


def test_settings_hold_for_one_start(private_server: PrivateServer) -> None:
    private_server.stop()
    private_server.start(max_connections=33)
    assert limit(private_server) == 33
    private_server.reset()
    assert limit(private_server) != 33


def limit(server: PrivateServer) -> int:
    is_postgresql = server.url.startswith("postgresql")
    return int(
        server.execute_admin(
            "SHOW max_connections" if is_postgresql else "SELECT @@max_connections"
        )
    )


def test_a_setting_that_the_server_refuses_is_reported(private_server: PrivateServer) -> None:
    private_server.stop()
    with pytest.raises(RuntimeError, match="no_such_setting"):
        private_server.start(no_such_setting=1)


def test_a_read_only_server_refuses_what_its_users_write(private_server: PrivateServer) -> None:
    engine = engine_of(private_server)
    private_server.set_read_only(wanted=True)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("CREATE TABLE numbers (i INTEGER)"))
    private_server.reset()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (i INTEGER)"))


def test_nobody_gets_in_without_a_password(private_server: PrivateServer) -> None:
    for user in ("postgres", "root", "nobody", ""):
        url = make_url(private_server.url).set(username=user, password="")
        with pytest.raises(DBAPIError), create_engine(url, poolclass=NullPool).connect():
            pass


def test_without_a_postgresql_of_the_machine_the_embedded_one_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(private_postgresql, "find_binaries", lambda: None)
    with make_private_postgresql() as server:
        assert isinstance(server, PrivateServer), server
        server.start()
        assert server.execute_admin("SELECT 6 * 7") == 42


def test_a_missing_server_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_mysql, "find_program", lambda *_: None)
    with make_private_mysql() as server:
        assert isinstance(server, Missing)
        assert "mariadbd" in server.reason


def test_server_runs_unprivileged_and_listens_on_the_loopback_only(
    private_server: PrivateServer,
) -> None:
    owner = pwd.getpwuid((private_server.folder / "data").stat().st_uid).pw_name
    assert owner == ("nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    assert private_server.folder.stat().st_mode & 0o077 == 0
    with socket.socket() as probe:
        # The rest of the loopback network is this machine too, but not the address given.
        assert probe.connect_ex(("127.0.0.2", private_server.port)) != 0


def test_temporary_tables_are_kept_where_no_other_server_removes_them(
    private_mysql: PrivateServer,
) -> None:
    assert private_mysql.execute_admin("SELECT @@tmpdir") == str(private_mysql.folder)


@pytest.mark.parametrize("name", ["postgresql", "mysql"])
def test_nothing_is_left_of_a_server_whose_starter_is_killed(
    name: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(f"own_{name}")  # a visible skip where there is none
    # The keeper inherits the standard error, which ends only when the keeper has ended.
    done = subprocess.run(
        [sys.executable, "-c", KILLED_STARTER.format(name=name)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    port, folder = done.stdout.split()
    assert not listens(int(port))
    assert not Path(folder).exists()
