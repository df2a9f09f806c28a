"""Rows to models and back, by the types of the model.

What a database keeps is less than what a model says: MySQL and SQLite have no instants, no UUIDs
and, reflected, no JSON. Reading follows the model's field, writing follows the table's column.
"""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Row, types

from saigon.orm._fields import enum_of, field_keys, is_container, is_instant
from saigon.orm.exceptions import ModelMappingError

__all__ = [
    "filter_unknown_model_fields",
    "model_data_to_row_values",
    "row_mapping_to_model_data",
    "row_reader",
    "row_to_model_data",
]

ModelT = TypeVar("ModelT", bound=BaseModel)
_Convert: TypeAlias = Callable[[Any], Any]
_HEX_LENGTH = 32  # of a UUID without hyphens


def row_to_model_data(
    model: type[ModelT], row: Row[Any], *, dialect_name: str | None = None
) -> ModelT:
    """Return a row as a model.

    Args:
        model: Its fields are the row's columns, by name or by alias.
        row: A row of a result.
        dialect_name: The connector's: on MySQL and SQLite, which keep no offset, a ``datetime``
            is read as an instant in UTC. A field that is an ``AwareDatetime`` always is.

    Raises:
        pydantic.ValidationError: The row does not make a model.
    """
    return row_mapping_to_model_data(model, row._mapping, dialect_name=dialect_name)  # noqa: SLF001  # SQLAlchemy's documented name


def row_mapping_to_model_data(
    model: type[ModelT], mapping: Mapping[Any, Any], *, dialect_name: str | None = None
) -> ModelT:
    """Return the mapping of a row, such as ``result.mappings()`` gives, as a model.

    Raises:
        pydantic.ValidationError: The row does not make a model.
    """
    keys = tuple(map(str, mapping.keys()))
    return row_reader(model, keys, dialect_name)(tuple(mapping.values()))


def row_reader(
    model: type[ModelT], keys: tuple[str, ...], dialect_name: str | None
) -> Callable[[Collection[Any]], ModelT]:
    """Return the function that makes models of rows with these columns: faster for many rows."""
    validate: Callable[..., ModelT] = model.__pydantic_validator__.validate_python
    converters = _read_converters(model, keys, dialect_name)

    def read_plain(row: Collection[Any]) -> ModelT:
        return validate(dict(zip(keys, row, strict=True)), by_alias=True, by_name=True)

    def read(row: Collection[Any]) -> ModelT:
        values = dict(zip(keys, row, strict=True))
        for key, convert in converters:
            values[key] = convert(values[key])
        return validate(values, by_alias=True, by_name=True)

    return read if converters else read_plain


@lru_cache(maxsize=512)
def _read_converters(
    model: type[BaseModel], keys: tuple[str, ...], dialect_name: str | None
) -> tuple[tuple[str, _Convert], ...]:
    keeps_offset = dialect_name not in {"mysql", "sqlite"}
    return tuple(
        (key, convert)
        for name, field in model.model_fields.items()
        if (convert := _read_converter(field.annotation, only_aware=keeps_offset)) is not None
        for key in set(field_keys(name, field)) & set(keys)
    )


def _read_converter(annotation: Any, *, only_aware: bool) -> _Convert | None:
    if is_instant(annotation, only_aware=only_aware):
        return _as_instant
    if is_container(annotation):
        return _from_json_text
    members = enum_of(annotation)
    return None if members is None else partial(_as_enum_value, members)


def _as_enum_value(members: type[Enum], value: Any) -> Any:
    """Read a name for its value: SQLAlchemy's ``Enum`` keeps names."""
    is_name = isinstance(value, str) and value in members.__members__
    if not is_name or any(value == member.value for member in members):
        return value
    return members[value].value


def _as_instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:  # the model says what is wrong with it
            return value
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _from_json_text(value: Any) -> Any:
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except ValueError:  # the model says what is wrong with it
        return value


def model_data_to_row_values(
    data: BaseModel,
    table: FromClause | None = None,
    *,
    dialect_name: str | None = None,
    exclude: Collection[str] = (),
) -> dict[str, Any]:
    """Return a model's values as a statement's parameters, by field name.

    Args:
        data: The model.
        table: Where they go. Its columns decide the form: a UUID becomes text for a ``CHAR``
            column, a Decimal for a text column, a nested model JSON. Without it, nested models and
            lists are given in the form of JSON and the rest is left to SQLAlchemy's types.
        dialect_name: The connector's: on MySQL and SQLite, which keep no offset, a naive value
            for a field that is read back as an instant is refused.
        exclude: Fields to leave out.

    Raises:
        ModelMappingError: A field has no column in the table, or its value has no exact form.
    """
    values = data.model_dump(by_alias=False, exclude=set(exclude))
    as_json = {name for name, value in values.items() if _is_json(value, name, table)}
    values |= data.model_dump(mode="json", by_alias=False, include=as_json)
    _check_columns(values, table)
    return {
        name: _column_value(value, _column(table, name), _naive_guard(data, name, dialect_name))
        for name, value in values.items()
    }


def filter_unknown_model_fields(
    model: type[BaseModel], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values whose keys are fields of the model, by name or alias."""
    known = {key for name, field in model.model_fields.items() for key in field_keys(name, field)}
    return {key: value for key, value in values.items() if key in known}


def _column(table: FromClause | None, name: str) -> ColumnElement[Any] | None:
    return None if table is None else table.c.get(name)


def _is_json(value: Any, name: str, table: FromClause | None) -> bool:
    column = _column(table, name)
    if column is not None and isinstance(column.type, types.ARRAY):
        return False
    is_json_column = column is not None and isinstance(column.type, types.JSON)
    return is_json_column or isinstance(value, dict | list | tuple | set | frozenset)


def _check_columns(values: Mapping[str, Any], table: FromClause | None) -> None:
    missing = [] if table is None else [name for name in values if name not in table.c]
    if missing:
        raise ModelMappingError(
            f"no column for the fields {', '.join(missing)}; name them in 'exclude' to leave them"
        )


def _naive_guard(data: BaseModel, name: str, dialect_name: str | None) -> bool:
    if dialect_name not in {"mysql", "sqlite"}:
        return False
    field = type(data).model_fields.get(name)
    return field is not None and is_instant(field.annotation)


def _column_value(value: Any, column: ColumnElement[Any] | None, no_naive: bool) -> Any:  # noqa: FBT001  # private
    kind = types.NullType() if column is None else column.type
    match value:
        case datetime():
            return _instant_value(value, kind, no_naive)
        case Enum():
            return _enum_value(value, kind)
        case UUID():
            return _uuid_value(value, kind)
        case Decimal() if isinstance(kind, types.String):
            return str(value)
        case dict() | list() if isinstance(kind, types.String):
            return json.dumps(value, ensure_ascii=False)
        case _:
            return value


def _instant_value(value: datetime, kind: types.TypeEngine[Any], no_naive: bool) -> datetime:  # noqa: FBT001  # private
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    if no_naive or getattr(kind, "timezone", False):
        raise ModelMappingError(
            "a datetime without offset would be read back as another instant; give it its "
            "offset, or declare the field as NaiveDatetime and the column without time zone"
        )
    return value


def _enum_value(value: Enum, kind: types.TypeEngine[Any]) -> Any:
    if not isinstance(kind, types.Enum):
        return value.value
    if kind.enum_class is not None:
        return value
    return value.value if value.value in kind.enums else value.name


def _uuid_value(value: UUID, kind: types.TypeEngine[Any]) -> Any:
    if isinstance(kind, types.LargeBinary | types.BINARY | types.VARBINARY):
        return value.bytes
    if not isinstance(kind, types.String):
        return value
    return value.hex if kind.length == _HEX_LENGTH else str(value)
