"""Settle what the forwarder writes to, and refuse what could double or lose messages."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Executable, Table

from saigon.aws.sqs._fit import default_key, names_of
from saigon.aws.sqs._upserts import grouped_by_names
from saigon.aws.sqs._write import RowsWriter
from saigon.aws.sqs.builders import (
    BatchStatementBuilder,
    SqlStatementBuilder,
    TableStatementBuilder,
)
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector

ModelT = TypeVar("ModelT", bound=BaseModel)


def builder_for(
    target: Table | SqlStatementBuilder[ModelT],
    message_type: type[ModelT],
    *,
    key: str | Sequence[str] | None,
    on_conflict: OnConflict,
    newer_by: str | None,
    dialect_name: str,
) -> SqlStatementBuilder[ModelT]:
    """Return the builder given, or one for the table given.

    Raises:
        ForwarderConfigError: There is no key, or an option does not go with a builder.
    """
    if isinstance(target, Table):
        return TableStatementBuilder(
            target,
            key=_table_key(target, message_type, key),
            on_conflict=on_conflict,
            newer_by=newer_by,
            dialect_name=dialect_name,
        )
    if on_conflict is not OnConflict.IGNORE or newer_by is not None:
        raise ForwarderConfigError(
            "on_conflict and newer_by are for a table; a builder's statement says what it does"
        )
    return target


def key_of(builder: SqlStatementBuilder[Any], key: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the key that was given or that the builder declares.

    Raises:
        ForwarderConfigError: There is none, or there are two.
    """
    declared = getattr(builder, "key", None)
    if key is not None and declared is not None and names_of(key) != names_of(declared):
        raise ForwarderConfigError(
            f"the builder declares the key {names_of(declared)}, but key is {names_of(key)}"
        )
    names = names_of(key or declared or ())
    if not names:
        raise ForwarderConfigError(
            "messages come more than once and nothing tells their rows apart: "
            "give key=, or a builder with a key"
        )
    return names


def writer_for(
    builder: SqlStatementBuilder[ModelT], message_type: type[ModelT], key: tuple[str, ...]
) -> RowsWriter:
    """Prepare the builder; return what writes its rows."""
    statement = builder.prepare(message_type)
    if isinstance(builder, BatchStatementBuilder):
        return builder.write_rows
    return _StatementWriter(statement, key)


class _StatementWriter:
    """Executes a builder's statement for its rows."""

    def __init__(self, statement: Executable, key: tuple[str, ...]) -> None:
        self._statement = statement
        self._key = key

    def __call__(
        self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]], /
    ) -> RowCounts:
        written = sum(
            db_connector.execute(self._statement, [dict(row) for row in group]).rowcount
            for group in grouped_by_names(rows)
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
