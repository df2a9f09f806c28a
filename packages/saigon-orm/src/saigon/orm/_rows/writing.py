"""Models to rows: which fields go where, and which of them as JSON."""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from sqlalchemy import FromClause, types

from saigon.orm._rows.fields import field_keys
from saigon.orm._rows.forms import column_form
from saigon.orm._rows.place import Place
from saigon.orm.exceptions import ModelMappingError

__all__ = ["row_values"]

_CONTAINERS = (BaseModel, dict, list, tuple, set, frozenset)


def row_values(
    data: BaseModel,
    table: FromClause | None,
    dialect_name: str | None,
    exclude: Collection[str],
) -> dict[str, Any]:
    """Return a model's values by the names of the columns.

    Raises:
        ModelMappingError: A field has no column in the table, or its value has no exact form.
    """
    values = _python_values(data, table, exclude)
    places = {name: _place(data, name, table, dialect_name) for name in values}
    missing = [name for name, place in places.items() if place is None]
    if missing:
        raise ModelMappingError(
            f"no column for the fields {', '.join(missing)}; name them in 'exclude' to leave them"
        )
    found = {name: place for name, place in places.items() if place is not None}
    values |= _json_values(data, {n: values[n] for n, p in found.items() if _is_json(values[n], p)})
    forms = {place.key: _form(name, values[name], place) for name, place in found.items()}
    return forms if table is None else _without_empty_keys(forms, table)


def _form(name: str, value: Any, place: Place) -> Any:
    try:
        return column_form(value, place)
    except ModelMappingError as exc:
        raise ModelMappingError(f"{name}: {exc}") from exc.__cause__


def _without_empty_keys(forms: Mapping[str, Any], table: FromClause) -> dict[str, Any]:
    """Leave the key of a new row to the database: PostgreSQL makes none in place of NULL."""
    return {k: form for k, form in forms.items() if form is not None or not table.c[k].primary_key}


def _python_values(
    data: BaseModel, table: FromClause | None, exclude: Collection[str]
) -> dict[str, Any]:
    # A round trip leaves computed fields out, and Json fields as text.
    values = data.model_dump(by_alias=False, exclude=set(exclude), round_trip=True)
    # What is kept out of answers is not kept out of the table that has a column for it.
    hidden = {
        name: getattr(data, name)
        for name, field in type(data).model_fields.items()
        if field.exclude and name not in exclude and table is not None
        if _column_key(name, field, table) is not None
    }
    return values | hidden


def _place(
    data: BaseModel, name: str, table: FromClause | None, dialect_name: str | None
) -> Place | None:
    field = type(data).model_fields.get(name)
    annotation = None if field is None else field.annotation
    if table is None:
        return Place(name, types.NullType(), dialect_name, annotation)
    key = _column_key(name, field, table)
    if key is None:
        return None
    kind = table.c[key].type
    variant = kind._variant_mapping.get(dialect_name or "", kind)  # noqa: SLF001  # of with_variant
    return Place(key, variant, dialect_name, annotation)


def _column_key(name: str, field: FieldInfo | None, table: FromClause) -> str | None:
    keys = [name] if field is None else field_keys(name, field)
    return next((key for key in keys if key in table.c), None)


def _is_json(value: Any, place: Place) -> bool:
    kind = place.kind
    if isinstance(kind, types.ARRAY):
        return isinstance(kind.item_type, types.JSON)
    return value is not None and (isinstance(kind, types.JSON) or isinstance(value, _CONTAINERS))


def _json_values(data: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        dumped = data.model_dump(mode="json", by_alias=False, include=set(values), round_trip=True)
        hidden = {
            name: to_jsonable_python(values[name], by_alias=False, round_trip=True)
            for name in values.keys() - dumped.keys()
        }
    except ValueError as exc:  # bytes that are no text, or a type that JSON has nothing for
        raise ModelMappingError(f"no JSON for a value of {', '.join(values)}: {exc}") from exc
    return {name: _faithful(values[name], as_json) for name, as_json in (dumped | hidden).items()}


def _faithful(value: Any, as_json: Any) -> Any:
    """Give secrets for their stars, and refuse what would be read back as something else."""
    match value, as_json:
        case (Secret() | SecretBytes() | SecretStr(), str()) if as_json == str(value):
            return to_jsonable_python(value.get_secret_value())
        case bytes(), str() if as_json in {urlsafe_b64encode(value).decode(), value.hex()}:
            raise ModelMappingError(
                "bytes inside JSON would be read back as their base64 or hexadecimal text; "
                "give them a column of their own, or the type Base64Bytes"
            )
        case BaseModel(), _:
            return _faithful(value.model_dump(by_alias=False, round_trip=True), as_json)
        case dict(), dict() if len(value) == len(as_json):
            pairs = zip(value.values(), as_json.items(), strict=True)
            return {key: _faithful(item, item_json) for item, (key, item_json) in pairs}
        case (list() | tuple(), list()) if len(value) == len(as_json):
            return list(map(_faithful, value, as_json))
        case _:
            return as_json
