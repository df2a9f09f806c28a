import string
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr

from saigon.model import InvalidPaginationToken, PaginationTokenCodec
from saigon.model.pagination import PageValue

OLD, NEW = SecretStr("old key of 16 bytes and more"), SecretStr("new key of 16 bytes and more")
QUERY = "orders by created, id"
VALUES: tuple[PageValue, ...] = (7, "ü", Decimal("1.10"), datetime(2026, 1, 1, tzinfo=UTC))

offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)
page_values = st.one_of(
    st.booleans(),
    st.integers(-(2**256), 2**256),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=60),
    st.binary(max_size=60),
    st.datetimes(timezones=st.none() | offsets).map(lambda value: value.replace(fold=0)),
    st.dates(),
    st.uuids(),
)


@pytest.fixture
def codec() -> PaginationTokenCodec:
    return PaginationTokenCodec([NEW])


@given(st.lists(page_values, max_size=5))
def test_values_come_back_exactly(values: list[PageValue]) -> None:
    codec = PaginationTokenCodec([NEW])
    back = codec.decode(codec.encode(values, query=QUERY), query=QUERY)
    assert list(map(repr, back)) == list(map(repr, values))


@settings(max_examples=25)
@given(st.lists(page_values, min_size=1, max_size=2), st.data())
def test_every_change_of_one_character_is_refused(
    values: list[PageValue], data: st.DataObject
) -> None:
    codec = PaginationTokenCodec([NEW])
    token = codec.encode(values, query=QUERY)
    place = data.draw(st.integers(0, len(token) - 1))
    for char in string.ascii_letters + string.digits + "-_.=+/ ~\u00e9":
        changed = token[:place] + char + token[place + 1 :]
        if changed != token:
            with pytest.raises(InvalidPaginationToken):
                codec.decode(changed, query=QUERY)


def test_every_other_last_character_is_refused(codec: PaginationTokenCodec) -> None:
    token = codec.encode(VALUES, query=QUERY)
    others = set(string.printable) - {token[-1]}
    for char in others:
        with pytest.raises(InvalidPaginationToken):
            codec.decode(token[:-1] + char, query=QUERY)


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidPaginationToken):
        PaginationTokenCodec([NEW]).decode(text, query=QUERY)


def test_a_token_of_another_query_is_refused(codec: PaginationTokenCodec) -> None:
    token = codec.encode(VALUES, query=QUERY)
    with pytest.raises(InvalidPaginationToken):
        codec.decode(token, query="orders of another caller")


def test_a_token_of_another_use_of_the_key_is_refused(codec: PaginationTokenCodec) -> None:
    foreign = URLSafeTimedSerializer(NEW.get_secret_value()).dumps([["i", "1"]])
    with pytest.raises(InvalidPaginationToken):
        codec.decode(foreign, query=QUERY)


def test_the_first_key_signs_and_all_verify() -> None:
    before, during, after = (PaginationTokenCodec(keys) for keys in ([OLD], [NEW, OLD], [NEW]))
    old_token, new_token = (codec.encode(VALUES, query=QUERY) for codec in (before, during))
    assert during.decode(old_token, query=QUERY) == VALUES
    assert after.decode(new_token, query=QUERY) == VALUES
    with pytest.raises(InvalidPaginationToken):
        after.decode(old_token, query=QUERY)
    with pytest.raises(InvalidPaginationToken):
        before.decode(new_token, query=QUERY)


def test_a_token_expires_where_an_age_is_set() -> None:
    now = 1_000_000.0
    codec = PaginationTokenCodec([NEW], max_age=timedelta(minutes=5), clock=lambda: now)
    token = codec.encode(VALUES, query=QUERY)
    now += 300
    assert codec.decode(token, query=QUERY) == VALUES
    now += 1
    with pytest.raises(InvalidPaginationToken):
        codec.decode(token, query=QUERY)
    assert PaginationTokenCodec([NEW]).decode(token, query=QUERY) == VALUES


def test_nothing_about_the_fault_is_told(codec: PaginationTokenCodec) -> None:
    token = codec.encode(VALUES, query=QUERY)
    texts = set()
    for bad in ("x", token + "x", token.replace(".", "", 1), "a" * 5000):
        with pytest.raises(InvalidPaginationToken) as caught:
            codec.decode(bad, query=QUERY)
        texts.add(str(caught.value))
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(texts) == 1


@pytest.mark.parametrize("value", [None, [1], timedelta(1), 1j])
def test_a_value_of_another_type_is_refused(value: PageValue, codec: PaginationTokenCodec) -> None:
    with pytest.raises(TypeError):
        codec.encode([value], query=QUERY)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("nan"), "x" * 2000])
def test_a_value_that_no_token_holds_is_refused(
    value: PageValue, codec: PaginationTokenCodec
) -> None:
    with pytest.raises(ValueError, match="page token"):
        codec.encode([value], query=QUERY)


@pytest.mark.parametrize(
    "keys", [[], ["short"], [b"short"], [SecretStr("")], "one long key, no list"]
)
def test_keys_are_a_list_of_long_secrets(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        PaginationTokenCodec(keys)


def test_the_codec_does_not_show_its_keys(codec: PaginationTokenCodec) -> None:
    assert NEW.get_secret_value() not in f"{codec!r} {vars(codec)}"


def test_the_types_are_kept_apart(codec: PaginationTokenCodec) -> None:
    values = (True, 1, 1.0, Decimal(1), "1", b"1", date(2026, 1, 1), UUID(int=1))
    back = codec.decode(codec.encode(values, query=QUERY), query=QUERY)
    assert [type(value) for value in back] == [type(value) for value in values]
