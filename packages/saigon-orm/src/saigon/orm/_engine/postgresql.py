"""Connections of psycopg whose failure tells no password."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.engine.interfaces import Dialect

__all__ = ["open_postgresql", "postgresql_insists_on_tls"]

_ENCRYPTED: Final = ("require", "verify-ca", "verify-full")
_SOCKETS: Final = ("/", "@")


def postgresql_insists_on_tls(options: Mapping[str, Any]) -> bool:
    """Tell whether libpq would rather fail than log in without TLS.

    What it takes from its environment does not count, nor a socket, where it ignores the mode.

    See Also:
        https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
    """
    if options.get("sslmode") not in _ENCRYPTED:
        return False
    hosts = str(options.get("host") or "").split(",")
    return all(host and not host.startswith(_SOCKETS) for host in hosts)


def open_postgresql(dialect: Dialect, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Open a connection of SQLAlchemy's dialect with libpq's options."""
    try:
        return dialect.connect(*args, **options)
    except dialect.loaded_dbapi.Error as exc:
        _forget_login(exc)
        raise


def _forget_login(error: Any) -> None:
    """Empty what the error of a failed attempt keeps of it: all its options, for one."""
    attempt = error.pgconn
    if attempt is not None:
        with suppress(AttributeError):  # it is not what is left of a failed attempt
            attempt.password = b""
            attempt.info = []
