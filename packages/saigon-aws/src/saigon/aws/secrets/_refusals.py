"""Errors by which a database or a service says that it does not accept a password."""

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["is_auth_failure"]

_MAX_DEPTH: Final = 8
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATE_CLASS: Final = "28"
# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and MariaDB's 1698
_MYSQL_ERRORS: Final = frozenset({1045, 1698})
_UNAUTHORIZED: Final = 401
# Of connecting, in the drivers of both (PEP 249)
_DRIVERS_ERRORS: Final = frozenset({"OperationalError"})
# libpq gives no SQLSTATE for a connection that was not made.
_POSTGRESQL_TEXT: Final = "password authentication failed"


def is_auth_failure(error: BaseException) -> bool:
    """Tell whether a password was refused.

    Known are saigon.orm's errors, those of PostgreSQL's and MySQL's drivers, also inside of
    SQLAlchemy's, and an HTTP client's error with a response of status 401.
    """
    return any(map(_refuses, _chain(error)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the driver's errors in it."""
    current: Any = error
    for _ in range(_MAX_DEPTH):
        if not isinstance(current, BaseException):
            return
        yield current
        current = getattr(current, "orig", None)


def _refuses(error: BaseException) -> bool:
    sqlstate = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    response = getattr(error, "response", None)
    return (
        getattr(error, "kind", None) == "auth"
        or (isinstance(sqlstate, str) and sqlstate.startswith(_SQLSTATE_CLASS))
        or getattr(response, "status_code", None) == _UNAUTHORIZED
        or (type(error).__name__ in _DRIVERS_ERRORS and _refuses_login(error.args))
    )


def _refuses_login(args: tuple[object, ...]) -> bool:
    match args:
        case (int() as number, str()):
            return number in _MYSQL_ERRORS
        case (str() as text, *_):
            return _POSTGRESQL_TEXT in text
        case _:
            return False
