# ruff: noqa: PT012, SIM117  # the whole block must fail, that is what it is for
import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm._transactions.retry import _jittered_delay
from saigon.orm.connection import DbConnector, Transaction, transaction_context, transactional
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError


def names(db: DbConnector, people: Table) -> list[str]:
    return [row.name for row in db.fetch_all(select(people.c.name).order_by(people.c.name))]


def add(db: DbConnector, people: Table, name: str) -> None:
    db.execute(insert(people), {"name": name})


def test_a_block_is_committed_at_its_end(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


def test_a_block_that_an_error_leaves_is_rolled_back(db: DbConnector, people: Table) -> None:
    with pytest.raises(KeyError), transaction_context(db):
        add(db, people, "Ada")
        raise KeyError
    assert names(db, people) == []


def test_an_empty_block_is_fine(db: DbConnector) -> None:
    with transaction_context(db):
        pass


def test_an_inner_block_joins(db: DbConnector, people: Table) -> None:
    with transaction_context(db) as outer:
        add(db, people, "Ada")
        with transaction_context(db) as inner:
            add(db, people, "Bob")
        assert inner == outer
    assert names(db, people) == ["Ada", "Bob"]


def test_an_inner_failure_that_is_caught_still_ends_the_whole(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError, match="KeyError") as caught, transaction_context(db):
        add(db, people, "Ada")
        with suppress(KeyError), transaction_context(db):
            add(db, people, "Bob")
            raise KeyError("Bob is a secret")
    assert caught.value.kind == "aborted"
    assert isinstance(caught.value.__cause__, KeyError)
    assert "secret" not in str(caught.value)
    assert names(db, people) == []


def test_a_savepoint_fails_by_itself(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        with suppress(DbExecutionError), transaction_context(db, savepoint=True):
            add(db, people, "Bob")
            add(db, people, "Ada")
        with transaction_context(db, savepoint=True):
            add(db, people, "Cleo")
    assert names(db, people) == ["Ada", "Cleo"]


def test_savepoints_nest(db: DbConnector, people: Table) -> None:
    with transaction_context(db, savepoint=True):
        with suppress(KeyError), transaction_context(db, savepoint=True):
            add(db, people, "Ada")
            with transaction_context(db, savepoint=True):
                add(db, people, "Bob")
            raise KeyError
        add(db, people, "Cleo")
    assert names(db, people) == ["Cleo"]


def test_a_failed_join_inside_a_savepoint_is_healed_by_it(db: DbConnector, people: Table) -> None:
    with transaction_context(db):
        with (
            pytest.raises(DbExecutionError, match="aborted"),
            transaction_context(db, savepoint=True),
        ):
            add(db, people, "Ada")
            with suppress(KeyError), transaction_context(db):
                raise KeyError
        add(db, people, "Bob")
    assert names(db, people) == ["Bob"]


def test_an_error_that_ends_the_transaction_is_never_a_success(
    db: DbConnector, people: Table
) -> None:
    add(db, people, "Ada")
    with pytest.raises(DbExecutionError) as caught, transaction_context(db):
        add(db, people, "Bob")
        with suppress(DbExecutionError):
            db.execute(text("INSERT OR ROLLBACK INTO people (name) VALUES ('Ada')"))
        with pytest.raises(DbExecutionError, match="aborted"):
            add(db, people, "Cleo")
    cause = caught.value.__cause__
    assert caught.value.kind == "aborted"
    assert isinstance(cause, DbExecutionError)
    assert cause.kind == "unique"
    assert names(db, people) == ["Ada"]


def test_such_an_error_on_the_raw_connection_counts_too(db: DbConnector, people: Table) -> None:
    add(db, people, "Ada")
    with pytest.raises(DbExecutionError, match="aborted"), transaction_context(db) as transaction:
        statement = text("INSERT OR ROLLBACK INTO people (name) VALUES ('Ada')")
        with suppress(SQLAlchemyError):
            transaction.connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "COMMIT",
        "rollback",
        " ; /* all */ END -- now",
        "-- all\nCOMMIT TRANSACTION",
        "ROLLBACK TRANSACTION",
        "BEGIN IMMEDIATE",
    ],
)
def test_a_transaction_is_not_ended_by_hand(db: DbConnector, people: Table, statement: str) -> None:
    with transaction_context(db) as transaction:
        add(db, people, "Ada")
        with pytest.raises(TransactionUsageError, match="leave the block"):
            db.execute(text(statement))
        with pytest.raises(TransactionUsageError, match="leave the block"):
            transaction.connection.exec_driver_sql(statement)
        add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


@pytest.mark.parametrize("statement", ["ROLLBACK TO mark", "ROLLBACK TRANSACTION TO mark"])
def test_savepoints_by_hand_are_allowed(db: DbConnector, people: Table, statement: str) -> None:
    with transaction_context(db):
        add(db, people, "Ada")
        db.execute(text("SAVEPOINT mark"))
        add(db, people, "Bob")
        db.execute(text(statement))
    assert names(db, people) == ["Ada"]


def test_a_transaction_that_the_driver_ended_is_no_success(db: DbConnector, people: Table) -> None:
    for end in ("ROLLBACK", "COMMIT"):
        with pytest.raises(DbExecutionError, match="ended inside"):
            with transaction_context(db) as transaction:
                transaction.connection.connection.cursor().execute(end)
                with suppress(DbExecutionError):
                    db.fetch_scalar(text("SELECT 1"))
                with pytest.raises(DbExecutionError, match="aborted"):
                    add(db, people, "Ada")
    assert names(db, people) == []


def test_a_transaction_that_the_driver_ended_last_is_no_success(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError, match="no open transaction"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            transaction.connection.connection.cursor().execute("ROLLBACK")
    assert names(db, people) == []


def test_a_commit_by_hand_commits_nothing(db: DbConnector, people: Table) -> None:
    with pytest.raises(DbExecutionError, match="by hand"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            with pytest.raises(TransactionUsageError, match="at its end"):
                transaction.connection.commit()
    assert names(db, people) == []
    add(db, people, "Bob")
    assert names(db, people) == ["Bob"]


def test_a_rollback_by_hand_is_no_success(db: DbConnector, people: Table) -> None:
    with pytest.raises(DbExecutionError, match="by hand"):
        with transaction_context(db) as transaction:
            add(db, people, "Ada")
            transaction.connection.rollback()
            with pytest.raises(DbExecutionError, match="by hand"):
                add(db, people, "Bob")
    assert names(db, people) == []


def test_a_connection_that_is_taken_from_the_pool_is_watched_on(file_db: DbConnector) -> None:
    file_db.execute(text("CREATE TABLE t (i INTEGER)"))
    with transaction_context(file_db) as transaction:
        transaction.connection.detach()
        file_db.execute(text("INSERT INTO t VALUES (1)"))
    assert file_db.fetch_scalar(text("SELECT i FROM t")) == 1


def test_errors_of_the_raw_connection_leave_the_block_translated(
    db: DbConnector, people: Table
) -> None:
    with pytest.raises(DbExecutionError) as caught, transaction_context(db) as transaction:
        transaction.connection.execute(insert(people), {"name": None})
    assert caught.value.kind == "not_null"


def test_two_connectors_have_two_transactions(db: DbConnector, people: Table) -> None:
    with DbConnector("sqlite://") as other:
        with transaction_context(other):
            other.execute(text("CREATE TABLE t (i INTEGER)"))
            with suppress(KeyError), transaction_context(db):
                add(db, people, "Ada")
                other.execute(text("INSERT INTO t VALUES (1)"))
                raise KeyError
        assert other.fetch_scalar(text("SELECT COUNT(*) FROM t")) == 1
    assert names(db, people) == []


def test_a_read_only_block_refuses_to_write(db: DbConnector, people: Table) -> None:
    for _ in range(2):
        with pytest.raises(DbExecutionError) as caught, transaction_context(db, read_only=True):
            add(db, people, "Ada")
        assert caught.value.kind == "read_only"
        with transaction_context(db):
            add(db, people, "Bob")
            db.execute(text("DELETE FROM people"))


def test_a_join_cannot_change_the_transaction(db: DbConnector) -> None:
    with transaction_context(db, isolation="SERIALIZABLE", read_only=True):
        with (
            transaction_context(db, isolation="SERIALIZABLE"),
            transaction_context(db, read_only=True),
        ):
            pass
        with (
            pytest.raises(TransactionUsageError, match="isolation"),
            transaction_context(db, isolation="READ COMMITTED"),
        ):
            pass
    with (
        transaction_context(db),
        pytest.raises(TransactionUsageError, match="read-only"),
        transaction_context(db, read_only=True),
    ):
        pass


def test_a_transaction_is_of_no_use_after_its_block(db: DbConnector) -> None:
    with transaction_context(db) as transaction:
        context = contextvars.copy_context()
    with pytest.raises(TransactionUsageError, match="ended"):
        _ = transaction.connection
    with pytest.raises(TransactionUsageError, match="ended"):
        context.run(db.execute, text("SELECT 1"))


def in_thread(call: Callable[[], object]) -> BaseException | None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except Exception as exc:  # noqa: BLE001  # handed over to the test
            caught.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return caught[0] if caught else None


def test_another_thread_has_no_part_in_a_transaction(file_db: DbConnector) -> None:
    file_db.execute(text("CREATE TABLE t (i INTEGER)"))
    with transaction_context(file_db) as transaction:
        file_db.execute(text("INSERT INTO t VALUES (1)"))
        counted: list[int] = []
        count = text("SELECT COUNT(*) FROM t")
        assert in_thread(lambda: counted.append(file_db.fetch_scalar(count))) is None
        assert counted == [0]
        assert isinstance(in_thread(lambda: transaction.connection), TransactionUsageError)
        context = contextvars.copy_context()
        error = in_thread(lambda: context.run(file_db.fetch_scalar, count))
        assert isinstance(error, TransactionUsageError)


def test_another_task_has_no_part_in_a_transaction(db: DbConnector) -> None:
    async def child() -> None:
        db.fetch_scalar(text("SELECT 1"))

    async def parent() -> None:
        with transaction_context(db):
            with pytest.raises(TransactionUsageError, match="task"):
                await asyncio.create_task(child())
            db.fetch_scalar(text("SELECT 1"))

    asyncio.run(parent())


def test_a_task_awaited_in_the_block_may_use_it(db: DbConnector, people: Table) -> None:
    async def helper() -> None:
        add(db, people, "Ada")

    async def parent() -> None:
        with transaction_context(db):
            await helper()

    asyncio.run(parent())
    assert names(db, people) == ["Ada"]


def test_blocks_of_generators_may_end_in_any_order(db: DbConnector, people: Table) -> None:
    other = DbConnector("sqlite://")

    def block(connector: DbConnector) -> Iterator[None]:
        with transaction_context(connector):
            yield

    first, second = block(db), block(other)
    next(first)
    next(second)
    add(db, people, "Ada")
    assert list(first) == []
    assert list(second) == []
    other.dispose()
    add(db, people, "Bob")
    assert names(db, people) == ["Ada", "Bob"]


@pytest.mark.parametrize("savepoint", [False, True])
def test_a_block_does_not_end_before_one_inside_it(
    db: DbConnector, people: Table, savepoint: bool
) -> None:
    def block() -> Iterator[None]:
        with transaction_context(db, savepoint=savepoint):
            add(db, people, "Ada")
            yield

    running = block()
    with pytest.raises(TransactionUsageError, match="inside this one"), transaction_context(db):
        next(running)
    with pytest.raises(TransactionUsageError, match="has ended"):
        next(running)
    assert names(db, people) == []


def test_a_block_that_ends_in_another_thread_is_rolled_back(db: DbConnector, people: Table) -> None:
    def block() -> Iterator[None]:
        with transaction_context(db):
            add(db, people, "Ada")
            yield

    running = block()
    in_thread(lambda: next(running))
    with pytest.raises(TransactionUsageError, match="another process, thread or task"):
        next(running)
    assert names(db, people) == []


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
