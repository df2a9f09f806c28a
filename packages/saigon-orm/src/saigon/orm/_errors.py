"""The one edge where a driver's error becomes a ``DbExecutionError``."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError, PendingRollbackError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from saigon.orm.exceptions import DbErrorKind, DbExecutionError, SaigonOrmError

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

__all__ = ["error_kind", "execution_error", "refused_value", "translated_errors"]

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES: Final[Mapping[str, DbErrorKind]] = {
    "23001": "foreign_key",
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "unique",  # an exclusion constraint: unique, with another comparison
    "25006": "read_only",
    "25P02": "aborted",
    "25P03": "timeout",
    "25P04": "timeout",
    "40001": "serialization",
    "40P01": "deadlock",
    "53300": "connection",
    "55P03": "timeout",
    "57014": "timeout",
    "57P01": "connection",
    "57P02": "connection",
    "57P03": "connection",
    "57P05": "connection",
}
_SQLSTATE_CLASSES: Final[Mapping[str, DbErrorKind]] = {"08": "connection", "28": "auth"}

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
# https://mariadb.com/kb/en/mariadb-error-code-reference/ (1020, 1698, 1927, 1969, 4025, 4151)
_ERRNOS: Final[Mapping[DbErrorKind, frozenset[int]]] = {
    "unique": frozenset({1062, 1169, 1586}),
    "foreign_key": frozenset({1216, 1217, 1451, 1452, 1557, 1761, 1762}),
    "not_null": frozenset({1048, 1364}),
    "check": frozenset({3819, 4025}),
    "serialization": frozenset({1020}),
    "deadlock": frozenset({1213, 1614}),
    "timeout": frozenset({1205, 1317, 1969, 3024, 3572}),
    "connection": frozenset(
        {1040, 1042, 1043, 1047, 1053, 1077, 1079, 1080, 1129, 1152}
        | {1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 4031}
        | {2002, 2003, 2005, 2006, 2013, 2014, 2026, 2055}
    ),
    "read_only": frozenset({1792, 1836}),
    "auth": frozenset({1045, 1130, 1698, 1820, 1862, 3118, 3955, 4151}),
}
_KIND_OF_ERRNO: Final[Mapping[int, DbErrorKind]] = {
    errno: kind for kind, errnos in _ERRNOS.items() for errno in errnos
}
_MYSQL_OPTION_PREVENTS: Final = 1290  # read_only is one of the options that it names

# https://www.sqlite.org/rescode.html: extended codes first, then the primary ones
_SQLITE_CODES: Final[Mapping[int, DbErrorKind]] = {
    2067: "unique",
    1555: "unique",
    2579: "unique",
    787: "foreign_key",
    1299: "not_null",
    275: "check",
    517: "serialization",  # SQLITE_BUSY_SNAPSHOT
    5: "timeout",
    6: "timeout",
    8: "read_only",
    9: "timeout",
    14: "connection",
}
_SQLITE_PRIMARY: Final = 0xFF

_AUTH_TEXT: Final = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|"
    r'role ".*" (does not exist|is not permitted to log in)'
)
_OTHER_TEXT: Final = re.compile(
    r"does not exist|too many|slots|the database system|not currently accepting|invalid database|"
    r"permission denied|parameter|terminating|protocol"
)
_SERVER_SAYS: Final = ":  "  # after the severity, in any language; libpq's own texts have one space
_TOO_MANY_VALUES: Final = "number of parameters"
_MYSQL_CONSTRAINT: Final = re.compile(
    r"for key '(?P<key>[^']+)'$|CONSTRAINT `(?P<name>[^`]+)`|^Check constraint '(?P<check>[^']+)'"
)
_SQLITE_CONSTRAINT: Final = re.compile(r"constraint failed: (?P<name>.+)$")
_UNSENDABLE: Final = (OverflowError, TypeError, UnicodeEncodeError)
_RETRYABLE: Final = frozenset[DbErrorKind]({"serialization", "deadlock"})


@dataclass(frozen=True, slots=True)
class _Facts:
    kind: DbErrorKind
    sqlstate: str | None = None
    error_code: int | None = None
    constraint: str | None = None


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what SQLAlchemy and the driver raise inside as ``DbExecutionError``."""
    try:
        yield
    except StatementError as exc:
        if isinstance(exc.orig, SaigonOrmError):
            raise exc.orig from exc.orig.__cause__
        raise execution_error(exc) from exc.orig
    except PoolTimeoutError as exc:
        raise DbExecutionError(
            "no connection of the pool came free in time", kind="timeout"
        ) from exc
    except PendingRollbackError as exc:
        raise DbExecutionError("the connection was lost earlier", kind="aborted") from exc


def refused_value(context: "ExceptionContext") -> DbExecutionError | None:
    """Return the error for a value that the driver could not even send.

    Drivers have no error of their own for it, and SQLAlchemy passes what they raise as it is.
    """
    error = context.original_exception
    if context.sqlalchemy_exception or not isinstance(error, _UNSENDABLE):
        return None
    return DbExecutionError(
        "the driver cannot send a value: text with half of a surrogate pair, a number or a date "
        f"out of its range, or a type that it does not know ({type(error).__name__})",
        kind="other",
    )


def execution_error(exc: StatementError) -> DbExecutionError:
    """Return the error that stands for SQLAlchemy's, with the same facts on every database."""
    facts = _facts(exc)
    return DbExecutionError(
        _message(exc, facts),
        kind=facts.kind,
        sqlstate=facts.sqlstate,
        error_code=facts.error_code,
        constraint=facts.constraint,
        retryable=facts.kind in _RETRYABLE,
    )


def error_kind(error: BaseException) -> DbErrorKind:
    """Return the kind of a driver's own error."""
    return _driver_facts(error).kind


def _driver_facts(error: BaseException | None) -> _Facts:
    read = _READERS.get(_driver(error))
    return _Facts("other") if read is None else read(error)


def _facts(exc: StatementError) -> _Facts:
    facts = _driver_facts(exc.orig)
    if facts.kind == "other" and isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return _Facts("connection", facts.sqlstate, facts.error_code)
    return facts


def _driver(error: BaseException | None) -> str:
    # psycopg's SQLSTATE classes live in psycopg.errors, so the first part is what tells.
    return next(
        (
            root
            for base in type(error).__mro__
            if (root := base.__module__.partition(".")[0]) in _READERS
        ),
        "",
    )


def _postgresql_facts(error: Any) -> _Facts:
    sqlstate: str | None = error.sqlstate
    if sqlstate is None:
        return _Facts(_kind_without_sqlstate(error))
    kind: DbErrorKind = _SQLSTATES.get(sqlstate) or _SQLSTATE_CLASSES.get(sqlstate[:2], "other")
    return _Facts(kind, sqlstate, None, error.diag.constraint_name)


def _kind_without_sqlstate(error: Any) -> DbErrorKind:
    """Read libpq's text: for a failed connection attempt it gives no SQLSTATE."""
    names = {base.__name__ for base in type(error).__mro__}
    text = str(error)
    if "OperationalError" not in names or _TOO_MANY_VALUES in text:
        return "other"
    if _AUTH_TEXT.search(text) or _refused_in_another_language(error.pgconn, text):
        return "auth"
    return "connection"


def _refused_in_another_language(attempt: Any, text: str) -> bool:
    """Tell whether a server refused with words of its ``lc_messages`` after asking for a password.

    Most often it is the password then. A database that does not exist, said in that language,
    counts too, because a login that was rotated must not be taken for a lost connection.

    See Also:
        https://www.postgresql.org/docs/current/libpq-status.html#LIBPQ-PQCONNECTIONUSEDPASSWORD
    """
    asked = attempt is not None and (attempt.used_password or attempt.needs_password)
    return asked and _SERVER_SAYS in text and not _OTHER_TEXT.search(text)


def _mysql_facts(error: Any) -> _Facts:
    errno, text = _mysql_arguments(error)
    kind: DbErrorKind = _KIND_OF_ERRNO.get(errno, "other")
    if errno == _MYSQL_OPTION_PREVENTS and re.search("read[-_]only", text):
        kind = "read_only"
    match = _MYSQL_CONSTRAINT.search(text) if kind in {"unique", "foreign_key", "check"} else None
    constraint = match[match.lastgroup] if match and match.lastgroup else None
    return _Facts(kind, getattr(error, "sqlstate", None), errno or None, constraint)


def _mysql_arguments(error: BaseException) -> tuple[int, str]:
    match error.args:
        case (int(errno), str(text), *_):
            return errno, text
        case _:
            return 0, ""


def _sqlite_facts(error: Any) -> _Facts:
    code: int = getattr(error, "sqlite_errorcode", 0)
    kind: DbErrorKind = _SQLITE_CODES.get(code) or _SQLITE_CODES.get(
        code & _SQLITE_PRIMARY, "other"
    )
    match = _SQLITE_CONSTRAINT.search(str(error)) if kind in {"unique", "check"} else None
    return _Facts(kind, None, code or None, match["name"] if match else None)


_READERS: Final = {
    "psycopg": _postgresql_facts,
    "pymysql": _mysql_facts,
    "sqlite3": _sqlite_facts,
}


def _message(exc: StatementError, facts: _Facts) -> str:
    what = f"{facts.kind} error" if facts.kind != "other" else "database error"
    where = f" on {facts.constraint}" if facts.constraint else ""
    codes = [str(code) for code in (facts.error_code, facts.sqlstate) if code is not None]
    name = getattr(exc.orig, "sqlite_errorname", None) or type(exc.orig).__name__
    return f"{what}{where} ({' '.join([name, *codes])})"
