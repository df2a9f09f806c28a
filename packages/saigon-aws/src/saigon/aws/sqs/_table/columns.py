"""Rows taken by their columns, whose values SQLAlchemy's types have processed."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Dialect, Table, bindparam

from saigon.aws.sqs._table.rows import Values

__all__ = ["of_each_column", "processed"]

MadeT = TypeVar("MadeT")


def of_each_column(
    table: Table,
    names: Sequence[str],
    rows: Sequence[Values],
    make: Callable[[Column[Any], Sequence[Any]], MadeT | None],
) -> list[MadeT] | None:
    """Return what is made of each column's values; None where it can not be made of one.

    What is raised meanwhile, because a value can not be sent, is raised again by the statement for
    each row, where it becomes an error of the database's like others.
    """
    made: list[MadeT] = []
    for name in names:
        column = table.columns.get(name)
        try:
            one = None if column is None else make(column, [row[name] for row in rows])
        except Exception:  # noqa: BLE001  # types and drivers raise what they like
            return None
        if one is None:
            return None
        made.append(one)
    return made


def processed(column: Column[Any], values: Sequence[Any], dialect: Dialect) -> Sequence[Any] | None:
    """Return the values as the driver is given them; None where SQL processes them too."""
    impl = column.type.dialect_impl(dialect)
    if impl.bind_expression(bindparam(None, type_=column.type)) is not None:
        return None
    process = impl.bind_processor(dialect)
    return values if process is None else list(map(process, values))
