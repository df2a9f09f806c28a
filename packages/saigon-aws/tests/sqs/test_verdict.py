"""Each error of a database has one consequence."""

from types import SimpleNamespace

import pytest

from saigon.aws.sqs._database.verdict import verdict_on
from saigon.orm.exceptions import DbErrorKind, DbExecutionError


def verdict(
    dialect: str,
    *,
    kind: DbErrorKind = "other",
    sqlstate: str | None = None,
    code: int | None = None,
    cause: BaseException | None = None,
) -> str:
    error = DbExecutionError("", kind=kind, sqlstate=sqlstate, error_code=code)
    error.__cause__ = cause
    return verdict_on(error, dialect).name


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        *((code, "BAD_MESSAGE") for code in ("22001", "22P02", "23502", "23503", "23505", "23514")),
        *((code, "BAD_MESSAGE") for code in ("40002", "44000", "54000", "P0001", "P0004")),
        *((code, "RETRY") for code in ("40001", "40P01", "55P03", "57014", "26000", "42P05")),
        *((code, "OUTAGE") for code in ("08006", "57P01", "57P02", "57P03", "25006", "58030")),
        *((code, "OUTAGE") for code in ("53100", "53200", "53300")),
        *((code, "OUTAGE") for code in ("08000", "08P01")),  # of RDS Proxy, of PgBouncer
        *((code, "REFUSED") for code in ("42P01", "42703", "42501", "42804", "42P10", "28P01")),
        *((code, "REFUSED") for code in ("0A000", "54023", "XX000")),
    ],
)
def test_postgresql(sqlstate: str, expected: str) -> None:
    assert verdict("postgresql", sqlstate=sqlstate) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, "BAD_MESSAGE") for code in (1048, 1062, 1264, 1406, 1452, 3819, 4025, 1366, 3140)),
        *((code, "BAD_MESSAGE") for code in (4035, 4036, 4037, 4039, 4040)),  # MariaDB's, JSON
        *((code, "BAD_MESSAGE") for code in (1139, 1172, 1242)),
        *((code, "RETRY") for code in (1205, 1213, 1180, 3101, 1020)),
        *((code, "OUTAGE") for code in (1040, 1053, 1290, 1792, 1836, 2003, 2006, 2013, 4031)),
        *((code, "OUTAGE") for code in (1047, 3032, 9501)),  # of Galera, offline, of RDS Proxy
        *((code, "REFUSED") for code in (1044, 1045, 1054, 1064, 1142, 1143, 1146, 1305)),
    ],
)
def test_mysql(code: int, expected: str) -> None:
    assert verdict("mysql", code=code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [(2067, "BAD_MESSAGE"), (20, "BAD_MESSAGE"), (13, "OUTAGE"), (14, "OUTAGE"), (1, "REFUSED")],
)
def test_sqlite(code: int, expected: str) -> None:
    assert verdict("sqlite", code=code) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("not_null", "BAD_MESSAGE"),
        ("deadlock", "RETRY"),
        ("timeout", "RETRY"),
        ("aborted", "RETRY"),
        ("connection", "OUTAGE"),
        ("read_only", "OUTAGE"),
        ("auth", "REFUSED"),
        ("other", "REFUSED"),
    ],
)
def test_without_a_code_the_kind_decides(kind: DbErrorKind, expected: str) -> None:
    assert verdict("postgresql", kind=kind) == expected


def test_a_row_that_a_policy_refuses_is_told_from_a_missing_grant() -> None:
    for function, expected in (("ExecWithCheckOptions", "BAD_MESSAGE"), ("aclcheck", "REFUSED")):
        cause = Exception()
        cause.diag = SimpleNamespace(source_function=function)  # type: ignore[attr-defined]  # psycopg's
        assert verdict("postgresql", sqlstate="42501", cause=cause) == expected


def test_a_value_that_the_driver_can_not_send_is_the_messages_fault() -> None:
    assert verdict("sqlite", cause=OverflowError()) == "BAD_MESSAGE"
    assert verdict("postgresql", cause=LookupError()) == "BAD_MESSAGE"  # of an Enum column
    assert verdict("postgresql", cause=type("DataError", (Exception,), {})()) == "BAD_MESSAGE"
    assert verdict("postgresql", cause=type("ProgrammingError", (Exception,), {})()) == "REFUSED"
