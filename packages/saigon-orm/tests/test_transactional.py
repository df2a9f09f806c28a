"""A unit of work as a function: run again, and decorated."""

# the whole block must fail, that is what it is for
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from saigon.orm._transactions.retry import _jittered_delay
from saigon.orm.connection import DbConnector, Transaction, transaction_context, transactional
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def failing(times: int, kind: str = "deadlock") -> Callable[[Transaction], int]:
    calls: list[Transaction] = []

    def work(transaction: Transaction) -> int:
        calls.append(transaction)
        if len(calls) <= times:
            raise DbExecutionError("x", kind=kind, retryable=kind == "deadlock")  # type: ignore[arg-type]  # one of them
        return len(calls)

    return work


def test_a_transaction_runs_again_only_where_asked(db: DbConnector) -> None:
    assert db.run_in_transaction(failing(0)) == 1
    assert db.run_in_transaction(failing(2), retries=2) == 3
    with pytest.raises(DbExecutionError):
        db.run_in_transaction(failing(1))
    with pytest.raises(DbExecutionError):
        db.run_in_transaction(failing(3), retries=2)


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.05), (3, 0.4), (6, 2.0), (5_000, 2.0)])
def test_the_delays_between_attempts_are_random_and_bounded(attempt: int, longest: float) -> None:
    delays = [_jittered_delay(attempt) for _ in range(100)]
    assert all(0 <= delay <= longest for delay in delays)
    assert max(delays) > longest / 2
    assert len(set(delays)) > 1


def test_only_what_may_succeed_is_run_again(db: DbConnector) -> None:
    with pytest.raises(DbExecutionError) as caught:
        db.run_in_transaction(failing(1, "unique"), retries=5)
    assert caught.value.kind == "unique"


def test_retries_belong_to_the_outermost_transaction(db: DbConnector) -> None:
    with transaction_context(db):
        assert db.run_in_transaction(failing(0)) == 1
        with pytest.raises(TransactionUsageError, match="outermost"):
            db.run_in_transaction(failing(0), retries=1)
    with pytest.raises(ValueError, match="retries"):
        db.run_in_transaction(failing(0), retries=-1)


def test_a_function_can_be_a_unit_of_work(db: DbConnector, people: Table) -> None:
    @transactional(db, retries=1)
    def hire(*hired: str) -> int:
        for name in hired:
            add(db, people, name)
        return len(hired)

    assert hire("Ada", "Bob") == 2
    assert hire.__name__ == "hire"
    with pytest.raises(DbExecutionError):
        hire("Cleo", "Ada")
    assert names(db, people) == ["Ada", "Bob"]


def test_only_plain_functions_are_units_of_work(db: DbConnector) -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[None]:
        yield

    for function in (coroutine, generator):
        with pytest.raises(TypeError, match="after the commit"):
            transactional(db)(function)


def test_a_function_without_a_database_is_refused() -> None:
    @transactional()
    def work() -> None: ...

    with pytest.raises(TypeError, match="db_connector"):
        work()


def test_a_function_that_turns_out_to_be_a_coroutine_is_refused(
    db: DbConnector, people: Table
) -> None:
    async def later(_transaction: Transaction | None = None) -> None: ...

    def work() -> object:
        add(db, people, "Ada")
        return later()

    for run in (lambda: db.run_in_transaction(later), transactional(db)(work)):
        with pytest.raises(TypeError, match="after the commit"):
            run()
    assert names(db, people) == []


def test_a_function_that_turns_out_to_be_a_generator_is_refused(
    db: DbConnector, people: Table
) -> None:
    def one_by_one() -> Iterator[None]:
        add(db, people, "Bob")
        yield

    def work() -> object:
        add(db, people, "Ada")
        return one_by_one()

    with pytest.raises(TypeError, match="after the commit"):
        transactional(db)(work)()
    assert names(db, people) == []


def test_the_decorator_without_parentheses_is_refused() -> None:
    decorator: Any = transactional
    with pytest.raises(TypeError, match="@transactional"):
        decorator(failing(0))


def test_a_block_is_no_decorator(db: DbConnector) -> None:
    """Over a generator function or an ``async def`` it would end before the body begins."""
    block: Any = transaction_context(db)
    with pytest.raises(TypeError, match="not callable"):
        block(failing(0))
