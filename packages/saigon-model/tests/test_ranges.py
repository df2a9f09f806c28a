import json
import math
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from saigon.model import FloatRange, IntRange, Range, TimeRange, UIntRange, max_span

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "bounds",
    [
        {"start": 5, "end": 0},
        {"start": "b", "end": 1},
        {"start": 1, "end": "b"},
        {"start": NOON, "end": NOON.replace(tzinfo=None)},
        {"start": float("nan")},
        {"start": 1.0, "end": float("nan")},
        {"start": Decimal("nan")},
        {"end": Decimal("snan")},
        {"start": {"a": 1}, "end": {"b": 2}},
    ],
)
def test_bounds_without_an_order_are_a_validation_error(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Range(**bounds)


def test_bounds_are_given_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        cast("Any", Range)(1, 2)


@pytest.mark.parametrize("bound", [0, 0.0, "", Decimal(0)])
def test_a_falsy_bound_is_a_bound(bound: Any) -> None:
    assert Range(end=bound).end == bound
    assert bound in Range(start=bound, end=bound)
    if not isinstance(bound, str):
        assert -1 not in Range(start=bound)
        assert 1 not in Range(end=bound)


@given(st.integers(), st.integers(), st.integers())
def test_a_range_of_numbers_is_closed(start: int, end: int, value: int) -> None:
    low, high = sorted((start, end))
    assert (value in Range[int](start=low, end=high)) == (low <= value <= high)
    assert high in Range[int](start=low, end=high)


def test_a_range_of_time_is_half_open() -> None:
    hour = TimeRange(start=NOON, end=NOON + timedelta(hours=1))
    assert NOON in hour
    assert hour.end not in hour
    assert hour.length == timedelta(hours=1)
    day = Range[date](start=date(2026, 1, 1), end=date(2026, 1, 2))
    assert date(2026, 1, 2) not in day
    assert day.length == timedelta(days=1)


def test_an_open_end_holds_everything_on_its_side() -> None:
    assert 10**9 in IntRange(start=0)
    assert -1 not in IntRange(start=0)
    assert 10**9 in IntRange()
    assert IntRange(start=0).length is None


def test_what_cannot_be_compared_is_not_in_the_range() -> None:
    assert "a" not in IntRange(start=1)
    assert None not in IntRange(start=1)
    assert NOON.replace(tzinfo=None) not in TimeRange(start=NOON)


def test_the_length_of_integers_counts_them() -> None:
    assert IntRange(start=1, end=3).length == 3
    assert FloatRange(start=1, end=3).length == 2.0
    assert Range[Decimal](start=Decimal(1), end=Decimal("1.5")).length == Decimal("0.5")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((1, 5), (3, 9), (3, 5)),
        ((1, 3), (3, 9), (3, 3)),
        ((1, 2), (3, 9), None),
        ((None, 5), (3, None), (3, 5)),
        ((None, None), (0, None), (0, None)),
    ],
)
def test_an_intersection_holds_what_both_hold(
    one: tuple[Any, Any], other: tuple[Any, Any], both: tuple[Any, Any] | None
) -> None:
    first, second = IntRange(start=one[0], end=one[1]), IntRange(start=other[0], end=other[1])
    expected = None if both is None else IntRange(start=both[0], end=both[1])
    assert first.intersect(second) == second.intersect(first) == expected


def test_time_ranges_that_follow_each_other_share_nothing() -> None:
    before, after = TimeRange(end=NOON), TimeRange(start=NOON)
    assert before.intersect(after) is None


@pytest.mark.parametrize(
    ("model", "low", "high"), [(IntRange, -(2**63), 2**63 - 1), (UIntRange, 0, 2**64 - 1)]
)
def test_integer_ranges_have_64_bits(
    model: type[IntRange] | type[UIntRange], low: int, high: int
) -> None:
    assert model(start=low, end=high).start == low
    with pytest.raises(ValidationError):
        model(start=low - 1)
    with pytest.raises(ValidationError):
        model(end=high + 1)


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_float_range_is_finite(bound: float) -> None:
    with pytest.raises(ValidationError):
        FloatRange(start=bound)


@pytest.mark.parametrize("name", ["start", "end"])
def test_a_naive_datetime_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="timezone"):
        TimeRange.model_validate({name: "2026-01-01T00:00:00"})


def test_time_is_kept_in_utc() -> None:
    local = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    kept = TimeRange(start=local).start
    assert kept == local
    assert kept is not None
    assert kept.tzinfo is UTC


def test_an_instant_outside_the_calendar_in_utc_is_refused() -> None:
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))
    with pytest.raises(ValidationError, match="1 and 9999"):
        TimeRange(start=first)


def test_a_time_range_serialises_as_start_time_and_end_time() -> None:
    text = TimeRange(start=NOON).model_dump_json()
    assert json.loads(text) == {"start_time": "2026-01-01T12:00:00Z", "end_time": None}
    assert TimeRange.model_validate_json(text) == TimeRange(start=NOON)


def test_the_last_hour_ends_now() -> None:
    assert TimeRange.last(timedelta(hours=1), now=NOON) == TimeRange(
        start=NOON - timedelta(hours=1), end=NOON
    )
    before = datetime.now(UTC)
    end = TimeRange.last(timedelta(hours=1)).end
    assert end is not None
    assert before <= end <= datetime.now(UTC)


def test_a_span_is_capped_where_asked() -> None:
    capped = TypeAdapter(Annotated[TimeRange, max_span(timedelta(days=1))])
    day = {"start": NOON, "end": NOON + timedelta(days=1)}
    assert capped.validate_python(day).length == timedelta(days=1)
    for wide in ({"start": NOON}, day | {"end": NOON + timedelta(days=2)}):
        with pytest.raises(ValidationError, match="at most 1 day"):
            capped.validate_python(wide)


def test_a_range_is_a_value() -> None:
    hour = TimeRange.last(timedelta(hours=1), now=NOON)
    assert {hour: 1}[TimeRange.last(timedelta(hours=1), now=NOON)] == 1
    assert pickle.loads(pickle.dumps(hour)) == hour
    with pytest.raises(ValidationError, match="frozen"):
        hour.start = None  # type: ignore[misc]  # the fault under test
