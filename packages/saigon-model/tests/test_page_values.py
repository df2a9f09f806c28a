"""What a token's values are when they come back."""

import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saigon.model import PaginationTokenCodec
from saigon.model.pagination import PageValue

QUERY = "orders by created, id"
CODEC = PaginationTokenCodec(["a key of sixteen bytes and more"])
BERLIN = ZoneInfo("Europe/Berlin")


class Colour(Enum):
    RED = 1


class Size(IntEnum):
    SMALL = 1


class State(StrEnum):
    NEW = "new"


class Metres(float):
    """A foreign number, as numpy's are."""


class Moment(datetime):
    """A foreign datetime, as pandas' is."""


def short(value: object) -> str:
    text = f"{value:x}" if isinstance(value, int) else ascii(value)
    return f"{type(value).__name__} {text[:40]}"


def through_a_token(*values: PageValue) -> tuple[PageValue, ...]:
    return CODEC.decode(CODEC.encode(values, query=QUERY), query=QUERY)


offsets = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23)).map(timezone)
page_values = st.one_of(
    st.booleans(),
    st.integers(-(2**256), 2**256),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(st.characters(), max_size=60),
    st.text(st.characters(categories=["Cs", "Cc"]), max_size=20),
    st.binary(max_size=60),
    st.datetimes(timezones=st.none() | offsets),
    st.dates(),
    st.uuids(),
)


@given(st.lists(page_values, max_size=5))
def test_values_come_back_exactly(values: list[PageValue]) -> None:
    back = through_a_token(*values)
    assert list(map(type, back)) == list(map(type, values))
    assert list(map(repr, back)) == list(map(repr, values))


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        2**5000,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        Decimal("-0"),
        Decimal("-0E+5"),
        Decimal("1.100"),
        Decimal("1E+999999"),
        Decimal("1E-999999"),
        Decimal("1" * 500),
        "",
        "\0",
        "\ud800",
        "\ud83d\ude00",
        "\U0001f600",
        "e\u0301",
        "\u2028",
        b"",
        b"\x00\xff",
        datetime.min,  # noqa: DTZ901  # a naive one is a value too
        datetime.max,  # noqa: DTZ901  # likewise
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=timezone(timedelta(minutes=-25, seconds=21))),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(microseconds=1))),
        datetime(2026, 1, 1, fold=1),  # noqa: DTZ001  # likewise
        date.min,
        date.max,
        UUID(int=0),
    ],
    ids=short,
)
def test_a_value_at_an_edge_comes_back_exactly(value: PageValue) -> None:
    (back,) = through_a_token(value)
    assert (type(back), repr(back)) == (type(value), repr(value))


def test_the_types_are_kept_apart() -> None:
    values = (True, 1, 1.0, Decimal(1), "1", b"1", date(2026, 1, 1), UUID(int=1))
    assert [type(value) for value in through_a_token(*values)] == [type(value) for value in values]


def test_the_decimal_context_changes_nothing() -> None:
    exact = Decimal("1.23456789E+77")
    with localcontext(prec=2, capitals=0):
        token = CODEC.encode([exact], query=QUERY)
    with localcontext(prec=1, Emax=5):
        (back,) = CODEC.decode(token, query=QUERY)
    assert repr(back) == repr(exact)


@given(st.datetimes(timezones=st.timezones()))
def test_a_datetime_of_a_time_zone_comes_back_as_the_same_instant(value: datetime) -> None:
    (back,) = through_a_token(value)
    assert isinstance(back, datetime)
    assert back.utcoffset() == value.utcoffset()
    assert back.replace(tzinfo=None) == value.replace(tzinfo=None)


def test_both_times_of_an_hour_that_comes_twice_come_back() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    summer, winter = through_a_token(first, first.replace(fold=1))
    assert isinstance(summer, datetime)
    assert isinstance(winter, datetime)
    assert winter - summer == timedelta(hours=1)


def test_an_int_has_no_limit_of_digits() -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert through_a_token(2**4000) == (2**4000,)
    finally:
        sys.set_int_max_str_digits(limit)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        Decimal("nan"),
        Decimal("snan"),
        Decimal("Infinity"),
        "x" * 2000,
        10**5000,
        b"x" * 10**6,
    ],
    ids=short,
)
def test_a_value_that_no_token_holds_is_refused(value: PageValue) -> None:
    with pytest.raises(ValueError, match="page token"):
        CODEC.encode([value], query=QUERY)


@pytest.mark.parametrize(
    "value",
    [
        *(None, [1], (1,), {}, timedelta(1), 1j, bytearray(b"x"), memoryview(b"x")),
        *(Colour.RED, Size.SMALL, State.NEW, Metres(1), Moment(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_another_type_is_refused(value: PageValue) -> None:
    with pytest.raises(TypeError, match=f"carry a {type(value).__name__}"):
        CODEC.encode([value], query=QUERY)
