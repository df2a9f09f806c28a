import sqlite3
from typing import Any

import psycopg.errors
import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, StatementError

from saigon.orm._errors import error_kind, execution_error
from saigon.orm.exceptions import DbExecutionError


def wrapped(error: Exception) -> DbExecutionError:
    base: Any = Exception
    return execution_error(DBAPIError("SELECT 's3cret'", {"p": "s3cret"}, error, base))


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("23505", "unique"),
        ("23P01", "unique"),
        ("23503", "foreign_key"),
        ("23502", "not_null"),
        ("23514", "check"),
        ("40001", "serialization"),
        ("40P01", "deadlock"),
        ("57014", "timeout"),
        ("55P03", "timeout"),
        ("57P01", "connection"),
        ("53300", "connection"),
        ("08006", "connection"),
        ("25006", "read_only"),
        ("28P01", "auth"),
        ("25P02", "aborted"),
        ("42P01", "other"),
        ("22001", "other"),
    ],
)
def test_a_sqlstate_has_its_kind(sqlstate: str, kind: str) -> None:
    error = wrapped(psycopg.errors.lookup(sqlstate)("s3cret"))
    assert (error.kind, error.sqlstate) == (kind, sqlstate)
    assert error.retryable is (kind in {"serialization", "deadlock"})
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('FATAL:  password authentication failed for user "u"', "auth"),
        ('FATAL:  no pg_hba.conf entry for host "h"', "auth"),
        ('FATAL:  role "u" does not exist', "auth"),
        ('FATAL:  database "d" does not exist', "connection"),
        ("FATAL:  the database system is starting up", "connection"),
        ("server closed the connection unexpectedly", "connection"),
        ("number of parameters must be between 0 and 65535", "other"),
    ],
)
def test_libpq_says_in_words_why_it_did_not_connect(message: str, kind: str) -> None:
    assert error_kind(psycopg.OperationalError(message)) == kind


@pytest.mark.parametrize(
    ("errno", "text", "kind", "constraint"),
    [
        (
            1062,
            "Duplicate entry 'x' for key 'a' for key 'orders.uq_code'",
            "unique",
            "orders.uq_code",
        ),
        (1452, "… (`d`.`t`, CONSTRAINT `fk_boss` FOREIGN KEY (`b`) …", "foreign_key", "fk_boss"),
        (1048, "Column 'x' cannot be null", "not_null", None),
        (3819, "Check constraint 'ck_level' is violated.", "check", "ck_level"),
        (4025, "CONSTRAINT `ck_level` failed for `d`.`t`", "check", "ck_level"),
        (1213, "Deadlock found", "deadlock", None),
        (1205, "Lock wait timeout exceeded", "timeout", None),
        (1020, "Record has changed since last read", "serialization", None),
        (3024, "maximum statement execution time exceeded", "timeout", None),
        (2006, "MySQL server has gone away", "connection", None),
        (1040, "Too many connections", "connection", None),
        (1045, "Access denied for user 'u'@'h'", "auth", None),
        (1130, "Host 'h' is not allowed to connect to this MySQL server", "auth", None),
        (3955, "Access denied for user 'u'@'h'. Account is blocked", "auth", None),
        (1290, "The MySQL server is running with the --read-only option", "read_only", None),
        (1290, "… running with the --secure-file-priv option", "other", None),
        (1792, "Cannot execute statement in a READ ONLY transaction.", "read_only", None),
        (1146, "Table 'd.t' doesn't exist", "other", None),
    ],
)
def test_a_mysql_number_has_its_kind(
    errno: int, text: str, kind: str, constraint: str | None
) -> None:
    error = wrapped(pymysql.OperationalError(errno, text))
    assert (error.kind, error.error_code, error.constraint) == (kind, errno, constraint)


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("s3cret")
    error.sqlite_errorcode = getattr(sqlite3, name)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_CONSTRAINT_UNIQUE", "unique"),
        ("SQLITE_CONSTRAINT_PRIMARYKEY", "unique"),
        ("SQLITE_CONSTRAINT_FOREIGNKEY", "foreign_key"),
        ("SQLITE_CONSTRAINT_NOTNULL", "not_null"),
        ("SQLITE_CONSTRAINT_CHECK", "check"),
        ("SQLITE_CONSTRAINT_TRIGGER", "other"),
        ("SQLITE_BUSY", "timeout"),
        ("SQLITE_BUSY_SNAPSHOT", "serialization"),
        ("SQLITE_BUSY_RECOVERY", "timeout"),
        ("SQLITE_LOCKED", "timeout"),
        ("SQLITE_READONLY_DBMOVED", "read_only"),
        ("SQLITE_CANTOPEN", "connection"),
        ("SQLITE_ERROR", "other"),
    ],
)
def test_a_sqlite_code_has_its_kind(name: str, kind: str) -> None:
    error = wrapped(sqlite_error(name))
    assert error.kind == kind
    assert name in str(error)
    assert "s3cret" not in str(error)


def test_an_error_of_no_known_driver_is_another_error() -> None:
    error = execution_error(StatementError("s3cret", "SELECT 1", {}, ValueError("s3cret")))
    assert (error.kind, str(error)) == ("other", "database error (ValueError)")
