import threading
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, update

from saigon.orm.connection import DbConnector, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError


@pytest.fixture(params=["postgresql", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite's writers wait for each other before they begin: they have no deadlocks."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(autouse=True)
def two_people(db: DbConnector, people: Table) -> None:
    db.execute(insert(people), [{"name": "Ada"}, {"name": "Bob"}])


def crossing(
    db: DbConnector, people: Table, *, swallow: bool, retries: int
) -> list[BaseException | None]:
    """Let two threads update two rows in opposite orders, and return how each ended."""
    meet, ends = threading.Barrier(2, timeout=20), dict[int, BaseException | None]()

    def work(transaction: Transaction, first: int, seen: list[int]) -> None:
        touch(first)
        if not seen:
            seen.append(first)
            meet.wait()
        try:
            touch(3 - first)
        except DbExecutionError:
            if not swallow:
                raise
            # On MySQL the connection still says that it is in the transaction.
            with pytest.raises(DbExecutionError, match="aborted"):
                touch(first)

    def touch(key: int) -> None:
        db.execute(update(people).where(people.c.id == key).values(boss=key))

    def run(first: int) -> None:
        seen: list[int] = []
        try:
            db.run_in_transaction(lambda tx: work(tx, first, seen), retries=retries)
            ends[first] = None
        except DbExecutionError as exc:
            ends[first] = exc

    threads = [threading.Thread(target=run, args=(key,)) for key in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(ends.values())


def test_a_deadlock_has_one_victim(db: DbConnector, people: Table) -> None:
    (error,) = [e for e in crossing(db, people, swallow=False, retries=0) if e]
    assert isinstance(error, DbExecutionError)
    assert (error.kind, error.retryable) == ("deadlock", True)


def test_a_swallowed_deadlock_is_no_success(db: DbConnector, people: Table) -> None:
    (error,) = [e for e in crossing(db, people, swallow=True, retries=0) if e]
    assert isinstance(error, DbExecutionError)
    assert (error.kind, error.retryable) == ("aborted", True)
    assert isinstance(error.__cause__, DbExecutionError)
    assert error.__cause__.kind == "deadlock"


@pytest.mark.parametrize("swallow", [False, True])
def test_a_deadlock_is_healed_by_a_retry(db: DbConnector, people: Table, swallow: bool) -> None:
    assert crossing(db, people, swallow=swallow, retries=5) == [None, None]


def test_a_deadlock_inside_a_savepoint_ends_what_the_server_ended(
    db: DbConnector, people: Table
) -> None:
    meet = threading.Barrier(2, timeout=20)
    caught: list[DbExecutionError] = []

    def touch(key: int) -> None:
        db.execute(update(people).where(people.c.id == key).values(boss=key))

    def run(first: int) -> None:
        try:
            with transaction_context(db):
                with suppress(DbExecutionError), transaction_context(db, savepoint=True):
                    touch(first)
                    meet.wait()
                    touch(3 - first)
                touch(first)
        except DbExecutionError as exc:
            caught.append(exc)

    threads = [threading.Thread(target=run, args=(key,)) for key in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {"postgresql": [], "mysql": ["aborted"]}[db.dialect_name]
    assert [error.kind for error in caught] == expected
