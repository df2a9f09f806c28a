"""The form of a value that its column gives back exactly; without one, it is refused."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from pydantic import Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python
from sqlalchemy import null, types

from saigon.orm._rows.fields import is_instant
from saigon.orm.exceptions import ModelMappingError

__all__ = ["Place", "column_form"]

_BINARY = (types.LargeBinary, types.BINARY, types.VARBINARY)
_HEX_LENGTH = 32  # of a UUID without hyphens
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # SQLAlchemy's Interval counts from it
_INT64 = range(-(2**63), 2**63)
_ALL_DIGITS = 6  # of a second
_SINGLE = 24  # bits of precision, up to which FLOAT is of single precision


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field's value goes."""

    key: str
    """The name of the statement's parameter."""

    kind: types.TypeEngine[Any]
    """The column's type, of its variants that for the dialect; ``NullType`` without a table."""

    dialect_name: str | None
    annotation: Any
    """The field's, which says how the value will be read."""

    def is_a(self, *kinds: type[types.TypeEngine[Any]]) -> bool:
        """Tell whether the column is of one of these types."""
        return isinstance(self.kind, kinds)

    @property
    def keeps_offset(self) -> bool:
        """Whether the database has types that keep a time zone."""
        return self.dialect_name not in {"mysql", "sqlite"}

    @property
    def has_zone(self) -> bool:
        """Whether the column is of such a type."""
        return bool(getattr(self.kind, "timezone", False))

    @property
    def second_digits(self) -> int:
        """How many digits of a second's fraction the column keeps; MySQL's default is none."""
        if not self.is_a(types.DateTime, types.Time, types.Interval):
            return _ALL_DIGITS
        if self.dialect_name == "mysql":
            return getattr(self.kind, "fsp", None) or 0
        precision: int | None = getattr(self.kind, "precision", None)
        return _ALL_DIGITS if precision is None else precision

    @property
    def is_single(self) -> bool:
        """Whether the column is MySQL's FLOAT, as which SQLAlchemy declares its ``Float``."""
        if self.dialect_name != "mysql" or not isinstance(self.kind, types.Float):
            return False
        return not self.is_a(types.Double, types.REAL) and (self.kind.precision or 0) <= _SINGLE

    @property
    def is_whole(self) -> bool:
        """Whether the column is MySQL's DECIMAL without a scale."""
        if self.dialect_name != "mysql" or self.is_a(types.Float):  # a Numeric in SQLAlchemy 2.0
            return False
        return isinstance(self.kind, types.Numeric) and self.kind.scale is None


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
    form = _clock_form(_plain_form(value, place), place)
    return _text_form(form, place.kind) if isinstance(place.kind, types.String) else form


def _array_form(value: Any, place: Place, item_type: types.TypeEngine[Any]) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_array_form(item, place, item_type) for item in value]
    return column_form(value, replace(place, kind=item_type, annotation=None))


def _enum_form(value: Any, kind: types.Enum) -> Any:
    if kind.enum_class is None:
        if isinstance(value, Enum):
            return value.value if value.value in kind.enums else value.name
        return value
    member = _member(value, kind.enum_class)
    is_named = isinstance(member, Enum) and kind.values_callable is None
    if is_named and _member(member.name, kind.enum_class) not in {member, member.name}:
        raise ModelMappingError(
            f"{kind.enum_class.__name__}.{member.name} is kept by its name, which is another "
            "member's value; give the Enum column values_callable"
        )
    return member


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


def _as_text(value: Any) -> Any:
    """Return the text that a model takes back: of decimals, times, addresses, paths."""
    try:
        return to_jsonable_python(value)
    except ValueError:  # it knows no such type; the driver may
        return value


def _clock_form(value: Any, place: Place) -> Any:
    match value:
        case datetime():
            return _datetime_form(value, place)
        case time():
            return _time_form(value, place)
        case timedelta():
            return _duration_form(value, place)
        case _:
            return value


def _datetime_form(value: datetime, place: Place) -> datetime:
    if place.is_a(types.Date):
        raise ModelMappingError("a column of days keeps no time; declare it as DateTime")
    _check_fraction(value.microsecond, place)
    if value.tzinfo is not None:
        return _instant_form(value, place)
    if place.has_zone or (not place.keeps_offset and is_instant(place.annotation)):
        raise ModelMappingError(
            "a datetime without offset would be read back as another instant; give it its "
            "offset, or declare the field as NaiveDatetime and the column without time zone"
        )
    return value


def _instant_form(value: datetime, place: Place) -> datetime:
    try:
        in_utc = value.astimezone(UTC)
    except OverflowError as exc:
        raise ModelMappingError("expected a datetime from year 1 to 9999 in UTC") from exc
    drops_offset = place.is_a(types.DateTime) and not place.has_zone
    if place.dialect_name != "postgresql" or not drops_offset:
        return in_utc
    if not is_instant(place.annotation, only_aware=True):
        raise ModelMappingError(
            "a column without time zone would give a datetime back without its offset; declare "
            "the column as DateTime(timezone=True), or the field as AwareDatetime"
        )
    return in_utc.replace(tzinfo=None)  # PostgreSQL would take the session's time zone


def _time_form(value: time, place: Place) -> time:
    _check_fraction(value.microsecond, place)
    drops_offset = place.is_a(types.Time) and not place.has_zone
    if value.tzinfo is not None and (drops_offset or not place.keeps_offset):
        raise ModelMappingError("a time would be read back without its offset; keep it as text")
    return value


def _duration_form(value: timedelta, place: Place) -> Any:
    if place.is_a(types.Time):
        raise ModelMappingError("a column of times keeps no duration; declare it as Interval")
    _check_fraction(value.microseconds, place)
    # Interval, where it is read by reflection from a database that has none.
    return _EPOCH + value if place.is_a(types.DateTime) else value


def _check_fraction(microsecond: int, place: Place) -> None:
    if microsecond % 10 ** (_ALL_DIGITS - place.second_digits):
        raise ModelMappingError(
            f"the column keeps {place.second_digits} digits of a second's fraction; declare it "
            "with six, on MySQL as DATETIME(fsp=6), or round the value"
        )
