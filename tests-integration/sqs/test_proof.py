"""Whatever dies when: each key has the one effect that it should have, and none is lost.

Workers in processes of their own kill themselves, the database ends their sessions, and is itself
killed and stopped, while a queue with a short visibility shuffles messages and delivers some twice.
Two controls do it wrong and must fail: otherwise the proof proves nothing.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector
from tools.proof import (
    CASES,
    POINTS,
    Counts,
    Findings,
    Fleet,
    Plan,
    Point,
    Sent,
    Terminations,
    Trial,
    compare,
    entries,
    orders,
    restart,
    versions,
)
from tools.services import PrivateServer

Row = Mapping[str, Any]

SENDERS = {"ignore": orders, "update": versions, "fifo": entries}


@dataclass(frozen=True)
class Size:
    """How much is done to a queue."""

    messages: int
    kills: int
    terminations: int
    batch_size: int
    timeout: float


SHORT = Size(messages=500, kills=12, terminations=6, batch_size=20, timeout=100)
LONG = Size(messages=20_000, kills=200, terminations=100, batch_size=100, timeout=1500)


@dataclass(frozen=True)
class Outcome:
    """What was sent, and what has come of it."""

    sent: Sent
    rows: list[Row]
    dead: set[str]
    counts: Counts
    terminations: int

    def __str__(self) -> str:
        return (
            f"{self.counts}; {self.terminations} sessions terminated;"
            f" {len(self.rows)} rows, {len(self.dead)} dead letters"
        )


@pytest.fixture(scope="module")
def sqs() -> Iterator[LocalSqs]:
    with LocalSqs(clock=time.monotonic) as sqs:
        yield sqs


@pytest.fixture
def database_url(private_server: PrivateServer) -> str:
    url = private_server.new_database()
    with DbConnector(url) as connector:
        for case in CASES.values():
            case.table.create(connector.engine)
    return url


@pytest.fixture
def queue(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue(dead_letter=sqs.create_queue(), max_receive_count=50)


@pytest.fixture
def outcome_of(
    sqs: LocalSqs, private_server: PrivateServer, database_url: str, tmp_path: Path
) -> Callable[..., Outcome]:
    """Send the messages of a case, and wait until workers that die have emptied the queue."""

    def run(case: str, size: Size, disturbances: Any = ()) -> Outcome:
        is_fifo = case == "fifo"
        dead = sqs.create_queue(fifo=is_fifo)
        queue = sqs.create_queue(
            fifo=is_fifo,
            dead_letter=dead,
            max_receive_count=50,
            shuffled=True,
            duplicates=0.05,
        )
        sent = SENDERS[case](size.messages, Random(7))
        for body, group in sent.bodies:
            queue.put(body, group_id=group)
        plan = Plan(
            case=case,
            database_url=database_url,
            queue_url=queue.url,
            dead_letter_url=dead.url,
            folder=tmp_path / case,
            batch_size=size.batch_size,
        )
        ending = Terminations(private_server, database_url, most=size.terminations)
        with Fleet(plan) as fleet, ending:
            counts = Trial(
                fleet, queue, size.kills, disturbances=disturbances, timeout=size.timeout
            ).run()
        letters = {message.body for message in dead.messages}
        return Outcome(sent, stored(database_url, case), letters, counts, ending.count)

    return run


def stored(database_url: str, case: str) -> list[Row]:
    """Return the rows, in the order in which they were written where that is known."""
    table = CASES[case].table
    order = [table.c.position] if "position" in table.c else []
    with DbConnector(database_url) as connector:
        return [dict(row._mapping) for row in connector.fetch_all(select(table).order_by(*order))]


def identities(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return [
        tuple(value for name, value in sorted(row.items()) if name != "position") for row in rows
    ]


def by_line(rows: Iterable[Row]) -> Mapping[str, list[int]]:
    lines = defaultdict[str, list[int]](list)
    for row in rows:
        lines[row["line"]].append(row["number"])
    return lines


@pytest.mark.parametrize(
    ("size", "cases"),
    [
        pytest.param(SHORT, tuple(SENDERS), id="short"),
        *(
            pytest.param(LONG, (case,), id=f"long {case}", marks=pytest.mark.slow)
            for case in SENDERS
        ),
    ],
)
def test_each_key_has_its_one_effect_and_each_bad_message_is_a_dead_letter(
    *,
    size: Size,
    cases: tuple[str, ...],
    outcome_of: Callable[..., Outcome],
    private_server: PrivateServer,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    restarts = [
        (0.3, partial(restart, private_server, kill=True)),
        (0.6, partial(restart, private_server, kill=False)),
    ]
    with ThreadPoolExecutor(len(cases)) as threads:
        running = {
            case: threads.submit(outcome_of, case, size, restarts if case == cases[0] else ())
            for case in cases
        }
    for case, future in running.items():
        outcome = future.result()
        if size is LONG:
            with capsys.disabled():
                print(f"\n{request.node.name}: {outcome}")  # noqa: T201  # what it is run for
        found = compare(identities(outcome.sent.good), identities(outcome.rows))
        assert (case, found) == (case, Findings())
        assert (case, outcome.dead) == (case, outcome.sent.bad)
        assert (case, sum(outcome.counts.deaths.values())) == (case, size.kills)
        assert outcome.terminations > 0
        if case == "fifo":
            assert by_line(outcome.rows) == by_line(outcome.sent.good)


@pytest.fixture
def plan_for(queue: StrictQueue, database_url: str, tmp_path: Path) -> Callable[[str], Plan]:
    """Have a case worked on by a few workers, whose queue nothing is strange with."""
    assert queue.dead_letter is not None
    dead_letter_url = queue.dead_letter.url

    def plan(case: str) -> Plan:
        return Plan(
            case=case,
            database_url=database_url,
            queue_url=queue.url,
            dead_letter_url=dead_letter_url,
            folder=tmp_path / case,
        )

    return plan


def test_a_worker_dies_where_it_is_told_to(
    queue: StrictQueue, sqs: LocalSqs, database_url: str, plan_for: Callable[[str], Plan]
) -> None:
    for body, _ in orders(10, Random(7)).bodies:
        queue.put(body)
    left = []
    with Fleet(replace(plan_for("ignore"), workers=1)) as fleet:
        for number, point in enumerate(POINTS):
            fleet.warrants.issue(point, number)
            fleet.join_one()
            left.append((len(stored(database_url, "ignore")), len(queue.messages)))
            sqs.advance(1000)
    assert left == [(0, 10), (0, 10), (10, 10), (10, 0)]


@pytest.fixture
def findings_of(
    queue: StrictQueue, database_url: str, plan_for: Callable[[str], Plan]
) -> Callable[[str, Point], Findings]:
    """Let workers die that do it wrong."""

    def run(case: str, point: Point) -> Findings:
        sent = orders(200, Random(7))
        for body, _ in sent.bodies:
            queue.put(body)
        with Fleet(plan_for(case)) as fleet:
            Trial(fleet, queue, 2, points=[point]).run()
        return compare(identities(sent.good), identities(stored(database_url, case)))

    return run


def test_control_a_plain_insert_doubles(findings_of: Callable[[str, Point], Findings]) -> None:
    findings = findings_of("plain insert", "committed")
    assert findings.doubled > 0
    assert findings.lost == 0


def test_control_deleting_before_the_commit_loses(
    findings_of: Callable[[str, Point], Findings],
) -> None:
    findings = findings_of("delete first", "inserted")
    assert findings.lost > 0
    assert findings.doubled == 0
