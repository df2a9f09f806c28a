import math
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from saigon.model import FloatRange, IntRange, Range, TimeRange, UIntRange

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

BERLIN = ZoneInfo("Europe/Berlin")


def repr_of_type(value: object) -> str:
    return f"{type(value).__name__}-{value}" if isinstance(value, Decimal) else type(value).__name__


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


class Array:
    """Compares as numpy's arrays do."""

    def __le__(self, other: object) -> "Array":
        return self

    __lt__ = __ge__ = __gt__ = __le__

    def __bool__(self) -> bool:
        raise ValueError("the truth of an array is ambiguous")


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
        {"start": float("nan"), "end": float("nan")},
        {"start": Decimal("snan"), "end": Decimal("snan")},
        {"start": {"a": 1}, "end": {"b": 2}},
        {"start": {"a": 1}},
        {"start": {}},
        {"end": 1j},
        {"start": {1}, "end": {2}},
        {"start": date(2026, 1, 1), "end": NOON},
        {"start": time(1), "end": time(2, tzinfo=UTC)},
        {"start": [1, "a"], "end": [1, 2]},
        {"start": True, "end": False},
    ],
)
def test_bounds_without_an_order_are_a_validation_error(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Range(**bounds)


RANGES: list[Any] = [Range, IntRange, UIntRange, FloatRange, TimeRange]


@pytest.mark.parametrize("model", RANGES)
@given(start=json_values, end=json_values)
def test_json_makes_a_range_that_works_or_a_validation_error(
    model: Any, start: object, end: object
) -> None:
    try:
        valid = model.model_validate({"start": start, "end": end})
    except ValidationError:
        return
    assert valid.intersect(valid) in (None, valid)
    assert valid.length is None or None not in (start, end)


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


@pytest.mark.parametrize(
    "value",
    [math.nan, Decimal("nan"), Decimal("snan"), 1j, None, {}, Array(), object()],
    ids=repr_of_type,
)
@pytest.mark.parametrize(
    "bounds", [{}, {"start": Decimal(1)}, {"end": 1.5}, {"end": NOON}], ids=str
)
def test_what_has_no_order_is_in_no_range(value: object, bounds: dict[str, Any]) -> None:
    assert value not in Range(**bounds)


@pytest.mark.parametrize("value", ["1", b"1", [1], NOON, date(2026, 1, 1)], ids=str)
def test_what_is_no_number_is_not_in_a_range_of_numbers(value: object) -> None:
    assert value not in IntRange(start=0)
    assert value not in FloatRange(end=0)


def test_a_range_without_a_difference_has_no_length() -> None:
    assert Range(start="a", end="b").length is None
    assert Range(start=time(1), end=time(2)).length is None
    far = Decimal("9E+999999")
    assert Range(start=-far, end=far).length is None


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


@given(
    st.lists(st.none() | st.integers(1, 9), min_size=4, max_size=4),
    st.integers(1, 10),
    st.sampled_from([int, float, date.fromordinal]),
)
def test_a_value_is_in_the_intersection_if_it_is_in_both(
    bounds: list[int | None], number: int, kind: Callable[[int], Any]
) -> None:
    a, b, c, d = (None if bound is None else kind(bound) for bound in bounds)
    try:
        one, other = Range(start=a, end=b), Range(start=c, end=d)
    except ValidationError:
        return
    both, value = one.intersect(other), kind(number)
    assert (both is not None and value in both) == (value in one and value in other)


def test_ranges_that_cannot_be_compared_have_nothing_in_common() -> None:
    text: Range[Any] = Range(start="a")
    assert text.intersect(Range(end=1)) is None
    naive = Range(start=NOON.replace(tzinfo=None))
    assert TimeRange(start=NOON).intersect(naive) is None


def test_an_intersection_is_of_the_first_ranges_class() -> None:
    class Shift(TimeRange):
        worker: str

    shift = Shift(start=NOON, worker="Ada")
    local = NOON.astimezone(BERLIN) + timedelta(hours=1)
    both = shift.intersect(Range[datetime](end=local))
    assert type(both) is Shift
    assert both == Shift(start=NOON, end=NOON + timedelta(hours=1), worker="Ada")
    assert both.end is not None
    assert both.end.tzinfo is UTC


def test_a_bound_that_the_first_ranges_class_cannot_hold_is_a_validation_error() -> None:
    assert IntRange(start=-5).intersect(UIntRange(end=7)) == IntRange(start=-5, end=7)
    with pytest.raises(ValidationError):
        UIntRange(end=7).intersect(IntRange(start=-5))


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


@pytest.mark.parametrize("model", [IntRange, UIntRange, FloatRange, Range[float], Range[Decimal]])
@given(one=st.floats(0, 2**63), other=st.floats(0, 2**63) | st.just(math.inf) | st.none())
def test_a_range_is_read_back_from_its_json(model: Any, one: float, other: float | None) -> None:
    try:
        valid = model(start=one, end=other)
    except ValidationError:
        return
    assert model.model_validate_json(valid.model_dump_json()) == valid
    assert model.model_validate(valid.model_dump()) == valid


def test_an_infinite_end_is_not_read_back_as_an_open_one() -> None:
    endless = Range[float](end=-math.inf)
    assert Range[float].model_validate_json(endless.model_dump_json()) == endless


def test_a_range_is_a_value() -> None:
    hour = TimeRange.last(timedelta(hours=1), now=NOON)
    assert {hour: 1}[TimeRange.last(timedelta(hours=1), now=NOON)] == 1
    assert pickle.loads(pickle.dumps(hour)) == hour
    with pytest.raises(ValidationError, match="frozen"):
        hour.start = None  # type: ignore[misc]  # the fault under test
