"""Settle what the forwarder writes to, and refuse what could double or lose messages."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel
from sqlalchemy import Executable, Table

from saigon.aws.sqs._database.fit import default_key, names_of
from saigon.aws.sqs._database.inbox_key import InboxKey
from saigon.aws.sqs._database.inbox_writer import InboxWriter
from saigon.aws.sqs._database.writer import EntriesWriter, Entry
from saigon.aws.sqs._sqs.url import queue_id
from saigon.aws.sqs.builders import (
    BatchStatementBuilder,
    SqlStatementBuilder,
    TableStatementBuilder,
)
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError
from saigon.aws.sqs.inbox import Inbox
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector

ModelT = TypeVar("ModelT", bound=BaseModel)


def builder_for(
    target: Table | SqlStatementBuilder[ModelT],
    message_type: type[ModelT],
    *,
    key: str | Sequence[str] | Inbox | None,
    on_conflict: OnConflict,
    newer_by: str | None,
    dialect_name: str,
    is_fifo: bool,
) -> SqlStatementBuilder[ModelT]:
    """Return the builder given, or one for the table given.

    Raises:
        ForwarderConfigError: There is no key, or an option does not go with a builder.
    """
    if isinstance(target, Table) and not isinstance(key, Inbox):
        return TableStatementBuilder(
            target,
            key=_table_key(target, message_type, key),
            on_conflict=on_conflict,
            newer_by=newer_by,
            dialect_name=dialect_name,
            keeps_order=is_fifo,
        )
    if on_conflict is not OnConflict.IGNORE or newer_by is not None:
        raise ForwarderConfigError(
            "on_conflict and newer_by are for a table with a key; a builder's statement says what "
            "it does, and of an inbox's messages each is inserted once"
        )
    if isinstance(target, Table):
        return TableStatementBuilder(
            target,
            key=(),
            on_conflict=OnConflict.ERROR,
            dialect_name=dialect_name,
            keeps_order=is_fifo,
        )
    return target


def key_of(
    builder: SqlStatementBuilder[Any], key: str | Sequence[str] | Inbox | None
) -> tuple[str, ...]:
    """Return the key of rows that was given or that the builder declares; an inbox needs none.

    Raises:
        ForwarderConfigError: There is none, or there are two.
    """
    declared = names_of(getattr(builder, "key", None) or ())
    if isinstance(key, Inbox):
        return declared
    given = names_of(key or ())
    if given and declared and given != declared:
        raise ForwarderConfigError(f"the builder declares the key {declared}, but key is {given}")
    if not given and not declared:
        raise ForwarderConfigError(
            "messages come more than once and nothing tells their rows apart: "
            "give key=, an Inbox for one, or a builder with a key"
        )
    return given or declared


def writer_for(
    builder: SqlStatementBuilder[ModelT],
    message_type: type[ModelT],
    key: str | Sequence[str] | Inbox | None,
    queue_url: str,
) -> EntriesWriter:
    """Prepare the builder; return what writes entries, through the inbox if that is the key."""
    statement = builder.prepare(message_type)
    write_rows = (
        builder.write_rows
        if isinstance(builder, BatchStatementBuilder)
        else _StatementWriter(statement)
    )
    write = _RowsOf(write_rows)
    if not isinstance(key, Inbox):
        return write
    return InboxWriter(key.table, _consumer(key, queue_url), write)


def inbox_key_for(
    key: str | Sequence[str] | Inbox | None, message_type: type[BaseModel], queue_url: str
) -> InboxKey | None:
    """Return what tells the messages apart if the key is an inbox.

    Raises:
        ForwarderConfigError: The model does not fit the inbox.
    """
    if not isinstance(key, Inbox):
        return None
    return InboxKey(key.key, message_type, _consumer(key, queue_url))


def _consumer(inbox: Inbox, queue_url: str) -> str:
    return inbox.consumer or queue_id(queue_url)


class _RowsWriter(Protocol):
    def __call__(
        self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]], /
    ) -> RowCounts: ...


class _RowsOf:
    """Writes the rows of entries, whichever entry they are of."""

    def __init__(self, write_rows: _RowsWriter) -> None:
        self._write_rows = write_rows

    def __call__(self, db_connector: DbConnector, entries: Sequence[Entry], /) -> RowCounts:
        return self._write_rows(db_connector, [row for entry in entries for row in entry.rows])


class _StatementWriter:
    """Executes a builder's statement for rows, in their order."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    def __call__(
        self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]], /
    ) -> RowCounts:
        written = sum(
            db_connector.execute(self._statement, [dict(row) for row in group]).rowcount
            for _, group in groupby(rows, key=frozenset)
        )
        inserted = min(max(written, 0), len(rows))  # MySQL counts an update as two rows
        return RowCounts(inserted=inserted, duplicates=len(rows) - inserted)


def _table_key(
    table: Table, message_type: type[BaseModel], key: str | Sequence[str] | None
) -> tuple[str, ...]:
    names = names_of(key) if key is not None else default_key(table, message_type)
    if not names:
        raise ForwarderConfigError(
            f"table {table.name!r} has no single-column primary key that is a field of "
            f"{message_type.__name__}: give key="
        )
    return names
