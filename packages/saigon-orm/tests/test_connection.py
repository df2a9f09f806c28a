import copy
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    delete,
    insert,
    make_url,
    select,
    text,
    update,
)

from saigon.model import BaseModelNoExtra
from saigon.model.interface import DbLogin
from saigon.orm._reflection import backoff_delay
from saigon.orm.connection import DbConnector, ExecuteResult, transaction_context
from saigon.orm.exceptions import (
    DbConfigurationError,
    DbExecutionError,
    MissingExtraError,
    MultipleRowsError,
    TableNotFoundError,
    TransactionUsageError,
)


class Person(BaseModelNoExtra):
    id: int
    name: str
    boss: int | None


def test_the_dialect_is_known_without_a_driver_or_a_connection() -> None:
    names = {
        url: DbConnector(url).dialect_name
        for url in (
            "postgresql://u@nowhere/d",
            "postgres://u@nowhere/d",
            "mysql://u@nowhere/d",
            "mariadb://u@nowhere/d",
            "sqlite://",
        )
    }
    assert list(names.values()) == ["postgresql", "postgresql", "mysql", "mysql", "sqlite"]


@pytest.mark.parametrize(
    "url", ["no url", "oracle://u:hunter2@h/d", "postgresql+psycopg2://u:hunter2@h/d", "://hunter2"]
)
def test_an_unusable_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(DbConfigurationError) as caught:
        DbConnector(url)
    assert "hunter2" not in str(caught.value)


def test_the_password_is_in_no_text_of_the_connector() -> None:
    connector = DbConnector("postgresql://u:hunter2@nowhere/d")
    texts = (repr(connector), str(connector), repr(connector.engine), str(connector.engine.url))
    assert not any("hunter2" in shown for shown in texts)
    assert connector.engine.url.password is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@nowhere/d?password=hunter2",
        "postgresql://nowhere/d?user=u&password=hunter2&sslpassword=hunter2x",
        "mysql://u@nowhere/d?passwd=hunter2",
        "mysql://nowhere/d?user=u&password=hunter2",
    ],
)
@pytest.mark.parametrize("provided", [False, True])
def test_a_login_in_the_query_of_a_url_is_hidden_and_used(
    url: str, monkeypatch: pytest.MonkeyPatch, *, provided: bool
) -> None:
    class Provider:
        def get_credentials(self, *, refresh: bool = False) -> DbLogin:
            return DbLogin("someone", SecretStr("else"))

    connector = DbConnector(url, credentials_provider=Provider() if provided else None)
    texts = (repr(connector), repr(vars(connector)), repr(connector.engine))
    assert not any("hunter2" in shown for shown in texts)
    driver = connector.engine.dialect.loaded_dbapi
    calls: list[dict[str, Any]] = []

    def connect(*_args: Any, **kwargs: Any) -> None:
        calls.append(kwargs)
        raise driver.OperationalError(2003, "not here")

    if connector.dialect_name == "postgresql":
        monkeypatch.setattr(driver, "connect", connect)
    else:
        monkeypatch.setattr(driver.connections.Connection, "__init__", connect)
    with pytest.raises(DbExecutionError):
        connector.ping()
    login = {key: calls[0].get(key) for key in ("user", "password", "passwd")}
    password = "else" if provided else "hunter2"
    expected = password if connector.dialect_name == "postgresql" else password.encode()
    user = "someone" if provided else "u"
    assert login == {"user": user, "password": expected, "passwd": None}


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/d", "mysql://u@127.0.0.1:1/d"])
@pytest.mark.parametrize("answer", [None, ("u", "hunter2"), DbLogin("u", "hunter2")], ids=type)  # type: ignore[arg-type]
def test_a_provider_of_anything_but_logins_is_refused(url: str, answer: Any) -> None:
    class Provider:
        def get_credentials(self, *, refresh: bool = False) -> DbLogin:
            return answer  # type: ignore[no-any-return]

    with (
        DbConnector(url, credentials_provider=Provider()) as db,
        pytest.raises(DbConfigurationError, match="DbLogin with a SecretStr") as caught,
    ):
        db.ping()
    assert "hunter2" not in str(caught.value)


def test_a_connector_is_not_pickled(db: DbConnector) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(db)
    with pytest.raises(TypeError, match="make one in each process"):
        copy.deepcopy(db)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtraError, match=r"saigon-orm\[mysql\]"):
        DbConnector("mysql://u@nowhere/d").ping()


def test_the_engine_is_made_once_for_all_threads(db_url: str) -> None:
    connector, engines, start = DbConnector(db_url), [], threading.Barrier(8)

    def use() -> None:
        start.wait()
        engines.append(connector.engine)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, engines))) == 1


def test_a_string_is_not_a_statement(db: DbConnector) -> None:
    calls: list[Any] = [db.execute, db.fetch_one, db.fetch_all, db.fetch_iter, db.fetch_scalar]
    for call in calls:
        with pytest.raises(TypeError, match=r"sqlalchemy\.text"):
            call("SELECT 1")


def test_execute_tells_what_it_did(db: DbConnector, people: Table) -> None:
    one = db.execute(insert(people), {"name": "Ada"})
    assert (one.rowcount, one.rows, one.inserted_primary_key) == (1, (), (1,))
    two = db.execute(insert(people), [{"name": "Bob"}, {"name": "Cleo"}])
    assert (two.rowcount, two.inserted_primary_key) == (2, None)
    back = db.execute(insert(people).values(name="Dan").returning(people.c.id))
    assert ([tuple(row) for row in back.rows], back.inserted_primary_key) == ([(4,)], None)
    assert db.execute(update(people).values(boss=1)).rowcount == 4
    assert db.execute(delete(people).where(people.c.id > 99)).rowcount == 0
    assert [tuple(row) for row in db.execute(select(people.c.name)).rows][:1] == [("Ada",)]


def test_a_statement_runs_once_for_each_of_no_parameters(db: DbConnector) -> None:
    counters = Table("counters", MetaData(), Column("id", Integer, primary_key=True))
    counters.metadata.create_all(db.engine)
    assert db.execute(insert(counters), []) == ExecuteResult(rowcount=0)
    assert db.fetch_all(select(counters)) == []
    with pytest.raises(TransactionUsageError):
        db.execute(insert(counters), [], require_transaction=True)


def test_rows_of_different_columns_are_not_written_together(db: DbConnector, people: Table) -> None:
    # SQLAlchemy would write the second one without its boss.
    with pytest.raises(ValueError, match="same columns"):
        db.execute(insert(people), [{"name": "an"}, {"name": "bình", "boss": 1}])
    assert db.fetch_all(select(people)) == []
    named = text("INSERT INTO people (name) VALUES (:name)")
    assert db.execute(named, [{"name": "an"}, {"name": "bình", "boss": 1}]).rowcount == 2


def test_fetching_gives_rows_or_models(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": "Ada"}, {"name": "Bob"}])
    ada = select(people).where(people.c.name == "Ada")
    assert db.fetch_one(ada, model=Person) == Person(id=1, name="Ada", boss=None)
    row = db.fetch_one(text("SELECT id FROM people WHERE name = :name"), {"name": "Bob"})
    assert row is not None
    assert row.id == 2
    assert [person.name for person in db.fetch_all(select(people), model=Person)] == ["Ada", "Bob"]
    assert [person.id for person in db.fetch_iter(select(people), model=Person)] == [1, 2]
    assert [row.name for row in db.fetch_iter(select(people))] == ["Ada", "Bob"]
    assert db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 2


def test_no_row_is_none_and_two_are_an_error(db: DbConnector, people: Table) -> None:
    assert db.fetch_one(select(people)) is None
    assert db.fetch_scalar(select(people)) is None
    db.execute(insert(people), [{"name": "Ada"}, {"name": "Bob"}])
    with pytest.raises(MultipleRowsError):
        db.fetch_one(select(people))


def test_a_row_that_is_no_model_is_a_validation_error(db: DbConnector) -> None:
    with pytest.raises(ValidationError):
        db.fetch_one(text("SELECT 1 AS id, 'x' AS other"), model=Person)


def test_each_call_outside_a_transaction_is_committed(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), {"name": "Ada"})
    with pytest.raises(DbExecutionError):
        db.execute(insert(people), {"name": "Ada"})
    assert db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 1


def test_a_statement_may_insist_on_a_transaction(db: DbConnector, people: Table) -> None:
    with pytest.raises(TransactionUsageError, match="transaction_context"):
        db.execute(insert(people), {"name": "Ada"}, require_transaction=True)
    with transaction_context(db):
        db.execute(insert(people), {"name": "Ada"}, require_transaction=True)


def test_a_stream_outside_a_transaction_lets_others_read(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": str(n)} for n in range(2_500)])
    stream = db.fetch_iter(select(people.c.id).order_by(people.c.id))
    first = next(stream)
    assert db.fetch_scalar(text("SELECT COUNT(*) FROM people")) == 2_500
    assert [first.id, *(row.id for row in stream)] == list(range(1, 2_501))


def test_a_stream_ends_with_its_transaction(file_db: DbConnector) -> None:
    numbers = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"
    )
    with transaction_context(file_db):
        stream = file_db.fetch_iter(numbers)
        next(stream)
    with pytest.raises(TransactionUsageError, match="ended"):
        list(stream)


def test_reflection_reads_tables(db: DbConnector, people: Table) -> None:
    assert list(db.reflect().tables) == ["people"]
    mine = MetaData()
    assert db.reflect(["people"], metadata=mine) is mine
    assert mine.tables["people"].c.keys() == ["id", "name", "boss"]
    with pytest.raises(TableNotFoundError, match="nothing"):
        db.reflect(["people", "nothing"])


@pytest.mark.parametrize(
    ("attempt", "longest"), [(0, 0.5), (1, 1.0), (5, 16.0), (6, 30.0), (5_000, 30.0)]
)
def test_the_waits_of_a_reflection_double_up_to_a_bound(attempt: int, longest: float) -> None:
    delays = [backoff_delay(0.5, attempt) for _ in range(50)]
    assert all(longest / 2 <= delay <= longest for delay in delays)
    assert len(set(delays)) > 1


def test_reflection_waits_for_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    connector = DbConnector(f"sqlite:///{folder / 'test.db'}")
    with pytest.raises(DbExecutionError) as caught:
        connector.reflect(retries=1, backoff=0)
    assert caught.value.kind == "connection"
    timer = threading.Timer(0.05, folder.mkdir)
    timer.start()
    assert connector.reflect(retries=10, backoff=0.01).tables == {}
    timer.join()
    connector.dispose()


def test_ping_says_nothing_or_raises(db: DbConnector, tmp_path: Path) -> None:
    db.ping()
    with pytest.raises(DbExecutionError) as caught:
        DbConnector(f"sqlite:///{tmp_path / 'no' / 'such.db'}").ping()
    assert caught.value.kind == "connection"


def test_ping_inside_a_block_asks_on_its_connection(db_url: str) -> None:
    with (
        DbConnector(db_url, pool_size=1, max_overflow=0, pool_timeout=0.01) as db,
        transaction_context(db),
    ):
        db.ping()


def test_a_connector_works_again_after_dispose(file_db: DbConnector) -> None:
    file_db.ping()
    before = file_db.engine
    file_db.dispose()
    file_db.dispose()
    file_db.ping()
    assert file_db.engine is not before


def test_a_pool_without_a_free_connection_is_a_timeout(db_url: str) -> None:
    with (
        DbConnector(db_url, pool_size=1, max_overflow=0, pool_timeout=0.01) as db,
        db.engine.connect(),
        pytest.raises(DbExecutionError, match="pool") as caught,
    ):
        db.ping()
    assert caught.value.kind == "timeout"


_FORK = """
import os, sys
from sqlalchemy import text
from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import TransactionUsageError

db = DbConnector(sys.argv[1])
with transaction_context(db):
    parent = db.engine
    db.execute(text("CREATE TABLE t (i INTEGER)"))
    child = os.fork()
    if child == 0:
        assert db.engine is not parent
        try:
            db.ping()
            db.execute(text("SELECT 1"))
        except TransactionUsageError:
            os._exit(42)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    db.execute(text("INSERT INTO t VALUES (1)"))
assert db.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 1
"""


def test_a_forked_child_has_connections_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FORK, f"sqlite:///{tmp_path / 'fork.db'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_url_object_and_its_text_are_the_same(tmp_path: Path) -> None:
    url = make_url(f"sqlite:///{tmp_path / 'same.db'}")
    with DbConnector(url) as one, DbConnector(str(url)) as two:
        one.execute(text("CREATE TABLE t (i INTEGER)"))
        assert list(two.reflect().tables) == ["t"]
