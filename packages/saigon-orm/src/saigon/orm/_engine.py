"""Engines: from an address and a source of logins to a pool of prepared connections."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias

from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from saigon.model.interface import CredentialsProvider, DbLogin
from saigon.orm._aiomysql import aiomysql_args, prepare_aiomysql
from saigon.orm._errors import error_kind
from saigon.orm._failover import leave_demoted_writer
from saigon.orm._greenlets import wait_for
from saigon.orm._mysql import MYSQL_CONNECT_ARGS, prepare_mysql
from saigon.orm._sqlite import prepare_sqlite
from saigon.orm.config import DbCredentials
from saigon.orm.exceptions import DbConfigurationError, MissingExtraError

__all__ = ["Address", "EngineOptions", "Proxy", "make_async_engine", "make_engine"]

Proxy: TypeAlias = Literal["rds", "pgbouncer"]

AUTH_RETRY_DELAYS: Final = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each new login after a refused one: a rotation takes moments to be complete."""

_DRIVERS: Final = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "sqlite": "pysqlite",
}
# Drivers take these from a URL's query too, where its repr would show them.
_USER_OPTIONS: Final = ("user",)
_PASSWORD_OPTIONS: Final = ("password", "passwd")
_SECRET_OPTIONS: Final = frozenset({"sslpassword", "ssl_key_password"})
_ASYNC_DRIVERS: Final = {
    "postgresql": "psycopg",
    "mysql": "aiomysql",
    "mariadb": "aiomysql",
    "sqlite": "aiosqlite",
}
_EXTRAS: Final = {
    "psycopg": "postgresql",
    "pymysql": "mysql",
    "aiomysql": "async",
    "aiosqlite": "async",
    "greenlet": "async",
}

# A peer that is gone without a word is noticed after about 30 seconds.
_POSTGRESQL_CONNECT_ARGS: Final = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "target_session_attrs": "read-write",  # never a standby, nor a writer that was demoted
}
_CONNECT_ARGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "postgresql": _POSTGRESQL_CONNECT_ARGS,
    "mysql": MYSQL_CONNECT_ARGS,
    "sqlite": {"timeout": 30.0},
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, without its password, and what the driver is told."""

    url: URL
    login: DbLogin | None
    connect_args: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, target: DbCredentials | URL | str) -> "Address":
        """Take the address apart.

        Raises:
            DbConfigurationError: It is not a URL, or of a database or driver not known here.
        """
        url = _with_driver(target.url() if isinstance(target, DbCredentials) else _parsed(target))
        extra = target.connect_args() if isinstance(target, DbCredentials) else {}
        defaults = _CONNECT_ARGS[_dialect_name(url)]
        args = {key: value for key, value in defaults.items() if key not in url.query}
        hidden = {key: value for key, value in url.query.items() if key in _SECRET_OPTIONS}
        return cls(_without_secrets(url), _login(url), {**args, **hidden, **extra})

    @property
    def dialect_name(self) -> str:
        """``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``."""
        return _dialect_name(self.url)

    @property
    def in_memory(self) -> bool:
        """Whether the database lives and dies with its one connection."""
        database = self.url.database or ":memory:"
        in_memory = ":memory:" in database or self.url.query.get("mode") == "memory"
        return self.dialect_name == "sqlite" and in_memory


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The bounds of a pool."""

    pool_size: int
    max_overflow: int
    pool_timeout: float
    pool_recycle: int
    ping_timeout: float
    connect_timeout: int | None
    proxy: Proxy | None


def make_engine(
    address: Address, provider: CredentialsProvider | None, options: EngineOptions
) -> Engine:
    """Return an engine that has not connected yet.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    try:
        engine = create_engine(
            address.url,
            poolclass=QueuePool,
            connect_args=_driver_args(address),
            hide_parameters=True,
            **_pool_options(address, options),
        )
    except ModuleNotFoundError as exc:
        raise MissingExtraError(_EXTRAS[address.url.get_driver_name()], exc.name) from exc
    return _prepared(engine, address, provider)


def make_async_engine(
    address: Address, provider: CredentialsProvider | None, options: EngineOptions
) -> Engine:
    """Return the engine for use in greenlets on an event loop, not connected yet.

    Raises:
        MissingExtraError: The driver, or greenlet, is not installed.
    """
    url = address.url.set(drivername=_async_driver(address.url))
    try:
        import_module("greenlet")  # SQLAlchemy would miss it only when it connects
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            connect_args=_async_driver_args(address),
            hide_parameters=True,
            **_pool_options(address, options),
        ).sync_engine
    except ModuleNotFoundError as exc:
        raise MissingExtraError(_EXTRAS.get(str(exc.name), "async"), exc.name) from exc
    if address.dialect_name == "mysql":
        prepare_aiomysql(engine)
    return _prepared(engine, address, provider)


def _prepared(engine: Engine, address: Address, provider: CredentialsProvider | None) -> Engine:
    if address.dialect_name == "sqlite":
        prepare_sqlite(engine)
        return engine
    if engine.dialect.driver == "pymysql":
        prepare_mysql(engine)
    event.listen(engine, "handle_error", leave_demoted_writer)  # before others are told
    event.listen(engine, "do_connect", _connector(address.login, provider))
    return engine


def _pool_options(address: Address, options: EngineOptions) -> dict[str, Any]:
    if address.in_memory:
        # A second connection would be another database, a new one an empty database.
        return {"pool_size": 1, "max_overflow": 0, "pool_timeout": options.pool_timeout}
    return {
        "pool_size": options.pool_size,
        "max_overflow": options.max_overflow,
        "pool_timeout": options.pool_timeout,
        "pool_recycle": options.pool_recycle,
        "pool_pre_ping": True,
        "pool_use_lifo": True,
    }


def _driver_args(address: Address) -> dict[str, Any]:
    if address.dialect_name == "sqlite":
        return {"check_same_thread": False, **address.connect_args}
    return dict(address.connect_args)


def _async_driver_args(address: Address) -> dict[str, Any]:
    args = _driver_args(address)
    return aiomysql_args(args) if address.dialect_name == "mysql" else args


def _connector(
    login: DbLogin | None, provider: CredentialsProvider | None
) -> Callable[[Dialect, Any, list[Any], dict[str, Any]], Any]:
    """Return the hook that opens a connection with the login that is in force at that moment."""

    def connect(dialect: Dialect, _record: Any, args: list[Any], params: dict[str, Any]) -> Any:
        def attempt(current: DbLogin | None) -> Any:
            return dialect.connect(*args, **params, **_login_params(dialect, current))

        params.pop("user", None)
        if provider is None:
            return attempt(login)
        return _connect_with(provider, attempt, dialect)

    return connect


def _connect_with(
    provider: CredentialsProvider, attempt: Callable[[DbLogin | None], Any], dialect: Dialect
) -> Any:
    current = _ask(provider, dialect, refresh=False)
    for delay in AUTH_RETRY_DELAYS:
        try:
            return attempt(current)
        except dialect.loaded_dbapi.Error as exc:
            if error_kind(exc) != "auth":
                raise
        _sleep(delay, dialect)
        current = _ask(provider, dialect, refresh=True)
    return attempt(current)


def _ask(provider: CredentialsProvider, dialect: Dialect, *, refresh: bool) -> DbLogin:
    if dialect.is_async:  # it may wait for a service, which would hold the event loop
        return wait_for(asyncio.to_thread(provider.get_credentials, refresh=refresh))
    return provider.get_credentials(refresh=refresh)


def _sleep(seconds: float, dialect: Dialect) -> None:
    if dialect.is_async:
        wait_for(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def _login_params(dialect: Dialect, login: DbLogin | None) -> dict[str, Any]:
    if login is None:
        return {}
    # Without a name, the driver takes its default: libpq's PGUSER, for instance.
    user = {"user": login.username} if login.username else {}
    return {**user, "password": _driver_password(dialect, login.password.get_secret_value())}


def _driver_password(dialect: Dialect, password: str) -> str | bytes:
    """Return what makes the driver send UTF-8, which the server compares."""
    match dialect.driver:
        case "pymysql":  # encodes a text password in latin-1
            return password.encode()
        case "aiomysql":  # likewise, and takes text only
            return password.encode().decode("latin-1")
        case _:
            return password


def _parsed(target: URL | str) -> URL:
    try:
        return make_url(target)
    except (ArgumentError, ValueError):
        raise DbConfigurationError(
            "expected a URL such as postgresql+psycopg://user@host/database; "
            "special characters of a password must be percent-encoded in it"
        ) from None


def _with_driver(url: URL) -> URL:
    backend = url.get_backend_name()
    backend = "postgresql" if backend == "postgres" else backend
    driver = _DRIVERS.get(backend)
    if driver is None:
        raise DbConfigurationError(
            f"expected a postgresql, mysql, mariadb or sqlite URL, got {backend!r}"
        )
    if "+" in url.drivername and url.get_driver_name() not in {driver, _ASYNC_DRIVERS[backend]}:
        raise DbConfigurationError(f"expected the driver {driver!r}, got {url.drivername!r}")
    return url.set(drivername=f"{backend}+{driver}")


def _async_driver(url: URL) -> str:
    backend = url.get_backend_name()
    return f"{backend}+{_ASYNC_DRIVERS[backend]}"


def _login(url: URL) -> DbLogin | None:
    """Return the login of a URL; a query's goes before, as it does with the drivers."""
    user = _option(url, _USER_OPTIONS, url.username)
    password = _option(url, _PASSWORD_OPTIONS, url.password)
    if user is None and password is None:
        return None
    return DbLogin(user or "", SecretStr(password or ""))


def _option(url: URL, names: tuple[str, ...], default: str | None) -> str | None:
    values = (url.normalized_query[name][-1] for name in names if name in url.query)
    return next(values, default)


def _without_secrets(url: URL) -> URL:
    hidden = {*_USER_OPTIONS, *_PASSWORD_OPTIONS, *_SECRET_OPTIONS}
    return URL.create(
        url.drivername,
        username=_option(url, _USER_OPTIONS, url.username),
        host=url.host,
        port=url.port,
        database=url.database,
        query={key: value for key, value in url.query.items() if key not in hidden},
    )


def _dialect_name(url: URL) -> str:
    backend = url.get_backend_name()
    return "mysql" if backend == "mariadb" else backend
