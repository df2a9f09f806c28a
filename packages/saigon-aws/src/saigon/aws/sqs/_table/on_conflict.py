"""What PostgreSQL and SQLite do with a row whose key is stored already, as part of the insert."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Insert, Table, or_
from sqlalchemy.dialects import postgresql, sqlite

from saigon.aws.sqs._table.rows import Values, grouped_by_names
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.config import OnConflict
from saigon.orm.connection import DbConnector

__all__ = ["execute_rows", "is_newer", "upserting", "write_one_by_one"]

_Insert: TypeAlias = postgresql.Insert | sqlite.Insert

_INSERTS: Final[dict[str, Callable[[Table], _Insert]]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def write_one_by_one(connector: DbConnector, write: TableWrite, rows: Iterable[Values]) -> int:
    """Insert or update each row by itself; return how many are new or newer."""
    insert = _INSERTS[connector.dialect_name]
    return sum(
        execute_rows(connector, upserting(insert(write.table), write, group[0]), group)
        for group in grouped_by_names(rows, keeps_order=write.keeps_order)
    )


def execute_rows(connector: DbConnector, statement: Insert, rows: Sequence[Values]) -> int:
    """Execute a statement for each of some rows that have the same names."""
    return connector.execute(statement.inline(), [dict(row) for row in rows]).rowcount


def upserting(statement: _Insert, write: TableWrite, names: Iterable[str]) -> Insert:
    """Return an insert of rows with these names that says what happens on a clash of its key.

    Without the key as its target, it would swallow clashes on any unique key.
    """
    if write.on_conflict is OnConflict.ERROR:
        return statement
    key = [write.table.columns[name] for name in write.key]
    if write.newer_by is None:
        return statement.on_conflict_do_nothing(index_elements=key)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: new[name] for name in write.updated(names)},
        where=is_newer(write, new),
    )


def is_newer(write: TableWrite, new: Any) -> ColumnElement[bool]:
    """Return the condition that the new row is newer than the stored one."""
    stored = write.table.columns[write.newer_by or ""]
    return or_(stored.is_(None), new[write.newer_by] > stored)
