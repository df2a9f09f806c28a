"""Engines: from an address and a source of logins to a pool of prepared connections."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

from saigon.model.interface import CredentialsProvider
from saigon.orm._engine.address import Address
from saigon.orm._engine.aiomysql import prepare_aiomysql
from saigon.orm._engine.aiosqlite import prepare_aiosqlite
from saigon.orm._engine.failover import leave_demoted_writer
from saigon.orm._engine.fork import stay_in_process
from saigon.orm._engine.holders import Holders
from saigon.orm._engine.login import Logins
from saigon.orm._engine.mysql import prepare_mysql
from saigon.orm._engine.mysql_begin import prepare_begin
from saigon.orm._engine.mysql_socket import mysql_insists_on_tls
from saigon.orm._engine.ping import bound_pings
from saigon.orm._engine.pool import pool_class
from saigon.orm._engine.postgresql import open_postgresql, postgresql_insists_on_tls
from saigon.orm._engine.proxy import Proxy, check_session
from saigon.orm._engine.psycopg_async import prepare_psycopg_async
from saigon.orm._engine.sqlite import prepare_sqlite
from saigon.orm.exceptions import DbConfigurationError, MissingExtraError

__all__ = ["Address", "EngineOptions", "Proxy", "make_async_engine", "make_engine"]

_EXTRAS: Final = {
    "psycopg": "postgresql",
    "pymysql": "mysql",
    "aiomysql": "async",
    "aiosqlite": "async",
    "greenlet": "async",
}
# Below, SQLAlchemy and the drivers would know no bound at all, or fail when first used.
_LEAST: Final = {
    "pool_size": 1,
    "max_overflow": 0,
    "pool_timeout": 0,
    "ping_timeout": 0.001,
    "connect_timeout": 1,
}


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

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise DbConfigurationError(f"expected {name} of at least {least}, got {value}")


def make_engine(
    address: Address, provider: CredentialsProvider | None, options: EngineOptions
) -> Engine:
    """Return an engine that has not connected yet.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    holders = Holders()
    try:
        with _taken_options():
            engine = create_engine(
                address.url,
                poolclass=pool_class(QueuePool, holders),
                **_engine_options(address, options),
            )
    except ModuleNotFoundError as exc:
        raise MissingExtraError(_EXTRAS[address.url.get_driver_name()], exc.name) from exc
    holders.watch(engine)
    return _prepared(engine, address, provider, options)


def make_async_engine(
    address: Address, provider: CredentialsProvider | None, options: EngineOptions
) -> Engine:
    """Return the engine for use in greenlets on an event loop, not connected yet.

    Raises:
        MissingExtraError: The driver, or greenlet, is not installed.
    """
    holders = Holders()
    try:
        import_module("greenlet")  # SQLAlchemy would miss it only when it connects
        from sqlalchemy.ext.asyncio import create_async_engine

        with _taken_options():
            engine = create_async_engine(
                address.async_url,
                poolclass=pool_class(AsyncAdaptedQueuePool, holders),
                **_engine_options(address, options),
            ).sync_engine
    except ModuleNotFoundError as exc:
        raise MissingExtraError(_EXTRAS.get(str(exc.name), "async"), exc.name) from exc
    holders.watch(engine)
    return _prepared(engine, address, provider, options)


@contextmanager
def _taken_options() -> Iterator[None]:
    """Say that it is the options' fault where a driver answers them with whatever comes."""
    try:
        yield
    except (AttributeError, NotImplementedError, OSError, TypeError, ValueError) as exc:
        raise DbConfigurationError(
            "expected options of the URL or the credentials that the driver can use "
            f"({type(exc).__name__}: see the cause)"
        ) from exc


def _engine_options(address: Address, options: EngineOptions) -> dict[str, Any]:
    return {
        "connect_args": _driver_args(address, options),
        "hide_parameters": True,
        **_pool_options(address, options),
    }


def _driver_args(address: Address, options: EngineOptions) -> dict[str, Any]:
    if address.dialect_name == "sqlite":
        return {"check_same_thread": False, **address.connect_args}
    if options.connect_timeout is None:
        return dict(address.connect_args)
    return {**address.connect_args, "connect_timeout": options.connect_timeout}


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


def _prepared(
    engine: Engine,
    address: Address,
    provider: CredentialsProvider | None,
    options: EngineOptions,
) -> Engine:
    if engine.dialect.driver == "aiosqlite":
        prepare_aiosqlite(engine)
    stay_in_process(engine)
    match engine.dialect.driver:
        case "pymysql":
            prepare_mysql(engine)
        case "aiomysql":
            prepare_aiomysql(engine)
        case "psycopg" if engine.dialect.is_async:
            prepare_psycopg_async(engine)
    if address.dialect_name == "sqlite":
        prepare_sqlite(engine)
        return engine
    if address.dialect_name == "mysql":
        prepare_begin(engine, proxied=options.proxy is not None)
    bound_pings(engine, options.ping_timeout)
    event.listen(engine, "handle_error", leave_demoted_writer)  # before others are told
    logins = Logins(address.login, provider, engine.dialect)
    event.listen(engine, "do_connect", _Opener(logins, options.proxy))
    return engine


@dataclass(frozen=True)  # events are found by weak references
class _Opener:
    """Opens a connection with the login that is in force at that moment."""

    logins: Logins
    proxy: Proxy | None

    def __call__(
        self, dialect: Dialect, _record: Any, args: list[Any], params: dict[str, Any]
    ) -> Any:
        params.pop("user", None)
        if dialect.name == "postgresql":
            return self.logins.connect(
                lambda login: open_postgresql(dialect, args, {**params, **login}),
                encrypted=postgresql_insists_on_tls(params),
            )
        with _taken_options():
            encrypted = mysql_insists_on_tls(params)
        return self.logins.connect(
            lambda login: self._open_mysql(dialect, {**params, **login}), encrypted=encrypted
        )

    def _open_mysql(self, dialect: Dialect, options: Mapping[str, Any]) -> Any:
        connection = self._new_mysql(dialect, options)
        if self.proxy is not None:
            try:
                check_session(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _new_mysql(self, dialect: Dialect, options: Mapping[str, Any]) -> Any:
        proxied = self.proxy is not None
        if not dialect.is_async:
            from saigon.orm._engine.pymysql_connection import PyMySqlConnection

            with _taken_options():
                connection = PyMySqlConnection(options, proxied=proxied)
            return connection.open()
        from saigon.orm._engine.aiomysql_connection import AioMySqlConnection

        async def create() -> AioMySqlConnection:
            with _taken_options():
                connection = AioMySqlConnection(options, proxied=proxied)
            return await connection.open()

        return dialect.connect(async_creator_fn=create)
