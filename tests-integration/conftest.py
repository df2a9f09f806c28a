"""Databases for the integration tests: an empty one for each test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.services import (
    Found,
    Missing,
    PrivateServer,
    Service,
    find_mysql,
    find_postgresql,
    make_private_mysql,
    make_private_postgresql,
)

ServiceT = TypeVar("ServiceT", Found, PrivateServer)


@pytest.fixture(scope="session")
def postgresql_server_url() -> Iterator[str]:
    """Give the URL of a PostgreSQL server whose login may create databases."""
    with find_postgresql() as service:
        yield _url_or_skip(service)


@pytest.fixture(scope="session")
def mysql_server_url() -> Iterator[str]:
    """Give the URL of a MySQL or MariaDB server whose login may create databases."""
    with find_mysql() as service:
        yield _url_or_skip(service)


@pytest.fixture(scope="session")
def empty_postgresql(postgresql_server_url: str) -> Iterator[list[str]]:
    """Give the names of databases that were emptied, which takes less time than making one."""
    names: list[str] = []
    yield names
    with _administration(postgresql_server_url) as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgresql_url(postgresql_server_url: str, empty_postgresql: list[str]) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database."""
    with _empty_postgresql(postgresql_server_url, empty_postgresql) as url:
        yield url


@pytest.fixture(scope="session")
def mysql_administration(mysql_server_url: str) -> Iterator[Connection]:
    """Give the connection that makes databases: PyMySQL takes 40 ms to prepare one for TLS."""
    with _administration(mysql_server_url) as connection:
        yield connection


@pytest.fixture
def mysql_url(mysql_server_url: str, mysql_administration: Connection) -> Iterator[str]:
    """Give the URL of a fresh MySQL or MariaDB database."""
    with _fresh_mysql(mysql_server_url, mysql_administration) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of a SQLite file that does not exist yet."""
    return f"sqlite+pysqlite:///{tmp_path / 'saigon.db'}"


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a fresh database, on each kind of server in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="module", params=["postgresql", "mysql", "sqlite"])
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the URL of a database for all tests of a module, on each kind of server in turn."""
    if request.param == "sqlite":
        yield f"sqlite+pysqlite:///{tmp_path_factory.mktemp('module') / 'saigon.db'}"
        return
    server_url: str = request.getfixturevalue(f"{request.param}_server_url")
    if request.param == "postgresql":
        database = _empty_postgresql(server_url, request.getfixturevalue("empty_postgresql"))
    else:
        database = _fresh_mysql(server_url, request.getfixturevalue("mysql_administration"))
    with database as url:
        yield url


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[PrivateServer]:
    """Give a PostgreSQL server of this session's own, in whatever state; not to be used as is."""
    with make_private_postgresql() as server:
        yield _or_skip(server)


@pytest.fixture(scope="session")
def own_mysql() -> Iterator[PrivateServer]:
    """Give a MySQL or MariaDB server of this session's own, likewise."""
    with make_private_mysql() as server:
        yield _or_skip(server)


@pytest.fixture
def private_postgresql(own_postgresql: PrivateServer) -> PrivateServer:
    """Give a running PostgreSQL server that a test may stop, kill, start and set."""
    own_postgresql.reset()
    return own_postgresql


@pytest.fixture
def private_mysql(own_mysql: PrivateServer) -> PrivateServer:
    """Give a running MySQL or MariaDB server, likewise."""
    own_mysql.reset()
    return own_mysql


@pytest.fixture(params=["postgresql", "mysql"])
def private_server(request: pytest.FixtureRequest) -> PrivateServer:
    """Give such a server, of each kind in turn."""
    server: PrivateServer = request.getfixturevalue(f"private_{request.param}")
    return server


def _url_or_skip(service: Service) -> str:
    return _or_skip(service).url


def _or_skip(service: ServiceT | Missing) -> ServiceT:
    if not isinstance(service, Missing):
        return service
    if os.environ.get("SAIGON_REQUIRE_SERVICES") == "1":
        pytest.fail(service.reason)
    pytest.skip(service.reason)


@contextmanager
def _empty_postgresql(server_url: str, empty: list[str]) -> Iterator[str]:
    name = empty.pop() if empty else _new_postgresql(server_url)
    url = _with_database(server_url, name)
    yield url
    with _administration(url) as connection:
        _reset_settings(connection, name)
        _end_postgresql_sessions(connection)
        _drop_schemas(connection)
    empty.append(name)


def _new_postgresql(server_url: str) -> str:
    name = _fresh_name()
    with _administration(server_url) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        _reset_settings(connection, name)
    return name


def _reset_settings(connection: Connection, name: str) -> None:
    connection.execute(text(f"ALTER DATABASE {name} RESET ALL"))
    with suppress(DBAPIError):  # superusers may have deadlocks found sooner than after a second
        connection.execute(text(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'"))


def _end_postgresql_sessions(connection: Connection) -> None:
    connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    )


def _drop_schemas(connection: Connection) -> None:
    query = text(
        "SELECT quote_ident(nspname) FROM pg_namespace"
        " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    for schema in connection.scalars(query).all():
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    connection.execute(text("CREATE SCHEMA public AUTHORIZATION pg_database_owner"))
    connection.execute(text("GRANT USAGE ON SCHEMA public TO PUBLIC"))


@contextmanager
def _fresh_mysql(server_url: str, connection: Connection) -> Iterator[str]:
    name = _fresh_name()
    connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield _with_database(server_url, name)
    _end_mysql_sessions(connection, name)
    connection.execute(text(f"DROP DATABASE {name}"))


@contextmanager
def _administration(server_url: str) -> Iterator[Connection]:
    with _engine(server_url).connect() as connection:
        yield connection


@cache
def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


def _fresh_name() -> str:
    return f"saigon_test_{uuid.uuid4().hex}"


def _with_database(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _end_mysql_sessions(connection: Connection, name: str) -> None:
    """End what still holds the database; a transaction left open would block the drop for a day."""
    query = text("SELECT id FROM information_schema.processlist WHERE db = :name")
    for session in connection.scalars(query, {"name": name}).all():
        with suppress(DBAPIError):  # it may have ended since
            connection.execute(text(f"KILL {session:d}"))
