"""Tables as the database describes them, asked for again while it comes up."""

import random
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import InvalidRequestError

from saigon.orm.exceptions import DbExecutionError, TableNotFoundError

__all__ = ["backoff_delay", "reflect_tables", "try_again"]

ResultT = TypeVar("ResultT")
_LONGEST_BACKOFF: Final = 30.0
_MOST_DOUBLINGS: Final = 64  # more would not fit into a float one day


def reflect_tables(
    connection: Connection, metadata: MetaData, only: list[str] | None, schema: str | None
) -> MetaData:
    """Read tables into the metadata.

    Raises:
        TableNotFoundError: A named table is not there.
    """
    try:
        metadata.reflect(connection, schema=schema, only=only)
    except InvalidRequestError as exc:
        raise TableNotFoundError(f"not all of these tables exist: {only}") from exc
    return metadata


def try_again(
    ask: Callable[[], ResultT], *, retries: int, backoff: float, wait: Callable[[float], None]
) -> ResultT:
    """Ask, again with growing delays while the database cannot be reached."""
    for attempt in range(retries):
        try:
            return ask()
        except DbExecutionError as exc:
            if exc.kind != "connection":
                raise
        wait(backoff_delay(backoff, attempt))
    return ask()


def backoff_delay(first: float, attempt: int) -> float:
    """Return the seconds to wait after an attempt, which are counted from 0."""
    delay = min(_LONGEST_BACKOFF, first * 2.0 ** min(attempt, _MOST_DOUBLINGS))
    # At least half: a database takes its time to start, however many are waiting for it.
    return delay * random.uniform(0.5, 1)  # noqa: S311  # no secret
