"""Statements about the row of a primary key."""

from typing import Any

from sqlalchemy import ColumnElement, Delete, Select, Table, and_, delete, select

__all__ = ["delete_entity_statement", "select_entity_statement"]


def select_entity_statement(table: Table, key: Any) -> Select[Any]:
    """Return the query of a row.

    Raises:
        ValueError: The key has another number of columns.
    """
    return select(table).where(_has_key(table, key))


def delete_entity_statement(table: Table, key: Any) -> Delete:
    """Return the statement that deletes a row.

    Raises:
        ValueError: The key has another number of columns.
    """
    return delete(table).where(_has_key(table, key))


def _has_key(table: Table, key: Any) -> ColumnElement[bool]:
    columns = list(table.primary_key)
    values = key if isinstance(key, tuple) else (key,)
    if not columns or len(columns) != len(values):
        raise ValueError(f"expected a key of {len(columns)} columns for {table.name}")
    return and_(*(column == value for column, value in zip(columns, values, strict=True)))
