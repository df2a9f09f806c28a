"""Whose fault a database error is: the message's, the moment's, the database's or ours."""

import re
from enum import Enum, auto
from typing import Final

from saigon.aws.sqs._parse import BAD_VALUE
from saigon.orm.exceptions import DbErrorKind, DbExecutionError


class Verdict(Enum):
    """What follows from an error."""

    BAD_MESSAGE = auto()
    """The row is refused and would be again."""
    RETRY = auto()
    """The same transaction may succeed now."""
    OUTAGE = auto()
    """The database can not be written to for a while."""
    REFUSED = auto()
    """The statement can not work; no message is to blame. Whatever is not known is this."""


_BY_KIND: Final[dict[DbErrorKind, Verdict]] = {
    "unique": Verdict.BAD_MESSAGE,
    "foreign_key": Verdict.BAD_MESSAGE,
    "not_null": Verdict.BAD_MESSAGE,
    "check": Verdict.BAD_MESSAGE,
    "serialization": Verdict.RETRY,
    "deadlock": Verdict.RETRY,
    "timeout": Verdict.RETRY,
    "aborted": Verdict.RETRY,
    "connection": Verdict.OUTAGE,
    "read_only": Verdict.OUTAGE,
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
# 22 data, 23 constraint, 40002 constraint at commit, 44 view's check option, 45 SIGNAL,
# 54 too large for an index, P0001 RAISE of a trigger; 08 and 57P connection, 53 exhausted.
_BY_SQLSTATE: Final = (
    (("22", "23", "40002", "44", "45", "54", "P0001"), Verdict.BAD_MESSAGE),
    (("40", "55P03", "57014"), Verdict.RETRY),
    (("08", "53", "57P", "25006"), Verdict.OUTAGE),
)

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_BY_ERRNO: Final = (
    (
        frozenset(
            {1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1451, 1452}
            | {1525, 1526, 1644, 1690, 3140, 3156, 3819, 4025}
        ),
        Verdict.BAD_MESSAGE,
    ),
    (frozenset({1205, 1213}), Verdict.RETRY),
    (
        frozenset({1021, 1037, 1040, 1041, 1053, 1114, 1203, 1226, 1290, 1792, 1836})
        | frozenset({2002, 2003, 2006, 2013, 3989, 4031}),
        Verdict.OUTAGE,
    ),
)

# https://www.sqlite.org/rescode.html: TOOBIG, MISMATCH, CONSTRAINT; IOERR, FULL, CANTOPEN
_BY_SQLITE_CODE: Final = {
    18: Verdict.BAD_MESSAGE,
    20: Verdict.BAD_MESSAGE,
    19: Verdict.BAD_MESSAGE,
    10: Verdict.OUTAGE,
    13: Verdict.OUTAGE,
    14: Verdict.OUTAGE,
}
_SQLITE_PRIMARY: Final = 0xFF

# PyMySQL's word for NaN and the infinities, in an error that otherwise means a wrong statement.
_NO_NUMBER: Final = re.compile(r"can not be used with MySQL$")


def verdict_on(error: DbExecutionError, dialect_name: str) -> Verdict:
    """Return what follows from an error, by its codes first and its kind then."""
    return _by_code(error, dialect_name) or _BY_KIND.get(error.kind) or _by_cause(error.__cause__)


def _by_code(error: DbExecutionError, dialect_name: str) -> Verdict | None:
    if dialect_name == "sqlite":
        return _BY_SQLITE_CODE.get((error.error_code or 0) & _SQLITE_PRIMARY)
    for prefixes, verdict in _BY_SQLSTATE:
        if error.sqlstate is not None and error.sqlstate.startswith(prefixes):
            return verdict
    for errnos, verdict in _BY_ERRNO:
        if error.error_code in errnos:
            return verdict
    return None


def _by_cause(cause: BaseException | None) -> Verdict:
    # What drivers and column types raise before they send a value that can not be one: a NUL in a
    # text, an integer that is too large. Without a code of the server nothing else is known of it.
    is_data_error = any(base.__name__ == "DataError" for base in type(cause).__mro__)
    is_bad = is_data_error or isinstance(cause, BAD_VALUE) or _NO_NUMBER.search(str(cause))
    return Verdict.BAD_MESSAGE if is_bad else Verdict.REFUSED
