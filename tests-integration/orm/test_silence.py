"""A silent peer is noticed in seconds, and costs no error where it can be replaced."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from sqlalchemy import TextClause, make_url, text

from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbExecutionError
from tools.services.forwarder import Forwarder

SESSION = {"postgresql": text("SELECT pg_backend_pid()"), "mysql": text("SELECT CONNECTION_ID()")}
SLEEP = text("SELECT SLEEP(60)")
SOON = 3.0
"""Seconds: far more than the time-outs below and far less than the drivers' own."""


@pytest.fixture(params=["postgresql", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def wire(database_url: str) -> Iterator[Forwarder]:
    with Forwarder.to(make_url(database_url).port or 0) as forwarder:
        yield forwarder


@pytest.fixture
def wire_url(database_url: str, wire: Forwarder) -> str:
    return through(database_url, wire.port)


@pytest.fixture
def silent_url(database_url: str) -> Iterator[str]:
    """Give the URL of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield through(database_url, listener.getsockname()[1])


def through(url: str, port: int) -> str:
    changed = make_url(url).set(host="127.0.0.1", port=port)
    return changed.render_as_string(hide_password=False)


def session_of(db: DbConnector) -> int:
    return int(db.fetch_scalar(SESSION[db.dialect_name]))


def test_silent_connections_of_the_pool_are_replaced_unnoticed(
    wire: Forwarder, wire_url: str
) -> None:
    with DbConnector(wire_url, ping_timeout=0.5) as db:
        with db.engine.connect(), db.engine.connect(), db.engine.connect():
            before = session_of(db)
        wire.silence()
        start = time.monotonic()
        assert session_of(db) != before
        with db.engine.connect(), db.engine.connect(), db.engine.connect():
            db.ping()
        assert 0.5 <= time.monotonic() - start < SOON  # one time-out for all of them


def test_silent_connections_do_not_hold_up_the_event_loop(wire: Forwarder, wire_url: str) -> None:
    async def work() -> tuple[bool, int]:
        async with AsyncDbConnector(wire_url, ping_timeout=0.5) as db:
            statement = SESSION[db.dialect_name]
            before = await db.fetch_scalar(statement)
            wire.silence()
            query = asyncio.ensure_future(db.fetch_scalar(statement))
            turns = 0
            while not query.done():
                await asyncio.wait([query], timeout=0.05)
                turns += 1
            return await query != before, turns

    start = time.monotonic()
    replaced, turns = asyncio.run(work())
    assert replaced
    assert turns >= 5
    assert time.monotonic() - start < SOON


def kinds_of(url: str, statement: TextClause, **options: Any) -> list[str]:
    """Return the kinds of the errors of both connectors, which wait at the same time."""

    async def fail(call: Awaitable[Any]) -> str:
        with pytest.raises(DbExecutionError) as caught:
            await call
        return caught.value.kind

    async def work() -> list[str]:
        with DbConnector(url, **options) as db:
            async with AsyncDbConnector(url, **options) as async_db:
                in_thread = asyncio.to_thread(db.fetch_scalar, statement)
                kinds = asyncio.gather(fail(in_thread), fail(async_db.fetch_scalar(statement)))
                return list(await kinds)

    return asyncio.run(work())


def test_a_silent_server_is_a_connection_error_soon(silent_url: str) -> None:
    start = time.monotonic()
    assert kinds_of(silent_url, text("SELECT 1"), connect_timeout=1) == ["connection"] * 2
    assert time.monotonic() - start < SOON  # libpq waits for two seconds at least


def test_a_statement_without_an_answer_ends_on_mysql(mysql_url: str) -> None:
    start = time.monotonic()
    assert kinds_of(f"{mysql_url}?read_timeout=1", SLEEP) == ["connection"] * 2
    assert time.monotonic() - start < SOON


def test_the_ping_leaves_the_read_timeout_as_it_is(mysql_url: str) -> None:
    with DbConnector(f"{mysql_url}?read_timeout=30", ping_timeout=0.2, connect_timeout=1) as db:
        db.ping()
        db.ping()
        assert db.fetch_scalar(text("SELECT SLEEP(1.2)")) == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such limit")
def test_a_vanished_machine_is_noticed_by_the_socket(database_url: str) -> None:
    def options(descriptor: int) -> list[int]:
        names = ["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"]
        with socket.socket(fileno=os.dup(descriptor)) as mine:
            values = [mine.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]
            return values + [mine.getsockopt(socket.SOL_TCP, getattr(socket, n)) for n in names]

    def descriptor(connection: object) -> int:
        for path in ("pgconn.socket", "_sock.fileno", "_writer.get_extra_info"):
            found: object = connection
            for name in path.split("."):
                found = getattr(found, name, None)
            if isinstance(found, int):
                return found
            if callable(found):
                got = found() if "fileno" in path else found("socket").fileno()
                assert isinstance(got, int)
                return got
        raise AssertionError(connection)

    with DbConnector(database_url) as db, db.engine.connect() as connection:
        assert options(descriptor(connection.connection.driver_connection)) == [1, 15, 5, 3, 30_000]

    async def ask() -> list[int]:
        async with AsyncDbConnector(database_url) as db, db.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            return options(descriptor(raw.driver_connection))

    assert asyncio.run(ask()) == [1, 15, 5, 3, 30_000]


_FUNCTION = """
import asyncio, sys
from sqlalchemy import text
from saigon.orm.connection import AsyncDbConnector, DbConnector

async def ask(db, statement):
    async with asyncio.timeout(3):
        return await db.fetch_scalar(statement)

with DbConnector.for_lambda(sys.argv[1], ping_timeout=0.5) as db, asyncio.Runner() as runner:
    async_db = AsyncDbConnector.for_lambda(sys.argv[1], ping_timeout=0.5)
    for line in sys.stdin:
        statement = text(line)
        print(db.fetch_scalar(statement), runner.run(ask(async_db, statement)), flush=True)
    runner.run(async_db.dispose())
"""


@pytest.fixture
def function(wire_url: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that answers statements by both connectors for Lambda."""
    command = [sys.executable, "-c", _FUNCTION, wire_url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        assert process.wait(10) == 0


def answers(process: subprocess.Popen[str], statement: str) -> set[int]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{statement}\n")
    process.stdin.flush()
    return {int(word) for word in process.stdout.readline().split()}


def test_a_function_that_was_frozen_works_on_without_an_error(
    wire: Forwarder, database_url: str, function: subprocess.Popen[str]
) -> None:
    with DbConnector(database_url) as db:
        statement = SESSION[db.dialect_name].text
        kill = {"postgresql": "SELECT pg_terminate_backend(:id, 5000)", "mysql": "KILL :id"}
        first = answers(function, statement)
        assert len(first) == 2
        function.send_signal(signal.SIGSTOP)
        for session in first:
            db.execute(text(kill[db.dialect_name]), {"id": session})
        function.send_signal(signal.SIGCONT)
        second = answers(function, statement)
        function.send_signal(signal.SIGSTOP)
        wire.silence()
        function.send_signal(signal.SIGCONT)
        start = time.monotonic()
        third = answers(function, statement)
    assert len(first | second | third) == 6
    assert time.monotonic() - start < 2 * SOON
