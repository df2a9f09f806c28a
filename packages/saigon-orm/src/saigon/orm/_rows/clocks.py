"""The forms of instants, days, times and durations."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import types

from saigon.orm._rows.fields import is_instant
from saigon.orm._rows.place import ALL_DIGITS, Place
from saigon.orm.exceptions import ModelMappingError

__all__ = ["EPOCH", "clock_form", "datetime_form"]

_UNITS = {
    "MINUTE": timedelta(minutes=1),
    "HOUR": timedelta(hours=1),
    "DAY": timedelta(days=1),
    "MONTH": timedelta.max,  # none but zero, as a month has no length
    "YEAR": timedelta.max,
}

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # SQLAlchemy's Interval counts from it


def clock_form(value: Any, place: Place) -> Any:
    """Return a time of any kind as the column takes it, and other values as they are.

    Raises:
        ModelMappingError: The column would give back another time.
    """
    match value:
        case datetime():
            return datetime_form(value, place)
        case time():
            return _time_form(value, place)
        case timedelta():
            return _duration_form(value, place)
        case _:
            return value


def datetime_form(value: datetime, place: Place) -> datetime:
    """Return a datetime as a column takes it that has no text, as ``clock_form`` does."""
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
    unit = _UNITS.get(place.last_field or "")
    if unit is not None and value % unit:
        raise ModelMappingError(f"the column cuts durations to {place.last_field}S")
    _check_fraction(value.microseconds, place)
    # Interval, where it is read by reflection from a database that has none.
    return EPOCH + value if place.is_a(types.DateTime) else value


def _check_fraction(microsecond: int, place: Place) -> None:
    if microsecond % 10 ** (ALL_DIGITS - place.second_digits):
        raise ModelMappingError(
            f"the column keeps {place.second_digits} digits of a second's fraction; declare it "
            "with six, on MySQL as DATETIME(fsp=6), or round the value"
        )
