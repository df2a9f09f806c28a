import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaMode

from saigon.model import TimeRange, max_span

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

BERLIN = ZoneInfo("Europe/Berlin")

aware_datetimes = st.datetimes(
    timezones=st.timezones()
    | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
)


def test_time_ranges_that_follow_each_other_share_nothing() -> None:
    before, after = TimeRange(end=NOON), TimeRange(start=NOON)
    assert before.intersect(after) is None


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


@given(aware_datetimes)
def test_an_instant_is_kept_whatever_its_offset(value: datetime) -> None:
    kept = TimeRange(start=value).start
    assert kept is not None
    assert kept.tzinfo is UTC
    assert kept.replace(tzinfo=None) + (value.utcoffset() or timedelta()) == value.replace(
        tzinfo=None
    )


@pytest.mark.parametrize(
    "value",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))),
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
    ids=str,
)
def test_an_instant_outside_the_calendar_in_utc_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="1 and 9999"):
        TimeRange(start=value)


def test_the_calendar_has_a_first_and_a_last_instant() -> None:
    first, last = (each.replace(tzinfo=UTC) for each in (datetime.min, datetime.max))  # noqa: DTZ901
    always = TimeRange(start=first, end=last)
    assert always.length == last - first
    assert first in always
    assert TimeRange.model_validate_json(always.model_dump_json()) == always


def test_the_hour_that_comes_twice_has_two_places() -> None:
    half_past_two = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    hour = TimeRange(start=half_past_two, end=half_past_two.replace(fold=1))
    assert hour.length == timedelta(hours=1)
    assert half_past_two in hour
    assert half_past_two.replace(fold=1) not in hour
    with pytest.raises(ValidationError):
        TimeRange(start=half_past_two.replace(fold=1), end=half_past_two)


@pytest.mark.parametrize(
    "text", ["", "now", "nan", "infinity", "2026-01-01", "2026-13-01T00:00:00Z", "9" * 5000]
)
def test_what_is_no_aware_datetime_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TimeRange.model_validate({"start_time": text})


class Report(BaseModel):
    period: TimeRange


@pytest.mark.parametrize("by_alias", [None, True, False])
@pytest.mark.parametrize("mode", ["json", "python"])
def test_a_time_range_is_read_back_by_both_names(by_alias: bool | None, mode: str) -> None:
    hour = TimeRange(start=NOON, end=NOON + timedelta(hours=1))
    dumped = hour.model_dump(mode=mode, by_alias=by_alias)
    names = ["start", "end"] if by_alias is False else ["start_time", "end_time"]
    assert list(dumped) == names
    assert TimeRange.model_validate(dumped) == hour
    assert TimeRange.model_validate_json(hour.model_dump_json(by_alias=by_alias)) == hour


def test_a_time_range_in_a_model_keeps_its_names() -> None:
    report = Report(period=TimeRange(start=NOON))
    bounds = {"start_time": "2026-01-01T12:00:00Z", "end_time": None}
    assert json.loads(report.model_dump_json()) == {"period": bounds}
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert json.loads(TypeAdapter(list[TimeRange]).dump_json([report.period])) == [bounds]
    for mode in get_args(JsonSchemaMode):
        schema = TimeRange.model_json_schema(mode=mode)
        assert list(schema["properties"]) == ["start_time", "end_time"]


def test_a_bound_has_one_name_at_a_time() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        TimeRange.model_validate({"start": NOON, "start_time": NOON})


def test_the_last_hour_ends_now() -> None:
    assert TimeRange.last(timedelta(hours=1), now=NOON) == TimeRange(
        start=NOON - timedelta(hours=1), end=NOON
    )
    before = datetime.now(UTC)
    end = TimeRange.last(timedelta(hours=1)).end
    assert end is not None
    assert before <= end <= datetime.now(UTC)


def test_the_last_day_has_24_hours_when_the_clocks_change() -> None:
    morning = datetime(2026, 3, 29, 12, tzinfo=BERLIN)
    assert TimeRange.last(timedelta(days=1), now=morning).length == timedelta(days=1)


def test_the_last_moment_of_no_length_is_empty() -> None:
    moment = TimeRange.last(timedelta(0), now=NOON)
    assert moment.length == timedelta(0)
    assert NOON not in moment


@pytest.mark.parametrize(
    ("delta", "now"),
    [
        (timedelta(hours=-1), NOON),
        (timedelta.max, NOON),
        (timedelta.min, NOON),
        (timedelta(hours=1), NOON.replace(tzinfo=None)),
        (timedelta(hours=1), datetime.max.replace(tzinfo=timezone(timedelta(hours=-2)))),
    ],
    ids=["negative", "before the year 1", "after 9999", "naive", "after 9999 in UTC"],
)
def test_a_last_range_that_cannot_be_is_a_value_error(delta: timedelta, now: datetime) -> None:
    with pytest.raises(ValueError, match=r"expected|timezone"):
        TimeRange.last(delta, now=now)


def test_a_span_is_capped_where_asked() -> None:
    capped = TypeAdapter(Annotated[TimeRange, max_span(timedelta(days=1))])
    day = {"start": NOON, "end": NOON + timedelta(days=1)}
    assert capped.validate_python(day).length == timedelta(days=1)
    for wide in ({"start": NOON}, {}, day | {"end": NOON + timedelta(days=1, microseconds=1)}):
        with pytest.raises(ValidationError, match="at most 1 day"):
            capped.validate_python(wide)


def test_a_capped_range_may_be_left_out_and_has_a_schema() -> None:
    capped = TypeAdapter(Annotated[TimeRange | None, max_span(timedelta(days=1))])
    assert capped.validate_python(None) is None
    assert capped.json_schema()["anyOf"][1] == {"type": "null"}
    only = TypeAdapter(Annotated[TimeRange, max_span(timedelta(days=1))])
    assert only.json_schema() == TimeRange.model_json_schema()
