"""Rows to models: what a database keeps in a lesser form becomes what the field says."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from functools import lru_cache, partial
from itertools import repeat
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, TypeAdapter
from pydantic.fields import FieldInfo

from saigon.orm._rows.clocks import EPOCH
from saigon.orm._rows.fields import (
    enum_of,
    field_keys,
    is_container,
    is_instant,
    item_enum_of,
    keeps_text,
    only_leaf,
    path_roots,
)
from saigon.orm.exceptions import ModelMappingError

__all__ = ["row_reader", "rows_to_models"]

ModelT = TypeVar("ModelT", bound=BaseModel)
_Convert: TypeAlias = Callable[[Any], Any]
_Converters: TypeAlias = tuple[tuple[str, _Convert], ...]


def rows_to_models(
    model: type[ModelT],
    keys: tuple[str, ...],
    rows: Iterable[Collection[Any]],
    dialect_name: str | None,
) -> list[ModelT]:
    """Return the models of rows with these columns, by one call of the compiled validator.

    Raises:
        pydantic.ValidationError: A row does not make a model; locations begin with its index.
        ModelMappingError: Two columns have one name.
    """
    mappings: Iterable[dict[str, Any]] = map(dict, map(zip, repeat(keys), rows))
    converters = _read_converters(model, keys, dialect_name)
    if converters:
        mappings = map(partial(_converted, converters), mappings)
    validator = _list_validator(model)
    return validator.validate_python(mappings, strict=False, by_alias=True, by_name=True)


def row_reader(
    model: type[ModelT], keys: tuple[str, ...], dialect_name: str | None
) -> Callable[[Collection[Any]], ModelT]:
    """Return the function that makes a model of a row with these columns.

    Raises:
        ModelMappingError: Two columns have one name.
    """
    validate: Callable[..., ModelT] = model.__pydantic_validator__.validate_python
    converters = _read_converters(model, keys, dialect_name)

    def read(row: Collection[Any]) -> ModelT:
        values = _converted(converters, dict(zip(keys, row, strict=True)))
        # A database is like JSON: it has no type of its own for many of a strict model's.
        return validate(values, strict=False, by_alias=True, by_name=True)

    return read


def _converted(converters: _Converters, values: dict[str, Any]) -> dict[str, Any]:
    for key, convert in converters:
        values[key] = convert(values[key])
    return values


@lru_cache(maxsize=512)
def _list_validator(model: type[ModelT]) -> TypeAdapter[list[ModelT]]:
    config = ConfigDict(
        title=model.model_config.get("title") or model.__name__,
        hide_input_in_errors=model.model_config.get("hide_input_in_errors", False),
    )
    models: Any = Annotated[list[model], FailFast()]  # type: ignore[valid-type]  # known when run
    return TypeAdapter(models, config=config)


@lru_cache(maxsize=512)
def _read_converters(
    model: type[BaseModel], keys: tuple[str, ...], dialect_name: str | None
) -> _Converters:
    if len(set(keys)) < len(keys):
        raise ModelMappingError(f"two columns have one name, label them apart: {', '.join(keys)}")
    return tuple(
        (key, convert)
        for name, field in model.model_fields.items()
        for key, convert in _field_converters(name, field, dialect_name)
        if key in keys
    )


def _field_converters(
    name: str, field: FieldInfo, dialect_name: str | None
) -> Iterator[tuple[str, _Convert]]:
    convert = None if keeps_text(field) else _read_converter(field.annotation, dialect_name)
    if convert is not None:
        yield from ((key, convert) for key in dict.fromkeys(field_keys(name, field)))
    yield from ((key, _from_json_text) for key in path_roots(field))


def _read_converter(annotation: Any, dialect_name: str | None) -> _Convert | None:
    if is_instant(annotation, only_aware=dialect_name not in {"mysql", "sqlite"}):
        return _as_instant
    if is_container(annotation):
        members = item_enum_of(annotation)
        return _from_json_text if members is None else partial(_as_members, members)
    members = enum_of(annotation)
    if members is not None:
        return partial(_as_member, members)
    return _CONVERTERS.get(only_leaf(annotation))


def _as_member(members: type[Enum], value: Any) -> Any:
    """Read a value or, as SQLAlchemy's ``Enum`` keeps it, a name."""
    try:
        return members(value)
    except (ValueError, TypeError):  # else the model says what is wrong with it
        return members.__members__.get(value, value) if isinstance(value, str) else value


def _as_members(members: type[Enum], value: Any) -> Any:
    items = _from_json_text(value)
    return [_as_member(members, item) for item in items] if isinstance(items, list) else items


def _as_datetime(text: str) -> Any:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the model says what is wrong with it
        return text


def _as_instant(value: Any) -> Any:
    if isinstance(value, str):
        value = _as_datetime(value)
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


def _as_duration(value: Any) -> Any:
    """Read what SQLAlchemy's ``Interval`` keeps where there are no intervals."""
    if isinstance(value, str) and " " in value:
        value = _as_datetime(value)
    return value - EPOCH if isinstance(value, datetime) and value.tzinfo is None else value


def _as_time(value: Any) -> Any:
    """Read PyMySQL's time of day."""
    is_of_day = isinstance(value, timedelta) and timedelta(0) <= value < timedelta(days=1)
    return (EPOCH + value).time() if is_of_day else value


def _as_truth(value: Any) -> Any:
    """Read PyMySQL's BIT."""
    is_bit = isinstance(value, bytes) and value in {b"\x00", b"\x01"}
    return value == b"\x01" if is_bit else value


_CONVERTERS: dict[Any, _Convert] = {bool: _as_truth, timedelta: _as_duration, time: _as_time}
