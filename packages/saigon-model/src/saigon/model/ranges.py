"""Ranges of numbers and of time, either end open."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from operator import le, lt
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)

from saigon.model._naming import NamedGeneric

__all__ = ["FloatRange", "IntRange", "Range", "TimeRange", "UIntRange", "UtcDatetime", "max_span"]

BoundT = TypeVar("BoundT")

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
UInt64 = Annotated[int, Field(ge=0, le=2**64 - 1)]


class Range(NamedGeneric, Generic[BoundT]):
    """The values from ``start`` to ``end``; ``None`` leaves that end open.

    Ranges of numbers and text are closed, ``[start, end]``; ranges of datetimes, dates and times
    are half-open, ``[start, end)``, so that two that follow each other share no instant. For
    instants take :class:`TimeRange`: Python compares two datetimes of one time zone by the clock
    on the wall.

    Raises:
        ValidationError: ``start`` lies after ``end``, the two cannot be compared, or one is NaN.
    """

    # JSON has no infinity; as null it would be an open end.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    start: BoundT | None = None
    """The first value, ``None`` where there is no first one."""

    end: BoundT | None = None
    """The last value, of time the one after it; ``None`` where there is none."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        for bound in (self.start, self.end):
            if bound is not None and not _has_order(bound):
                raise ValueError("expected bounds that have an order; NaN has none")
        if self.start is not None and self.end is not None and not _holds(le, self.start, self.end):
            raise ValueError("expected a start that compares with the end and is not after it")
        return self

    def __contains__(self, value: Any) -> bool:
        """Tell whether the value lies in the range; what cannot be compared does not."""
        before = lt if self._half_open else le
        return (
            _has_order(value)
            and (self.start is None or _holds(le, self.start, value))
            and (self.end is None or _holds(before, value, self.end))
        )

    @property
    def _half_open(self) -> bool:
        return isinstance(self.start if self.end is None else self.end, date | time)

    @property
    def length(self) -> Any:
        """How much the range holds, ``None`` where an end is open or values have no difference.

        The number of integers in a range of integers, a ``timedelta`` for datetimes and dates,
        else ``end - start``.
        """
        if self.start is None or self.end is None:
            return None
        try:
            difference = self.end - self.start  # type: ignore[operator]  # not of text, say
        except (TypeError, ArithmeticError):
            return None
        return difference + 1 if isinstance(difference, int) else difference

    def intersect(self, other: "Range[BoundT]") -> Self | None:
        """Return what both ranges hold, ``None`` where that is nothing.

        Raises:
            ValidationError: A bound of the other, of another class, is not one for this class.
        """
        try:
            start = _pick(max, self.start, other.start)
            end = _pick(min, self.end, other.end)
            if start is not None and end is not None and _is_empty(start, end):
                return None
        except (TypeError, ArithmeticError):
            return None
        return type(self).model_validate({**dict(self), "start": start, "end": end})


def _holds(comparison: Callable[[Any, Any], Any], one: Any, other: Any) -> bool:
    try:
        return bool(comparison(one, other))
    except (TypeError, ValueError, ArithmeticError):  # of other types, an array, a signalling NaN
        return False


def _has_order(value: Any) -> bool:
    return _holds(le, value, value)


def _is_empty(start: Any, end: Any) -> bool:
    return bool(start > end or (start == end and isinstance(end, date | time)))


def _pick(choose: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


class IntRange(Range[Int64]):
    """A closed range of signed 64-bit integers."""


class UIntRange(Range[UInt64]):
    """A closed range of unsigned 64-bit integers."""


class FloatRange(Range[FiniteFloat]):
    """A closed range of finite floats; an infinite end is an open one, ``None``."""


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("expected an instant between the years 1 and 9999 in UTC") from exc


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware datetime, whatever its offset, kept in UTC."""


class TimeRange(Range[UtcDatetime]):
    """A half-open range of instants, ``[start, end)``, kept in UTC.

    Naive datetimes are refused. As JSON its fields are ``start_time`` and ``end_time``.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(serialize_by_alias=True)

    start: UtcDatetime | None = Field(
        default=None, validation_alias="start_time", serialization_alias="start_time"
    )
    end: UtcDatetime | None = Field(
        default=None, validation_alias="end_time", serialization_alias="end_time"
    )

    @classmethod
    def last(cls, delta: timedelta, *, now: datetime | None = None) -> Self:
        """Return the range of the given length that ends now, or at ``now``.

        Raises:
            ValueError: ``now`` is naive, or the range would start before the year 1 or end before
                it starts.
        """
        end = datetime.now(UTC) if now is None else now
        return cls(start=_before(end, delta), end=end)


def _before(instant: datetime, delta: timedelta) -> datetime:
    try:
        # In a time zone of its own, a day is not always 24 hours long.
        return _in_utc(instant) - delta
    except OverflowError:
        raise ValueError("expected a range within the years 1 to 9999") from None


def max_span(limit: timedelta) -> AfterValidator:
    """Return a validator that refuses a range longer than the limit, or open at an end.

    Example:
        ``Annotated[TimeRange, max_span(timedelta(days=31))]`` as the type of a field.
    """

    def check(value: TimeRange | None) -> TimeRange | None:
        if value is not None and (value.length is None or value.length > limit):
            raise ValueError(f"expected a range with both ends, at most {limit} long")
        return value

    return AfterValidator(check)
