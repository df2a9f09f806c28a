"""Logins that require TLS: no byte of them goes where it is missing."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from saigon.model.interface import DbLogin
from saigon.orm.config import MySQLCredentials, PostgreSQLCredentials
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbConfigurationError, DbExecutionError

TOKEN = "db.example:5432/?Action=connect&X-Amz-Signature=" + "0f" * 500

_POSTGRESQL_ASKS = struct.pack("!cII", b"R", 8, 3)  # AuthenticationCleartextPassword
_POSTGRESQL_REFUSES = b"SFATAL\0VFATAL\0C28P01\0Mrefused\0\0"
# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
_MYSQL_GREETS = (
    struct.pack("<B6sI8sx", 10, b"8.0.0", 1, b"s" * 8)
    + struct.pack("<HBHHB10x", 0x8208, 45, 2, 0x0008, 21)  # no CLIENT_SSL among what it can do
    + b"s" * 12
    + b"\0mysql_native_password\0"
)
_MYSQL_ASKS = b"\xfemysql_clear_password\0"
_MYSQL_REFUSES = struct.pack("<BH", 0xFF, 1045) + b"#28000refused"


class Provider:
    """A source of one login."""

    def __init__(self, *, requires_tls: bool = True) -> None:
        self._login = DbLogin("app", SecretStr(TOKEN), requires_tls=requires_tls)

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        return self._login


class Server:
    """A server without TLS that asks for the password itself, and keeps what it got."""

    def __init__(self, listener: socket.socket, talk: Callable[[socket.socket], bytes]) -> None:
        self.connections = 0
        self.got = b""
        self._listener = listener
        self._talk = talk

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                client.settimeout(10)
                with client, suppress(OSError):
                    self.got += self._talk(client)


def talk_postgresql(client: socket.socket) -> bytes:
    got = client.recv(8)  # SSLRequest
    client.sendall(b"N")
    got += (start := client.recv(1_000))
    if start:
        client.sendall(_POSTGRESQL_ASKS)
        got += client.recv(10_000)
        client.sendall(struct.pack("!cI", b"E", len(_POSTGRESQL_REFUSES) + 4) + _POSTGRESQL_REFUSES)
    return got


def talk_mysql(client: socket.socket) -> bytes:
    def say(number: int, packet: bytes) -> bytes:
        client.sendall(len(packet).to_bytes(3, "little") + bytes([number]) + packet)
        return client.recv(10_000)

    got = say(0, _MYSQL_GREETS)
    if got:
        got += say(2, _MYSQL_ASKS)
        say(4, _MYSQL_REFUSES)
    return got


@contextmanager
def serving(listener: socket.socket, talk: Callable[[socket.socket], bytes]) -> Iterator[Server]:
    server = Server(listener, talk)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def serving_on(port: int, backend: str) -> Iterator[Server]:
    talk = talk_postgresql if backend == "postgresql" else talk_mysql
    with serving(socket.create_server(("127.0.0.1", port)), talk) as server:
        yield server


@pytest.fixture
def port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


def ping(target: Any, provider: Provider) -> set[str]:
    """Return the kinds of the errors of both connectors."""
    kinds = set()

    async def ping_async() -> None:
        async with AsyncDbConnector(target, credentials_provider=provider) as db:
            await db.ping()

    with DbConnector(target, credentials_provider=provider) as db:
        for attempt in (db.ping, lambda: asyncio.run(ping_async())):
            try:
                attempt()
            except DbConfigurationError as error:
                kinds.add("TLS" if "insists on TLS" in str(error) else str(error))
            except DbExecutionError as error:
                kinds.add(error.kind)
    return kinds


def credentials(backend: str, port: int, **options: Any) -> Any:
    kind = PostgreSQLCredentials if backend == "postgresql" else MySQLCredentials
    password = SecretStr("")
    return kind(host="127.0.0.1", port=port, username="u", password=password, dbname="d", **options)


@pytest.mark.parametrize(
    ("backend", "query"),
    [
        ("postgresql", ""),
        ("postgresql", "sslmode=disable"),
        ("postgresql", "sslmode=allow"),
        ("postgresql", "sslmode=prefer"),
        ("postgresql", "sslmode=require&sslmode=prefer"),
        ("postgresql", "sslrootcert=system"),
        ("postgresql", "host=127.0.0.1&host=/tmp&sslmode=require"),
        ("postgresql", "host=@socket&sslmode=require"),
        ("mysql", ""),
        ("mysql", "ssl_disabled=true"),
        ("mysql", "ssl_disabled=true&ssl_cipher=DEFAULT"),
    ],
)
def test_a_connection_that_may_be_in_plain_text_is_not_even_tried(
    backend: str, query: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    url = make_url(f"{backend}://u@127.0.0.1:{port}/d?{query}")
    with serving_on(port, backend) as server:
        assert ping(url, Provider()) == {"TLS"}
    assert server.connections == 0


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
@pytest.mark.parametrize("mode", ["disable", "prefer"])
def test_the_modes_that_do_not_insist_are_refused(backend: str, mode: str, port: int) -> None:
    with serving_on(port, backend) as server:
        assert ping(credentials(backend, port, ssl_mode=mode), Provider()) == {"TLS"}
    assert server.connections == 0


def test_a_socket_of_postgresql_is_refused_whatever_the_mode_says(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        with serving(listener, talk_postgresql) as server:
            url = f"postgresql://u@/d?host={tmp_path}&sslmode=require"
            assert ping(url, Provider()) == {"TLS"}
            assert ping("postgresql:///d?sslmode=require", Provider()) == {"TLS"}
    assert server.connections == 0


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_a_server_without_tls_gets_nothing_of_it(backend: str, port: int) -> None:
    with serving_on(port, backend) as server:
        assert ping(credentials(backend, port, ssl_mode="require"), Provider()) == {"connection"}
    assert server.connections == 2
    assert TOKEN[:20].encode() not in server.got
    assert b"app" not in server.got


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_the_same_server_gets_a_password_that_does_not_require_it(
    backend: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", ())
    with serving_on(port, backend) as server:
        assert ping(credentials(backend, port), Provider(requires_tls=False)) == {"auth"}
    assert server.got.count(TOKEN.encode()) == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@127.0.0.1:{port}/d?sslmode=verify-ca",
        "postgresql://u@/d?host=127.0.0.1:{port}&host=127.0.0.1:{port}&sslmode=require",
        "mysql://u@127.0.0.1:{port}/d?ssl_cipher=DEFAULT",
        "mysql://u@127.0.0.1:{port}/d?ssl_verify_cert=true",
    ],
    ids=["verify-ca", "several", "cipher", "verify"],
)
def test_a_url_insists_too(url: str, port: int) -> None:
    with serving_on(port, url.partition(":")[0]) as server:
        assert ping(url.format(port=port), Provider()) == {"connection"}
    assert server.connections >= 2
    assert TOKEN[:20].encode() not in server.got
