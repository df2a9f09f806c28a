"""Models to rows: which fields go where, and which of them as JSON."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from sqlalchemy import FromClause, types

from saigon.orm._rows.fields import field_keys
from saigon.orm._rows.forms import column_form, forms_by_type, unchanged_types
from saigon.orm._rows.place import Place
from saigon.orm.exceptions import ModelMappingError

__all__ = ["RowWriter"]

_CONTAINERS = (BaseModel, dict, list, tuple, set, frozenset)


class RowWriter:
    """Gives the rows of a model's data; what the data does not decide is settled once."""

    def __init__(
        self,
        model: type[BaseModel],
        table: FromClause | None,
        dialect_name: str | None,
        exclude: Collection[str],
    ) -> None:
        self._model = model
        self._table = table
        self._dialect_name = dialect_name
        self._exclude = set(exclude)
        self._hidden = tuple(self._hidden_names())
        self._places = self._places_of(model.model_fields)
        self._unchanged = {name: unchanged_types(place) for name, place in self._places.items()}
        self._forms = {name: forms_by_type(place) for name, place in self._places.items()}
        self._lengths = [
            (name, place.text_length)
            for name, place in self._places.items()
            if place.text_length is not None
        ]
        self._is_renamed = any(name != place.key for name, place in self._places.items())
        self._primary = (
            () if table is None else tuple(key for key, col in table.c.items() if col.primary_key)
        )

    def __call__(self, data: BaseModel) -> dict[str, Any]:
        """Return the data's values by the names of the columns.

        Raises:
            ModelMappingError: A field has no column in the table, or its value has no exact form.
        """
        values = self._python_values(data)
        unchanged = self._unchanged
        others = [n for n, value in values.items() if type(value) not in unchanged.get(n, ())]
        for name, length in self._lengths:
            value = values.get(name)
            if type(value) is str and len(value) > length:
                others.append(name)
        if others and (slow := self._convert(values, others)):
            self._convert_any(data, values, slow)
        if self._is_renamed:
            places = self._places
            values = {places[n].key if n in places else n: value for n, value in values.items()}
        # The key of a new row is left to the database: PostgreSQL makes none in place of NULL.
        for key in self._primary:
            if key in values and values[key] is None:
                del values[key]
        return values

    def _convert(self, values: dict[str, Any], names: list[str]) -> list[str]:
        """Bring values into the forms of their columns; return the names of those left over."""
        slow: list[str] = []
        for name in names:
            form = self._forms[name].get(type(values[name])) if name in self._forms else None
            if form is None:
                slow.append(name)
            else:
                values[name] = _form(name, values[name], self._places[name], form)
        return slow

    def _convert_any(self, data: BaseModel, values: dict[str, Any], names: list[str]) -> None:
        places = self._places | self._places_of_others(names)
        in_json = [name for name in names if _is_json(values[name], places[name])]
        if in_json:
            values |= _json_values(data, {name: values[name] for name in in_json})
        for name in names:
            values[name] = _form(name, values[name], places[name], column_form)

    def _python_values(self, data: BaseModel) -> dict[str, Any]:
        # A round trip leaves computed fields out, and Json fields as text.
        values = data.model_dump(by_alias=False, exclude=self._exclude or None, round_trip=True)
        for name in self._hidden:
            values[name] = getattr(data, name)
        return values

    def _hidden_names(self) -> Iterable[str]:
        # What is kept out of answers is not kept out of the table that has a column for it.
        if self._table is None:
            return
        for name, field in self._model.model_fields.items():
            is_hidden = field.exclude and name not in self._exclude
            if is_hidden and _column_key(name, field, self._table) is not None:
                yield name

    def _places_of(self, names: Iterable[str]) -> dict[str, Place]:
        found = ((name, self._place(name)) for name in names)
        return {name: place for name, place in found if place is not None}

    def _places_of_others(self, names: list[str]) -> dict[str, Place]:
        """Return the places of what is no field, or has no column at all."""
        others = [name for name in names if name not in self._places]
        places = self._places_of(others)
        missing = [name for name in others if name not in places]
        if missing:
            raise ModelMappingError(
                f"no column for the fields {', '.join(missing)}; "
                "name them in 'exclude' to leave them"
            )
        return places

    def _place(self, name: str) -> Place | None:
        field = self._model.model_fields.get(name)
        annotation = None if field is None else field.annotation
        if self._table is None:
            return Place(name, types.NullType(), self._dialect_name, annotation)
        key = _column_key(name, field, self._table)
        if key is None:
            return None
        kind = self._table.c[key].type
        variant = kind._variant_mapping.get(self._dialect_name or "", kind)  # noqa: SLF001  # of with_variant
        return Place(key, variant, self._dialect_name, annotation)


def _column_key(name: str, field: FieldInfo | None, table: FromClause) -> str | None:
    keys = [name] if field is None else field_keys(name, field)
    return next((key for key in keys if key in table.c), None)


def _form(name: str, value: Any, place: Place, form: Callable[[Any, Place], Any]) -> Any:
    try:
        return form(value, place)
    except ModelMappingError as exc:
        raise ModelMappingError(f"{name}: {exc}") from exc.__cause__


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
        case float(), None | float() if not isfinite(value):
            raise ModelMappingError("JSON has no NaN and no infinity")
        case BaseModel(), _:
            return _faithful(value.model_dump(by_alias=False, round_trip=True), as_json)
        case dict(), dict() if len(value) == len(as_json):
            pairs = zip(value.values(), as_json.items(), strict=True)
            return {key: _faithful(item, item_json) for item, (key, item_json) in pairs}
        case (list() | tuple() | set() | frozenset(), list()) if len(value) == len(as_json):
            return list(map(_faithful, value, as_json))
        case _:
            return as_json
