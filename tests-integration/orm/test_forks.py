"""A forked child has a pool of its own and cannot touch its parent's work."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from saigon.orm.connection import DbConnector

PRELUDE = """
import os, sys
from sqlalchemy import text
from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import TransactionUsageError

INSERT = text("INSERT INTO t VALUES (:i)")
ALL = text("SELECT i FROM t ORDER BY i")
db = DbConnector(sys.argv[1])
db.execute(text("CREATE TABLE t (i INTEGER)"))

def joined(child):
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def rows():
    return [row.i for row in db.fetch_all(ALL)]
"""


def run(script: str, url: str, *, logs: bool = False) -> None:
    command = [sys.executable, "-c", PRELUDE + script, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "" if logs else done.stderr) == (0, ""), done.stderr


def test_a_child_has_connections_of_its_own(database_url: str) -> None:
    run(
        """
with db.engine.connect() as one, db.engine.connect() as two:  # two in the pool
    parents = db.engine
child = os.fork()
if child == 0:
    assert db.engine is not parents
    for i in range(3):
        db.execute(INSERT, {"i": i})
    with transaction_context(db):
        db.execute(INSERT, {"i": 3})
    db.dispose()
    sys.exit()  # with all that Python does at its end
joined(child)
for i in range(4, 7):
    db.execute(INSERT, {"i": i})
with db.engine.connect() as one, db.engine.connect() as two:
    assert db.engine is parents
assert rows() == list(range(7))
""",
        database_url,
    )


def test_a_child_that_ends_leaves_its_parents_transaction_alone(database_url: str) -> None:
    run(
        """
def leave(how):
    child = None
    try:
        with transaction_context(db):
            db.execute(INSERT, {"i": 1})
            child = os.fork()
            if child == 0:
                how()
            else:
                joined(child)
                db.execute(INSERT, {"i": 2})
    except TransactionUsageError:  # the commit of a child that just goes on
        assert child == 0
        sys.exit()

for how in (sys.exit, lambda: os._exit(0), lambda: None):
    leave(how)
assert rows() == [1, 1, 1, 2, 2, 2]
""",
        database_url,
    )


def test_a_parents_transaction_is_refused_in_its_child(database_url: str) -> None:
    run(
        """
with transaction_context(db) as transaction:
    db.execute(INSERT, {"i": 1})
    child = os.fork()
    if child == 0:
        for use in (lambda: db.execute(INSERT, {"i": 9}), lambda: transaction.connection):
            try:
                use()
            except TransactionUsageError as error:
                assert "another process" in str(error)
            else:
                os._exit(1)
        sys.exit()
    joined(child)
    db.execute(INSERT, {"i": 2})
assert rows() == [1, 2]
""",
        database_url,
    )


def test_a_child_commits_nothing_of_its_parents_connection(database_url: str) -> None:
    run(
        """
with db.engine.connect() as connection:
    connection.execute(INSERT, {"i": 1})
    child = os.fork()
    if child == 0:
        try:
            connection.commit()
        except TransactionUsageError:
            sys.exit()
        os._exit(1)
    joined(child)
    connection.rollback()
assert rows() == []
""",
        database_url,
    )


def test_a_child_that_drops_a_stream_leaves_it_to_its_parent(database_url: str) -> None:
    run(
        """
db.execute(INSERT, [{"i": i} for i in range(5_000)])
with db.engine.connect() as connection:
    options = {"stream_results": True, "max_row_buffer": 10}
    stream = connection.execute(ALL, execution_options=options)
    first = stream.fetchone()
    child = os.fork()
    if child == 0:
        stream.close()
        sys.exit()
    joined(child)
    assert [first.i, *(row.i for row in stream)] == list(range(5_000))
""",
        database_url,
        logs=True,  # SQLAlchemy's, about a cursor that cannot be closed
    )


def insert(db: DbConnector | str, i: int) -> None:
    connector = DbConnector(db) if isinstance(db, str) else db
    connector.execute(text("INSERT INTO t VALUES (:i)"), {"i": i})


def test_multiprocessing_forks_with_the_connector(database_url: str) -> None:
    with DbConnector(database_url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=insert, args=(db, i)) for i in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        insert(db, 3)
        rows = db.fetch_all(text("SELECT i FROM t ORDER BY i"))
        assert [row.i for row in rows] == [0, 1, 2, 3]


def test_multiprocessing_spawns_with_the_address(database_url: str, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(
        """
import multiprocessing, sys
from sqlalchemy import text
from saigon.orm.connection import DbConnector

def insert(url, i):
    with DbConnector(url) as db:
        db.execute(text("INSERT INTO t VALUES (:i)"), {"i": i})

if __name__ == "__main__":
    with DbConnector(sys.argv[1]) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
        context = multiprocessing.get_context("spawn")
        with context.Pool(2) as pool:
            pool.starmap(insert, [(sys.argv[1], i) for i in range(2)])
            try:
                pool.apply(insert, (db, 9))
            except TypeError as error:
                assert "make one in each process" in str(error)
        assert len(db.fetch_all(text("SELECT i FROM t"))) == 2
"""
    )
    command = [sys.executable, str(script), database_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
