"""What a statement returns, read over a connection."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Row, UpdateBase

from saigon.orm._rows.results import WITHOUT_ROWS, row_keys
from saigon.orm.exceptions import MultipleRowsError, NoRowsError

__all__ = [
    "Found",
    "check_query",
    "check_statement",
    "fetch_at_most_one",
    "fetch_every",
    "in_turns",
    "one_by_one",
    "open_stream",
]

ItemT = TypeVar("ItemT")
Found: TypeAlias = tuple[tuple[str, ...], list[Row[Any]]]
"""The names of the columns, and rows."""

_STREAMED: Final = {"stream_results": True, "yield_per": 1_000}


def check_statement(statement: object) -> None:
    """Refuse SQL as a plain string."""
    if isinstance(statement, str):
        raise TypeError("expected a statement, got a string; wrap it in sqlalchemy.text(…)")


def check_query(statement: object) -> None:
    """Refuse SQL as a plain string, and what changes rows and returns none.

    Raises:
        NoRowsError: It is an INSERT, UPDATE or DELETE without RETURNING.
    """
    check_statement(statement)
    # On PostgreSQL SQLAlchemy adds a RETURNING of its own, and gives no rows as if there were none.
    if isinstance(statement, UpdateBase) and not statement._returning:  # noqa: SLF001  # no other name tells of returning(text(…))
        raise NoRowsError(WITHOUT_ROWS)


def fetch_at_most_one(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None
) -> Found:
    """Return one row or none.

    Raises:
        MultipleRowsError: There is more than one.
        NoRowsError: The statement gives no rows at all.
    """
    result = connection.execute(statement, parameters)
    keys, rows = row_keys(result), list(result.fetchmany(2))
    result.close()
    if len(rows) > 1:
        raise MultipleRowsError("expected at most one row; narrow the statement or use fetch_all")
    return keys, rows


def fetch_every(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None
) -> Found:
    """Return all rows.

    Raises:
        NoRowsError: The statement gives no rows at all.
    """
    with connection.execute(statement, parameters) as result:
        return row_keys(result), list(result.fetchall())


def open_stream(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None
) -> CursorResult[Any]:
    """Return a result whose rows stay with the server until they are asked for."""
    return connection.execute(statement, parameters, execution_options=_STREAMED)


def in_turns(
    items: Iterator[ItemT], turn: Callable[[], AbstractContextManager[None]]
) -> Iterator[ItemT]:
    """Take a turn for each item, and none while its user has it."""
    while True:
        with turn():
            item = next(items, None)
        if item is None:
            return
        yield item


def one_by_one(batches: Generator[list[ItemT], None, None]) -> Generator[ItemT, None, None]:
    """Return the items of batches, which are closed with it."""
    with closing(batches):
        for items in batches:
            yield from items
