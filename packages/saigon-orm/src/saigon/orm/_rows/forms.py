"""The form of a value that its column gives back exactly; without one, it is refused."""

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from pydantic import Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python
from sqlalchemy import null, types

from saigon.orm._rows.clocks import clock_form, datetime_form
from saigon.orm._rows.place import Place
from saigon.orm.exceptions import ModelMappingError

__all__ = ["column_form", "forms_by_type", "unchanged_types"]

_BINARY = (types.LargeBinary, types.BINARY, types.VARBINARY)
_HEX_LENGTH = 32  # of a UUID without hyphens
_INT64 = range(-(2**63), 2**63)
_OWN_FORMS = (types.JSON, types.ARRAY, types.Enum)


def unchanged_types(place: Place) -> frozenset[type]:
    """Return the types whose values the column takes as they are, so that they need no look."""
    if place.is_a(*_OWN_FORMS) or place.is_set or place.is_bits:
        return frozenset()
    unchanged: set[type] = {str, bool, type(None)}
    unchanged |= set() if place.dialect_name == "sqlite" else {int}
    if not place.is_a(types.String):
        unchanged |= {bytes, date}
        unchanged |= set() if place.is_single or place.is_whole else {float, Decimal}
        unchanged |= set() if place.is_a(*_BINARY) else {UUID}
    return frozenset(unchanged)


def forms_by_type(place: Place) -> dict[type, Callable[[Any, Place], Any]]:
    """Return what gives the forms of values of some types without a look at others."""
    is_other = place.is_a(*_OWN_FORMS, types.String)
    return {} if is_other else {datetime: datetime_form}


def column_form(value: Any, place: Place) -> Any:
    """Return a value as the column takes it; the value for a JSON column is JSON already.

    Raises:
        ModelMappingError: The column would give back another one.
    """
    if isinstance(place.kind, types.JSON):
        # SQLAlchemy writes None as the JSON null, which IS NULL does not find.
        return null() if value is None and not place.kind.none_as_null else value
    if isinstance(place.kind, types.ARRAY) and not isinstance(place.kind.item_type, types.JSON):
        return _array_form(value, place, place.kind.item_type)
    if isinstance(place.kind, types.Enum):
        return _enum_form(value, place.kind)
    if place.is_set:
        return _set_form(_plain_form(value, place), place.kind)
    form = clock_form(_plain_form(value, place), place)
    if place.is_bits:
        _check_bits(form, place.kind)
    if not isinstance(place.kind, types.String):
        return form
    text = _text_form(form, place.kind)
    _check_blanks(text, place.text_length)
    return text


def _array_form(value: Any, place: Place, item_type: types.TypeEngine[Any]) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_array_form(item, place, item_type) for item in value]
    place = replace(place, kind=item_type, annotation=None)
    form = column_form(value, place)
    # The items are cast to their type, by which PostgreSQL cuts them.
    if isinstance(form, str) and place.text_length and len(form) > place.text_length:
        raise ModelMappingError(f"the column's items keep {place.text_length} characters")
    return form


def _enum_form(value: Any, kind: types.Enum) -> Any:
    if kind.enum_class is None:
        if isinstance(value, Enum):
            value = value.value if value.value in kind.enums else value.name
        _check_member(value, kind.enums)
        return value
    member = _member(value, kind.enum_class)
    if not isinstance(member, kind.enum_class):
        _check_member(member, kind.enums)
    is_named = isinstance(member, Enum) and kind.values_callable is None
    if is_named and _member(member.name, kind.enum_class) not in {member, member.name}:
        raise ModelMappingError(
            f"{kind.enum_class.__name__}.{member.name} is kept by its name, which is another "
            "member's value; give the Enum column values_callable"
        )
    return member


def _check_member(value: Any, values: Collection[str]) -> None:
    """Refuse what MySQL takes for a member's number, or for a member in another case."""
    if value is not None and values and value not in values:  # reflected types may name none
        raise ModelMappingError("not a value of the Enum")


def _set_form(value: Any, kind: Any) -> Any:
    members = value.split(",") if isinstance(value, str) and value else value or ()
    if not isinstance(members, list | tuple | set | frozenset):
        raise ModelMappingError("expected the members of a SET, or their names and commas")
    names = [member.value if isinstance(member, Enum) else member for member in members]
    for name in names:
        _check_member(name, kind.values)
    return value if value is None or isinstance(value, str) else set(names)


def _member(value: Any, members: type[Enum]) -> Any:
    """Return the member of a value; a model may hold values in place of members."""
    try:
        return members(value)
    except ValueError:
        return value


def _plain_form(value: Any, place: Place) -> Any:
    match value:
        case Secret() | SecretBytes() | SecretStr():
            return _plain_form(value.get_secret_value(), place)
        case Enum():
            return _plain_form(value.value, place)
        case UUID() if place.is_a(*_BINARY):
            return value.bytes
        case int() if place.dialect_name == "sqlite" and value not in _INT64:
            if place.is_a(types.String):
                return str(value)
            raise ModelMappingError("SQLite keeps integers of 64 bits; keep others as text")
        case float() | Decimal():
            _check_fits(value, place)
            return value
        case _:
            return value


def _check_fits(value: float | Decimal, place: Place) -> None:
    if place.is_single and value != type(value)(f"{value:.6g}"):
        raise ModelMappingError(
            "MySQL's FLOAT gives back six digits; declare the column as Double, or round the value"
        )
    if place.is_whole and isfinite(value) and value % 1:
        raise ModelMappingError(
            "MySQL keeps whole numbers in a Numeric without a scale; declare Numeric(…, scale)"
        )


def _text_form(value: Any, kind: types.String) -> Any:
    match value:
        case UUID():
            return value.hex if kind.length == _HEX_LENGTH else str(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case bytes():
            raise ModelMappingError("a column of text keeps no bytes; declare it as LargeBinary")
        case None | str() | int() | float():
            return value
        case _:
            return _as_text(value)


def _check_blanks(value: Any, length: int | None) -> None:
    # Of longer texts with anything else at their end, the database says so.
    is_longer = isinstance(value, str) and length is not None and len(value) > length
    if is_longer and not value[length:].strip(" "):
        raise ModelMappingError(f"the column keeps {length} characters and cuts blanks after them")


def _check_bits(value: Any, kind: Any) -> None:
    if not isinstance(value, str) or kind.length is None:
        return
    if len(value) > kind.length or (len(value) < kind.length and not kind.varying):
        raise ModelMappingError(f"the column keeps {kind.length} bits")


def _as_text(value: Any) -> Any:
    """Return the text that a model takes back: of decimals, times, addresses, paths."""
    try:
        return to_jsonable_python(value)
    except ValueError:  # it knows no such type; the driver may
        return value
