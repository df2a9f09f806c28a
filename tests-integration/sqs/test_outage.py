"""The database is away for longer than messages are hidden."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from saigon.aws.sqs.testing import LocalSqs, StoredMessage, StrictQueue
from saigon.orm.connection import DbConnector
from tools.proof import CASES, Fleet, Plan, exhausted, orders, read_only
from tools.services import PrivateServer

MESSAGES = 200
VISIBILITY = 3
CASE = "ignore"
TABLE = CASES[CASE].table


@pytest.fixture(scope="module")
def sqs() -> Iterator[LocalSqs]:
    with LocalSqs(clock=time.monotonic) as sqs:
        yield sqs


@pytest.fixture
def database_url(private_server: PrivateServer) -> str:
    url = private_server.new_database()
    with DbConnector(url) as connector:
        TABLE.create(connector.engine)
    return url


@pytest.fixture
def dead_letters(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue()


@pytest.fixture
def make_queue(sqs: LocalSqs, dead_letters: StrictQueue) -> Callable[[], StrictQueue]:
    return lambda: sqs.create_queue(dead_letter=dead_letters, max_receive_count=3)


@pytest.fixture
def a_worker(database_url: str, tmp_path: Path) -> Callable[[StrictQueue], Fleet]:
    def make(queue: StrictQueue) -> Fleet:
        return Fleet(
            Plan(
                case=CASE,
                database_url=database_url,
                queue_url=queue.url,
                folder=tmp_path / queue.name,
                workers=1,
                visibility_timeout=VISIBILITY,
            )
        )

    return make


def fill(queue: StrictQueue, count: int) -> list[StoredMessage]:
    for order in orders(count, Random(7)).good:
        queue.put(json.dumps({**order, "id": f"{queue.name} {count}: {order['id']}"}))
    return queue.messages


def held(queue: StrictQueue) -> set[StoredMessage]:
    return {message for message in queue.messages if queue.is_in_flight(message)}


def wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def last(seconds: float) -> None:
    """Let an outage last."""
    time.sleep(seconds)


def test_in_an_outage_receive_counts_rise_by_one_where_a_worker_was_killed_and_not_elsewhere(
    *,
    private_server: PrivateServer,
    database_url: str,
    make_queue: Callable[[], StrictQueue],
    a_worker: Callable[[StrictQueue], Fleet],
    dead_letters: StrictQueue,
) -> None:
    living, dying = make_queue(), make_queue()
    with a_worker(living), a_worker(dying) as doomed:
        sent, others_sent = fill(living, 1), fill(dying, 1)
        wait_until(lambda: not living.messages and not dying.messages)
        with read_only(private_server):
            sent += fill(living, MESSAGES)
            others_sent += fill(dying, MESSAGES)
            wait_until(lambda: held(living) and held(dying))
            last(1)
            with exhausted(private_server, database_url):
                last(1)
                held_by_living, held_by_killed = held(living), held(dying)
                doomed.kill_one()
                last(VISIBILITY)
                private_server.kill()
                last(VISIBILITY)
                assert held(living) == held_by_living
                private_server.start()
        wait_until(lambda: not living.messages and not dying.messages)
    assert {message.receive_count for message in sent} == {1}
    assert {message.receive_count for message in held_by_killed} == {2}
    assert {message.receive_count for message in {*others_sent} - held_by_killed} == {1}
    assert len(held_by_living) < MESSAGES  # it received no more than it may hold
    assert dead_letters.messages == []
    with DbConnector(database_url) as connector:
        stored = connector.fetch_all(select(TABLE.c.id))
    assert sorted(row.id for row in stored) == sorted(
        json.loads(message.body)["id"] for message in [*sent, *others_sent]
    )
