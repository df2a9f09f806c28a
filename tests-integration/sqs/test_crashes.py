"""Whatever dies when: the keys in the database are those that were sent, once each.

Deaths in this process, at points that are certain; ``test_proof.py`` leaves them to chance.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Table, select, text

from saigon.aws.sqs import OnConflict, RowCounts, TableStatementBuilder
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
Body = Callable[..., str]
MESSAGES = 25


class Crash(BaseException):
    """The process dies here."""


class CrashingClient:
    """A client whose process dies at the first delete, before or after it was done."""

    def __init__(self, client: Any, *, done: bool) -> None:
        self._client, self._done = client, done

    def delete_message_batch(self, **request: Any) -> Any:
        if self._done:
            self._client.delete_message_batch(**request)
        raise Crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class CrashingBuilder(TableStatementBuilder):
    """Dies in the transaction, when the rows are written and not committed."""

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        super().write_rows(db_connector, rows)
        raise Crash


@pytest.fixture
def sent(queue: StrictQueue, order_json: Body) -> list[str]:
    names = [f"a{number:03}" for number in range(MESSAGES)]
    for name in names:
        queue.put(order_json(name))
    return names


@pytest.fixture
def die_and_drain(queue: StrictQueue, sqs: LocalSqs, make_forwarder: Make) -> Callable[..., None]:
    """Run a worker to its death, then another one with the rest until the queue is empty."""

    def run(dying: Any, **options: Any) -> None:
        with pytest.raises(Crash):
            dying.run()
        forwarder = make_forwarder(**options)
        while queue.messages:
            sqs.advance(1000)
            forwarder.forward()

    return run


def check(connector: DbConnector, table: Table, sent: Sequence[str]) -> None:
    assert Counter(connector.fetch_all(select(table.c.id))) == Counter((name,) for name in sent)


def test_before_the_commit(
    *, sent: Any, connector: DbConnector, orders: Table, make_forwarder: Make, die_and_drain: Any
) -> None:
    die_and_drain(make_forwarder(target=CrashingBuilder(orders, key="id")))
    check(connector, orders, sent)


@pytest.mark.parametrize("done", [False, True], ids=["committed", "half deleted"])
def test_after_the_commit(
    *,
    done: bool,
    sent: Any,
    connector: DbConnector,
    orders: Table,
    make_forwarder: Make,
    die_and_drain: Any,
    sqs: LocalSqs,
) -> None:
    die_and_drain(make_forwarder(sqs_client=CrashingClient(sqs.client(), done=done)))
    check(connector, orders, sent)


class KilledBuilder(TableStatementBuilder):
    """The database ends the session of the first write, before or instead of its commit."""

    def __init__(self, table: Table, administrator: DbConnector) -> None:
        super().__init__(table, key="id")
        self._administrator: DbConnector | None = administrator

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        counts = super().write_rows(db_connector, rows)
        if self._administrator is not None:
            administrator, self._administrator = self._administrator, None
            administrator.execute(_kill(db_connector))
        return counts


def _kill(connector: DbConnector) -> Any:
    if connector.dialect_name == "postgresql":
        number = connector.fetch_scalar(text("SELECT pg_backend_pid()"))
        return text(f"SELECT pg_terminate_backend({number}, 5000)")
    number = connector.fetch_scalar(text("SELECT connection_id()"))
    return text(f"KILL {number}")


def test_a_session_that_the_database_ends_is_an_outage_that_passes(
    *,
    sent: Any,
    database_url: str,
    connector: DbConnector,
    orders: Table,
    make_forwarder: Make,
    queue: StrictQueue,
) -> None:
    if connector.dialect_name == "sqlite":
        pytest.skip("SQLite has no sessions")
    stop = threading.Event()
    with DbConnector(database_url) as administrator:
        builder = KilledBuilder(orders, administrator)
        forwarder = make_forwarder(target=builder, hooks=[lambda _: stop.set()])
        result = forwarder.run(stop)
    assert (result.received, result.deleted) == (MESSAGES, MESSAGES)
    assert [message.receive_count for message in queue.messages] == []
    check(connector, orders, sent)


@pytest.fixture
def workers(queue: StrictQueue, make_forwarder: Make, sqs: LocalSqs) -> Callable[..., None]:
    def run(**options: Any) -> None:
        stop = threading.Event()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                make_forwarder(**options).run(stop)
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(2000):
            if errors or not queue.messages:
                break
            sqs.advance(5)  # what was not deleted soon comes again, to another worker
            stop.wait(0.01)
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not errors

    return run


def test_workers_that_get_messages_twice_and_in_any_order_store_the_newest_once(
    *,
    connector: DbConnector,
    orders: Table,
    queue: StrictQueue,
    order_json: Body,
    workers: Callable[..., None],
) -> None:
    chance = random.Random(7)
    messages = [(f"a{n:02}", version) for n in range(40) for version in (1, 2, 3)]
    chance.shuffle(messages)
    for name, version in messages:
        queue.put(order_json(name, version=version))
    queue.deliver_twice = True
    builder = TableStatementBuilder(
        orders, key="id", on_conflict=OnConflict.UPDATE, newer_by="version"
    )
    workers(target=builder)
    rows = connector.fetch_all(select(orders.c.id, orders.c.version))
    assert Counter(map(tuple, rows)) == Counter((f"a{n:02}", 3) for n in range(40))
