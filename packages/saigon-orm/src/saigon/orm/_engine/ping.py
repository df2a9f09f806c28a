"""Whether a connection of the pool still answers, asked with a limit of time.

A peer that fell silent without closing would let an unbounded question wait for minutes.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Engine

from saigon.orm._greenlets import wait_for

__all__ = ["bound_pings"]

_Wait: TypeAlias = Callable[[int, float], bool]
"""Wait until a descriptor can be read, at most so many seconds, and tell whether it can."""


def bound_pings(engine: Engine, seconds: float) -> None:
    """Give up a connection of an engine's pool that does not answer in time."""
    dialect: Any = engine.dialect

    def do_ping(connection: Any) -> bool:
        driver = dialect.get_driver_connection(connection)
        match dialect.driver:
            case "psycopg":
                wait = _await_readable if dialect.is_async else _wait_readable
                return _ping_postgresql(driver.pgconn, seconds, wait)
            case "aiomysql":
                return bool(wait_for(driver.answers_within(seconds)))
            case _:
                driver.ping_within(seconds)
                return True

    dialect.do_ping = do_ping


def _ping_postgresql(pgconn: Any, seconds: float, wait: _Wait) -> bool:
    """Send an empty query and read its answer, because psycopg's own wait has no limit.

    See Also:
        https://www.postgresql.org/docs/current/libpq-async.html
    """
    from psycopg import Error
    from psycopg.pq import ExecStatus

    deadline = time.monotonic() + seconds
    answers: list[int] = []
    try:
        pgconn.send_query(b"")
        pgconn.flush()
        while True:
            while not pgconn.is_busy():
                if (result := pgconn.get_result()) is None:
                    return answers == [ExecStatus.EMPTY_QUERY]
                answers.append(result.status)
            if not wait(pgconn.socket, deadline - time.monotonic()):
                return False
            pgconn.consume_input()
    except Error:
        return False


def _wait_readable(descriptor: int, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(max(seconds, 0)))


def _await_readable(descriptor: int, seconds: float) -> bool:
    return wait_for(_readable(descriptor, seconds))


async def _readable(descriptor: int, seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True
