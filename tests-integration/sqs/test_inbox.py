"""Each message has its effect once, whoever else is at work, on each database."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import (
    CheckConstraint,
    Column,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    select,
    text,
    update,
)

from saigon.aws.sqs import Inbox, RowCounts, inbox_ddl, inbox_table
from saigon.aws.sqs._database.inbox_writer import InboxWriter
from saigon.aws.sqs._database.writer import Entry
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError

Make = Callable[..., Any]
METADATA = MetaData()
INBOX = inbox_table(METADATA)
ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", String(9), primary_key=True),
    Column("balance", Integer, CheckConstraint("balance >= 0"), nullable=False),
)
BY_ID = Inbox(INBOX, key="id")
SERVERS = pytest.mark.parametrize("database_url", ["postgresql", "mysql"], indirect=True)
"""Those that let two transactions write at once."""
WAITING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx"
    " JOIN information_schema.processlist ON id = trx_mysql_thread_id"
    " WHERE trx_state = 'LOCK WAIT' AND db = database()",
}


class Payment(BaseModel):
    id: str
    account: str
    amount: int


class AddToBalance:
    """Adds each payment to the balance, however often it is asked to."""

    def prepare(self, message_type: type[Any]) -> Executable:
        amount = ACCOUNT.c.balance + bindparam("amount")
        return update(ACCOUNT).where(ACCOUNT.c.id == bindparam("account")).values(balance=amount)

    def get_statement_params(self, message: Payment) -> Mapping[str, Any]:
        return message.model_dump(exclude={"id"})


class Pausing(AddToBalance):
    """Adds in batches, and waits before the transaction ends."""

    key = ()

    def __init__(self) -> None:
        self.added, self.go_on = threading.Event(), threading.Event()

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        db_connector.execute(self.prepare(Payment), [dict(row) for row in rows])
        self.added.set()
        assert self.go_on.wait(30)
        return RowCounts(len(rows))


@pytest.fixture
def connector(database_url: str) -> Iterator[DbConnector]:
    """A database with an account, and an inbox made from the SQL that is given for it."""
    with DbConnector(database_url) as connector:
        ACCOUNT.create(connector.engine)
        for statement in inbox_ddl(connector.dialect_name).split(";\n")[:-1]:
            connector.execute(text(statement))
        connector.execute(ACCOUNT.insert(), {"id": "ann", "balance": 100})
        yield connector


@pytest.fixture
def make(make_forwarder: Make) -> Make:
    defaults = {"message_type": Payment, "target": AddToBalance(), "key": BY_ID}
    return lambda **options: make_forwarder(**(defaults | options))


@pytest.fixture
def balance(connector: DbConnector) -> Callable[[], int]:
    return lambda: int(connector.fetch_scalar(select(ACCOUNT.c.balance)))


def payment(payment_id: str, amount: int = 1) -> str:
    return json.dumps({"id": payment_id, "account": "ann", "amount": amount})


def test_each_message_has_its_effect_once(
    make: Make, queue: StrictQueue, sqs: LocalSqs, balance: Callable[[], int]
) -> None:
    forwarder = make()
    for name in ("a", "A", "a ", "ä", "b" * 5000, "a", "b" * 5000):
        queue.put(payment(name))
    queue.put(payment("large", -150))
    queue.refuse["DeleteMessageBatch"] = ["ServiceUnavailable"] * 3
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, result.retried) == (5, 2, 1)
    assert balance() == 105
    sqs.advance(1000)
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, result.retried) == (0, 7, 1)
    queue.put(payment("bonus", 45))
    forwarder.forward()
    sqs.advance(1000)
    assert forwarder.forward().inserted == 1  # the large one, which was not remembered
    assert balance() == 0


@SERVERS
def test_two_workers_with_one_message_at_once_give_it_one_effect(
    connector: DbConnector, make: Make, balance: Callable[[], int]
) -> None:
    pausing = Pausing()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(make(target=pausing).forward_message, payment("a"))
        assert pausing.added.wait(30)
        second = threads.submit(make().forward_message, payment("a"))
        await_one_that_waits(connector)
        pausing.go_on.set()
        assert (first.result(30), second.result(30)) == (RowCounts(1, 0), RowCounts(0, 1))
    assert balance() == 101


@SERVERS
def test_the_second_worker_goes_on_where_the_first_one_rolls_back(
    connector: DbConnector, make: Make, balance: Callable[[], int]
) -> None:
    class Failing(Pausing):
        def write_rows(
            self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]
        ) -> RowCounts:
            super().write_rows(db_connector, rows)
            raise DbExecutionError("lost", kind="connection")

    failing = Failing()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(make(target=failing).forward_message, payment("a"))
        assert failing.added.wait(30)
        second = threads.submit(make().forward_message, payment("a"))
        await_one_that_waits(connector)
        failing.go_on.set()
        assert second.result(30) == RowCounts(1, 0)
        assert first.exception(30) is not None
    assert balance() == 101


@SERVERS
def test_a_snapshot_from_before_hides_nothing(connector: DbConnector) -> None:
    entry = Entry(ReceivedMessage("1", "", ""), None, ({},), b"k" * 32)
    writes: list[Entry] = []

    def write(_connector: DbConnector, entries: Sequence[Entry], /) -> RowCounts:
        writes.extend(entries)
        return RowCounts(len(entries))

    inbox = InboxWriter(INBOX, "a", write)

    def elsewhere() -> RowCounts:
        with transaction_context(connector):
            return inbox(connector, [entry])

    def after_a_snapshot() -> RowCounts:
        with transaction_context(connector, isolation="REPEATABLE READ"):
            assert connector.fetch_scalar(select(func.count()).select_from(INBOX)) == 0
            with ThreadPoolExecutor(1) as thread:
                assert thread.submit(elsewhere).result(30) == RowCounts(1, 0)
            return inbox(connector, [entry])

    if connector.dialect_name == "mysql":
        assert after_a_snapshot() == RowCounts(0, 1)
    else:  # PostgreSQL says that it has to be done again
        with pytest.raises(DbExecutionError, match="serialization"):
            after_a_snapshot()
    assert writes == [entry]


def test_old_rows_are_purged(connector: DbConnector, make: Make) -> None:
    make().forward_message(payment("new"))
    make().forward_message(payment("old"))
    first = connector.fetch_all(select(INBOX.c.digest))[0][0]
    old = datetime.now(UTC) - timedelta(days=46)
    connector.execute(INBOX.update().where(INBOX.c.digest == first).values(claimed_at=old))
    assert BY_ID.purge(connector, older_than=timedelta(days=45)) == 1
    assert connector.fetch_scalar(select(func.count()).select_from(INBOX)) == 1


def await_one_that_waits(connector: DbConnector) -> None:
    for _ in range(200):
        if connector.fetch_scalar(text(WAITING[connector.dialect_name])):
            return
        time.sleep(0.11)  # MySQL's table stays as it was while it is read more often
    raise AssertionError("nobody waits for a lock")
