"""Where a database is: a URL or credentials, taken apart so that no secret stays in sight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from saigon.model.interface import DbLogin
from saigon.orm._engine.mysql import MYSQL_CONNECT_ARGS
from saigon.orm._engine.proxy import Proxy, without_session_state
from saigon.orm.config import DbCredentials
from saigon.orm.exceptions import DbConfigurationError

__all__ = ["Address"]

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
_REFUSED_OPTIONS: Final = {
    "autocommit": "no transaction could be rolled back",
    "init_command": "it would replace the one that makes the session strict and in UTC",
}
_ASYNC_DRIVERS: Final = {
    "postgresql": "psycopg",
    "mysql": "aiomysql",
    "mariadb": "aiomysql",
    "sqlite": "aiosqlite",
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
_PORTS: Final = 65_536
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
    def of(cls, target: DbCredentials | URL | str, proxy: Proxy | None = None) -> "Address":
        """Take the address apart.

        Raises:
            DbConfigurationError: It is not a URL, or of a database or driver not known here, or
                it does not go with the proxy.
        """
        url = _with_driver(target.url() if isinstance(target, DbCredentials) else _parsed(target))
        _check(url)
        extra = target.connect_args() if isinstance(target, DbCredentials) else {}
        defaults = {**_CONNECT_ARGS[_dialect_name(url)]}
        if proxy is not None:
            # It finds the writer itself, and may repeat what was true of an earlier server:
            # https://github.com/pgbouncer/pgbouncer/issues/859
            defaults.pop("target_session_attrs", None)
        args = {key: value for key, value in defaults.items() if key not in url.query}
        hidden = {key: value for key, value in url.query.items() if key in _SECRET_OPTIONS}
        args = {**args, **hidden, **extra}
        if proxy is not None:
            args = without_session_state(url, args, proxy)
        return cls(_without_secrets(url), _login(url), args)

    @property
    def async_url(self) -> URL:
        """The same address for the driver that is used on an event loop."""
        backend = self.url.get_backend_name()
        return self.url.set(drivername=f"{backend}+{_ASYNC_DRIVERS[backend]}")

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


def _check(url: URL) -> None:
    """Refuse what would do harm without a word, or fail later with a driver's own."""
    for option, why in _REFUSED_OPTIONS.items():
        if option in url.query:
            raise DbConfigurationError(f"expected no {option!r} in the URL: {why}")
    if url.port is not None and not 0 < url.port < _PORTS:
        raise DbConfigurationError(f"expected a port of 1 to {_PORTS - 1}, got {url.port}")


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
