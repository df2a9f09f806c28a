"""Rows to models and back, by the types of the model.

What a database keeps is less than what a model says: MySQL and SQLite have no instants, no UUIDs
and, reflected, no JSON. Reading follows the model's field, writing follows the table's column.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import FromClause, Row

from saigon.orm._rows.fields import field_keys, path_roots
from saigon.orm._rows.reading import row_reader
from saigon.orm._rows.writing import RowWriter

__all__ = [
    "filter_unknown_model_fields",
    "model_data_to_row_values",
    "row_mapping_to_model_data",
    "row_to_model_data",
    "row_values_writer",
]

ModelT = TypeVar("ModelT", bound=BaseModel)


def row_to_model_data(
    model: type[ModelT], row: Row[Any], *, dialect_name: str | None = None
) -> ModelT:
    """Return a row as a model, which is read leniently even where it is strict.

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


def model_data_to_row_values(
    data: BaseModel,
    table: FromClause | None = None,
    *,
    dialect_name: str | None = None,
    exclude: Collection[str] = (),
) -> dict[str, Any]:
    """Return a model's values as a statement's parameters, by field name.

    Computed fields are left out, secrets are given in clear. A field that is excluded from dumps is
    written where the table has its column.

    Args:
        data: The model.
        table: Where they go. Its columns have the names of the fields, or of their aliases, and
            decide the form: a UUID becomes text for a ``CHAR`` column, a Decimal for a text column,
            a nested model JSON. Without it, nested models and lists are given in the form of JSON
            and the rest is left to SQLAlchemy's types.
        dialect_name: The connector's: it decides what the columns keep.
        exclude: Fields to leave out.

    Raises:
        ModelMappingError: A field has no column in the table, or the column would not give its
            value back: an instant without offset, or a fraction of a second, for instance.
    """
    return RowWriter(type(data), table, dialect_name, exclude)(data)


def row_values_writer(
    model: type[BaseModel],
    table: FromClause | None = None,
    *,
    dialect_name: str | None = None,
    exclude: Collection[str] = (),
) -> Callable[[BaseModel], dict[str, Any]]:
    """Return ``model_data_to_row_values`` for many of a model: several times as fast.

    Model and table are looked at once, so neither may change afterwards.

    Args:
        model: The class of the data, exactly.
        table: As of ``model_data_to_row_values``.
        dialect_name: Likewise.
        exclude: Likewise.
    """
    return RowWriter(model, table, dialect_name, exclude)


def filter_unknown_model_fields(
    model: type[BaseModel], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values whose keys are fields of the model, by name or alias."""
    fields = model.model_fields.items()
    known = {
        key for name, field in fields for key in (*field_keys(name, field), *path_roots(field))
    }
    return {key: value for key, value in values.items() if key in known}
