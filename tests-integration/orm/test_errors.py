import pickle
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    make_url,
    text,
)

from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError


@pytest.fixture
def rules(db: DbConnector) -> Table:
    table = Table(
        "rules",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("code", String(20), nullable=False),
        Column("level", Integer, nullable=False, default=1),
        UniqueConstraint("code", name="uq_code"),
        CheckConstraint("level > 0", name="ck_level"),
    )
    table.metadata.create_all(db.engine)
    return table


def failure(call: Callable[[], object]) -> DbExecutionError:
    with pytest.raises(DbExecutionError) as caught:
        call()
    return caught.value


def test_a_duplicate_is_a_unique_error(db: DbConnector, rules: Table) -> None:
    db.execute(insert(rules), {"code": "s3cret"})
    error = failure(lambda: db.execute(insert(rules), {"code": "s3cret"}))
    assert error.kind == "unique"
    assert error.constraint == ("rules.code" if db.dialect_name == "sqlite" else "uq_code")
    if hasattr(error.__cause__, "sqlstate"):  # PyMySQL gives it from 1.2 on
        assert error.sqlstate == {"postgresql": "23505", "mysql": "23000"}[db.dialect_name]
    assert error.error_code == {"mysql": 1062, "sqlite": 2067}.get(db.dialect_name)
    assert "s3cret" not in str(error)
    assert not error.retryable
    assert type(error.__cause__).__module__.partition(".")[0] in {"psycopg", "pymysql", "sqlite3"}


def test_the_other_constraints_have_their_kinds(db: DbConnector, rules: Table) -> None:
    missing = failure(lambda: db.execute(insert(rules), {"code": None}))
    assert missing.kind == "not_null"
    wrong = failure(lambda: db.execute(insert(rules), {"code": "a", "level": 0}))
    assert (wrong.kind, wrong.constraint) == ("check", "ck_level")


def test_a_missing_row_is_a_foreign_key_error(db: DbConnector, people: Table) -> None:
    error = failure(lambda: db.execute(insert(people), {"name": "Ada", "boss": 99}))
    assert error.kind == "foreign_key"
    assert error.constraint == (None if db.dialect_name == "sqlite" else "fk_boss")


def test_a_mistake_in_the_statement_is_another_error(db: DbConnector) -> None:
    error = failure(lambda: db.execute(text("SELECT 's3cret' FROM nowhere")))
    assert error.kind == "other"
    assert "s3cret" not in str(error)


def test_a_missing_parameter_is_another_error(db: DbConnector) -> None:
    error = failure(lambda: db.execute(text("SELECT :a"), {"b": "s3cret"}))
    assert error.kind == "other"
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("s3cret\ud800", id="half-a-surrogate-pair"),
        pytest.param({"s3cret": 1}, id="unknown-type"),
    ],
)
def test_a_value_that_cannot_be_sent_is_another_error(db: DbConnector, value: Any) -> None:
    with transaction_context(db):
        error = failure(lambda: db.execute(text("SELECT :a"), {"a": value}))
        assert db.fetch_scalar(text("SELECT 1")) == 1
    assert error.kind == "other"
    assert "s3cret" not in str(error)


def test_writing_where_only_reading_is_agreed_is_a_read_only_error(
    db: DbConnector, rules: Table
) -> None:
    def write() -> None:
        with transaction_context(db, read_only=True):
            db.execute(insert(rules), {"code": "a"})

    assert failure(write).kind == "read_only"
    db.execute(insert(rules), {"code": "a"})


def test_waiting_for_a_lock_in_vain_is_a_timeout(
    db: DbConnector, rules: Table, database_url: str
) -> None:
    db.execute(insert(rules), {"code": "a"})
    impatience = {
        "postgresql": "SET lock_timeout = '50ms'",
        "mysql": "SET innodb_lock_wait_timeout = 1",
        "sqlite": "SELECT 1",
    }[db.dialect_name]
    url = make_url(database_url)
    if db.dialect_name == "sqlite":
        url = url.update_query_dict({"timeout": "0.05"})

    def wait(other: DbConnector) -> None:
        with transaction_context(other):
            other.execute(text(impatience))
            other.execute(text("UPDATE rules SET level = 3"))

    with DbConnector(url) as other, transaction_context(db):
        db.execute(text("UPDATE rules SET level = 2"))
        assert failure(lambda: wait(other)).kind == "timeout"


def test_an_unreachable_server_is_a_connection_error(free_port: int) -> None:
    for scheme in ("postgresql", "mysql"):
        connector = DbConnector(f"{scheme}://u:hunter2@127.0.0.1:{free_port}/d")
        error = failure(connector.ping)
        assert error.kind == "connection"
        assert "hunter2" not in f"{error}{error.__cause__}"


def test_an_error_crosses_processes(db: DbConnector, rules: Table) -> None:
    db.execute(insert(rules), {"code": "a"})
    error = failure(lambda: db.execute(insert(rules), {"code": "a"}))
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.kind, copied.constraint) == (
        str(error),
        error.kind,
        error.constraint,
    )
