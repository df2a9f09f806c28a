"""Whose fault a database error is: the message's, the moment's, the database's or ours."""

import re
from enum import Enum, auto
from typing import Final

from saigon.aws.rds.exceptions import RdsError
from saigon.aws.secrets.exceptions import SecretError, SecretUnavailableError
from saigon.aws.sqs._message.parser import BAD_VALUE
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    ForwarderError,
    StatementRefusedError,
)
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
# 22 data, 23 constraint, 40002 constraint at commit, 44 view's check option, 45 SIGNAL, 54000 and
# 54001 too large for an index or nested too deeply, P0 RAISE of a trigger; 26000 and 42P05 a
# prepared statement that a pooler lost or gave to another; 08 and 57P connection, 53 exhausted,
# 58 the disk. PgBouncer says 08P01 and 57P03, RDS Proxy's borrow time-out is 08000.
_BY_SQLSTATE: Final = (
    (("22", "23", "40002", "44", "45", "54000", "54001", "P0"), Verdict.BAD_MESSAGE),
    (("40", "26000", "42P05", "55P03", "57014"), Verdict.RETRY),
    (("08", "53", "57P", "58", "25006"), Verdict.OUTAGE),
)

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
# https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference (4025, 4035 on)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html (9501)
_BY_ERRNO: Final = (
    (
        frozenset(
            {1022, 1048, 1062, 1118, 1153, 1169, 1216, 1217, 1264, 1265, 1292, 1300, 1364, 1365}
            | {1366, 1367, 1406, 1411, 1416, 1441, 1451, 1452, 1525, 1526, 1557, 1586, 1644, 1690}
            | {1761, 1762, 3140, 3141, 3150, 3156, 3157, 3819, 3854, 3988, 4025}
            # MariaDB's for JSON; a regular expression that is none; one row wanted, more found.
            | {4035, 4036, 4037, 4038, 4039, 4040, 1139, 1172, 1242}
        ),
        Verdict.BAD_MESSAGE,
    ),
    # Galera and Group Replication find a conflict at the commit: 1180, 3101.
    (frozenset({1020, 1180, 1205, 1213, 1614, 3101}), Verdict.RETRY),
    (
        # 1047 a Galera node without the others; 1026, 1030, 1114 the disk; 3032, 3168 offline.
        frozenset({1021, 1026, 1030, 1037, 1040, 1041, 1047, 1053, 1114, 1135, 1203, 1226, 1290})
        | frozenset(
            {1792, 1836, 1927, 2002, 2003, 2006, 2013, 3032, 3100, 3168, 3169, 3989, 4031, 9501}
        ),
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

# Where PostgreSQL refuses a row by a policy; its SQLSTATE says no more than a missing grant's.
_BY_POLICY: Final = "ExecWithCheckOptions"

# PyMySQL's word for NaN and the infinities, in an error that otherwise means a wrong statement.
_NO_NUMBER: Final = re.compile(r"can not be used with MySQL$")


def verdict_on(error: DbExecutionError, dialect_name: str) -> Verdict:
    """Return what follows from an error, by its codes first and its kind then."""
    return _by_code(error, dialect_name) or _BY_KIND.get(error.kind) or _by_cause(error.__cause__)


LOGIN_ERRORS: Final = (SecretError, RdsError)
"""What providers of logins raise when a connection is made."""


def forwarder_error(error: DbExecutionError, dialect_name: str) -> ForwarderError:
    """Return what the forwarder raises for an error that is no message's fault."""
    verdict = verdict_on(error, dialect_name)
    error.__cause__ = error.__context__ = None  # the driver's, whose text may quote values
    if verdict is Verdict.REFUSED:
        return StatementRefusedError(f"the database refused the statement: {error}")
    return DatabaseUnavailableError(f"the database can not be written to: {error}")


def login_error(error: SecretError | RdsError) -> ForwarderError:
    """Return what the forwarder raises when the database's login could not be had."""
    if isinstance(error, SecretUnavailableError | RdsError):
        return DatabaseUnavailableError(f"no login for the database can be had: {error}")
    return StatementRefusedError(f"there is no login for the database: {error}")


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
    is_bad = (
        is_data_error
        or isinstance(cause, BAD_VALUE)
        or _NO_NUMBER.search(str(cause))
        or getattr(getattr(cause, "diag", None), "source_function", None) == _BY_POLICY
    )
    return Verdict.BAD_MESSAGE if is_bad else Verdict.REFUSED
