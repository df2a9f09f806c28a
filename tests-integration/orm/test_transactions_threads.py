"""Many threads that transfer money at once: whatever fails, none is made and none is lost."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, update

from saigon.orm.connection import DbConnector, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError

ACCOUNTS = 8
EACH = 100


class RefusedError(Exception):
    """A transfer that its own code gives up."""


@pytest.fixture
def bank(database_url: str) -> Iterator[DbConnector]:
    with DbConnector(database_url, pool_size=4, max_overflow=4) as db:
        ledger.metadata.create_all(db.engine)
        db.execute(insert(ledger), [{"id": n, "amount": EACH} for n in range(ACCOUNTS)])
        yield db


ledger = Table(
    "ledger",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("amount", Integer, nullable=False),
)


class Teller:
    """One thread's worth of transfers, some of which fail in one way or another."""

    def __init__(self, db: DbConnector, seed: int) -> None:
        self.db = db
        self.random = random.Random(seed)  # no secret
        self.done = 0

    def move(self, account: int, amount: int) -> None:
        column = ledger.c.amount
        changed = update(ledger).where(ledger.c.id == account).values(amount=column + amount)
        assert self.db.execute(changed, require_transaction=True).rowcount == 1

    def transfer(self, _transaction: Transaction) -> None:
        source, target = self.random.sample(range(ACCOUNTS), 2)
        amount = self.random.randint(1, 20)
        self.move(source, -amount)
        self.fail_sometimes()
        with suppress(RefusedError), transaction_context(self.db, savepoint=True):
            self.move(source, -5)
            self.fail_sometimes()
            self.move(target, 5)
            self.break_sometimes()
        with transaction_context(self.db):
            self.move(target, amount)
        self.fail_sometimes()

    def fail_sometimes(self) -> None:
        if self.random.random() < 0.1:
            raise RefusedError

    def break_sometimes(self) -> None:
        if self.random.random() < 0.3:
            with suppress(DbExecutionError):
                self.db.execute(insert(ledger), {"id": 0, "amount": 1})
            raise RefusedError

    def work(self, transfers: int) -> int:
        for _ in range(transfers):
            with suppress(RefusedError):
                self.db.run_in_transaction(self.transfer, retries=50)
                self.done += 1
        return self.done


def check(bank: DbConnector, *, threads: int, transfers: int) -> None:
    """Count the money all the while, and at the end."""
    total, over = select(func.sum(ledger.c.amount)), threading.Event()

    def audit() -> set[int]:
        seen = set()
        while not over.wait(0.001):
            seen.add(int(bank.fetch_scalar(total)))
        return seen

    with ThreadPoolExecutor(threads + 1) as pool:
        auditing = pool.submit(audit)
        tellers = [pool.submit(Teller(bank, seed).work, transfers) for seed in range(threads)]
        try:
            done = [teller.result() for teller in tellers]
        finally:
            over.set()
        assert auditing.result() <= {ACCOUNTS * EACH}
    assert bank.fetch_scalar(total) == ACCOUNTS * EACH
    assert all(done)
    assert bank.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool


def test_the_sum_stays_right(bank: DbConnector) -> None:
    check(bank, threads=8, transfers=8)


@pytest.mark.slow
def test_the_sum_stays_right_for_long(bank: DbConnector) -> None:
    check(bank, threads=16, transfers=150)
