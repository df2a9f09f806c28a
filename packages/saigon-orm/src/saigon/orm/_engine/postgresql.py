"""Connections of psycopg whose failure tells no password."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.engine.interfaces import Dialect

__all__ = ["open_postgresql"]


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
