"""A forked child has a pool of its own and cannot touch its parent's work."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from saigon.orm.connection import DbConnector

# One process for all, because starting it takes longer than what it proves.
CASES = """
import os, sys, threading
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
    found = [row.i for row in db.fetch_all(ALL)]
    db.execute(text("DELETE FROM t"))
    return found

def a_child_has_connections_of_its_own():
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

def a_child_that_ends_leaves_its_parents_transaction_alone(how):
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
    assert rows() == [1, 2]

def a_parents_transaction_is_refused_in_its_child():
    with transaction_context(db) as transaction:
        db.execute(INSERT, {"i": 1})
        child = os.fork()
        if child == 0:
            uses = (lambda: db.execute(INSERT, {"i": 9}), lambda: transaction.connection, db.ping)
            for use in uses:
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

def a_child_commits_nothing_of_its_parents_connection():
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

def a_child_that_drops_a_stream_leaves_it_to_its_parent():
    db.execute(INSERT, [{"i": i} for i in range(5_000)])
    with db.engine.connect() as connection:
        options = {"stream_results": True, "max_row_buffer": 10}
        stream = connection.execute(ALL, execution_options=options)
        first = stream.fetchone()
        child = os.fork()
        if child == 0:
            sys.stderr = open(os.devnull, "w")  # for those who complain of the lost cursor
            stream.close()
            sys.exit()
        joined(child)
        assert [first.i, *(row.i for row in stream)] == list(range(5_000))
    rows()

def workers_are_forked_while_the_parents_threads_are_at_work():
    may_end = threading.Event()
    failures = []

    def work(start):
        try:
            for i in range(5):
                db.execute(INSERT, {"i": start + i})
        except BaseException as error:
            failures.append(error)

    def at_work():
        while not may_end.is_set():
            work(1_000)

    def in_threads(target, *starts):
        threads = [threading.Thread(target=target, args=(start,)) for start in starts]
        for thread in threads:
            thread.start()
        return threads

    parents = [threading.Thread(target=at_work) for _ in range(2)]
    for thread in parents:
        thread.start()
    children = []
    for worker in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            for thread in in_threads(work, worker * 100, worker * 100 + 50):
                thread.join()
            os._exit(len(failures))
    for child in children:
        joined(child)
    may_end.set()
    for thread in parents:
        thread.join()
    assert failures == []
    assert len([i for i in rows() if i < 1_000]) == 3 * 2 * 5

a_child_has_connections_of_its_own()
for how in (sys.exit, lambda: os._exit(0), lambda: None):
    a_child_that_ends_leaves_its_parents_transaction_alone(how)
a_parents_transaction_is_refused_in_its_child()
a_child_commits_nothing_of_its_parents_connection()
a_child_that_drops_a_stream_leaves_it_to_its_parent()
if db.dialect_name != "sqlite":  # its locks are of a process and not known to a child
    workers_are_forked_while_the_parents_threads_are_at_work()
"""


def run(*arguments: str) -> None:
    # Newer Pythons warn of each fork with threads around.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_child_and_its_parent_leave_each_other_alone(database_url: str) -> None:
    run("-c", CASES, database_url)


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


@pytest.mark.slow  # it starts five processes
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
    run(str(script), database_url)
