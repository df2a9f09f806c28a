"""Refuse at start-up a model whose messages a table could not hold."""

import datetime as dt
import enum
import types
import typing
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.types import NullType

from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError

# What a column's Python type may be for a field's: what saigon.orm.model brings into that form.
_HELD_BY: Final[dict[type, tuple[type, ...]]] = {
    bool: (bool, int),
    int: (int, float, Decimal),
    float: (float, Decimal),
    Decimal: (Decimal, str),
    str: (str,),
    bytes: (bytes,),
    UUID: (UUID, str, bytes),
    dt.datetime: (dt.datetime,),
    dt.date: (dt.date,),
    dt.time: (dt.time,),
    dt.timedelta: (dt.timedelta,),
}


def names_of(key: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of a key's columns, given as one name or several."""
    return (key,) if isinstance(key, str) else tuple(key)


def default_key(table: Table, message_type: type[BaseModel]) -> tuple[str, ...] | None:
    """Return the table's primary key where it is one column and the model has that field."""
    names = tuple(column.key for column in table.primary_key.columns)
    return names if len(names) == 1 and names[0] in message_type.model_fields else None


def check_fit(
    table: Table,
    message_type: type[BaseModel],
    *,
    key: tuple[str, ...],
    on_conflict: OnConflict,
    newer_by: str | None,
) -> None:
    """Compare a model with a table.

    Raises:
        ForwarderConfigError: Something does not fit; the message lists all of it.
    """
    misfits = [
        *_field_misfits(table, message_type),
        *_column_misfits(table, message_type),
        *_key_misfits(table, message_type, key),
        *_newer_misfits(table, message_type, key, on_conflict, newer_by),
    ]
    if misfits:
        raise ForwarderConfigError(
            f"{message_type.__name__} does not fit table {table.name!r}: " + "; ".join(misfits)
        )


def _field_misfits(table: Table, message_type: type[BaseModel]) -> Iterator[str]:
    if message_type.model_config.get("extra") == "allow":
        yield "extra fields are allowed, and have no columns"
    for name in message_type.model_computed_fields:
        if name not in table.columns:
            yield f"computed field {name!r} has no column"
    for name, field in stored_fields(table, message_type):
        column = table.columns.get(name)
        if column is None:
            yield f"field {name!r} has no column (exclude=True leaves a field out)"
        elif not _holds(column, field):
            yield f"column {name!r} of type {column.type} can not hold {field.annotation}"


def _column_misfits(table: Table, message_type: type[BaseModel]) -> Iterator[str]:
    names = {name for name, _ in stored_fields(table, message_type)}
    names |= set(message_type.model_computed_fields)
    for column in table.columns:
        if column.key not in names and _needs_value(column):
            yield f"column {column.key!r} is NOT NULL without a default and has no field"
        elif column.key in names and column.computed is not None:
            yield f"column {column.key!r} is computed by the database"


def _key_misfits(
    table: Table, message_type: type[BaseModel], key: tuple[str, ...]
) -> Iterator[str]:
    fields = dict(stored_fields(table, message_type))
    for name in key:
        if name not in fields:
            yield f"key {name!r} is not a field"
        elif not fields[name].is_required():
            # A default, such as a new UUID, would give each delivery a key of its own.
            yield f"key {name!r} has a default; expected a field that every message brings"
        elif name in table.columns and table.columns[name].nullable and _allows_none(fields[name]):
            yield f"key {name!r} may be null, and nulls are never duplicates"
    if key and frozenset(key) not in _unique_sets(table):
        yield f"no unique constraint on exactly {', '.join(key)}"


def _newer_misfits(
    table: Table,
    message_type: type[BaseModel],
    key: tuple[str, ...],
    on_conflict: OnConflict,
    newer_by: str | None,
) -> Iterator[str]:
    if on_conflict is not OnConflict.UPDATE:
        if newer_by is not None:
            yield f"newer_by is for on_conflict=UPDATE, not for {on_conflict.name}"
        return
    if newer_by is None:
        yield "on_conflict=UPDATE needs newer_by: queues reorder, and the newer row must win"
        return
    if newer_by in key:
        yield f"newer_by {newer_by!r} is part of the key, so no two rows of a key differ in it"
    field = dict(stored_fields(table, message_type)).get(newer_by)
    if field is None or newer_by not in table.columns:
        yield f"newer_by {newer_by!r} is not both a field and a column"
    elif not field.is_required() or _allows_none(field):
        yield f"newer_by {newer_by!r} may be missing; expected a required field"


def stored_fields(table: Table, message_type: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Return the fields that go into the row: ``exclude=True`` leaves out what has no column."""
    fields = message_type.model_fields.items()
    return [(name, f) for name, f in fields if not f.exclude or name in table.columns]


def _needs_value(column: Column[Any]) -> bool:
    given = (column.default, column.server_default, column.identity, column.computed)
    is_serial = column.table.autoincrement_column is column
    return not column.nullable and not is_serial and all(default is None for default in given)


def _unique_sets(table: Table) -> set[frozenset[str]]:
    constraints = [
        table.primary_key.columns,
        *(c.columns for c in table.constraints if isinstance(c, UniqueConstraint)),
        *(i.columns for i in table.indexes if i.unique and not _is_partial(i.dialect_options)),
    ]
    return {frozenset(column.key for column in columns) for columns in constraints}


def _is_partial(options: Any) -> bool:
    return any(options[dialect].get("where") is not None for dialect in ("postgresql", "sqlite"))


def _holds(column: Column[Any], field: FieldInfo) -> bool:
    column_type = _python_type(column)
    if column_type is None:
        return True
    return all(_fits(kind, column_type) for kind in scalars(field.annotation))


def _python_type(column: Column[Any]) -> type | None:
    if isinstance(column.type, NullType):
        return None
    try:
        return column.type.python_type
    except NotImplementedError:
        return None  # a type of the user's or the dialect's own says nothing


def _fits(kind: type, column_type: type) -> bool:
    if issubclass(kind, enum.Enum):
        return True
    if issubclass(kind, BaseModel | dict | list | tuple | set | frozenset):
        return column_type is str or column_type not in _HELD_BY  # as JSON, or an array
    held_by = _HELD_BY.get(kind)
    return held_by is None or column_type not in _HELD_BY or column_type in held_by


def scalars(annotation: Any) -> Iterator[type]:
    """Yield the types that an annotation is made of, None left out."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from scalars(member)
    elif origin is typing.Annotated:
        yield from scalars(typing.get_args(annotation)[0])
    elif isinstance(origin or annotation, type) and annotation is not types.NoneType:
        yield origin or annotation


def _allows_none(field: FieldInfo) -> bool:
    annotation = field.annotation
    return annotation is None or types.NoneType in typing.get_args(annotation)
