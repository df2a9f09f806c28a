import copy
import hashlib
import pickle
import string
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner
from pydantic import SecretBytes, SecretStr

from saigon.model import InvalidPaginationToken, PaginationTokenCodec, _page_signer, pagination
from saigon.model.pagination import PageValue

OLD, NEW = SecretStr("old key of 16 bytes and more"), SecretStr("new key of 16 bytes and more")
QUERY = "orders by created, id"
VALUES: tuple[PageValue, ...] = (7, "\u00fc", Decimal("1.10"), datetime(2026, 1, 1, tzinfo=UTC))
CHARACTERS = string.ascii_letters + string.digits + "-_.=+/ ~\n\0\u00e9\uff21"

few_values = st.lists(st.integers() | st.text(max_size=20), min_size=1, max_size=2)


@pytest.fixture
def codec() -> PaginationTokenCodec:
    return PaginationTokenCodec([NEW])


def assert_invalid(codec: PaginationTokenCodec, token: Any, query: str = QUERY) -> None:
    with pytest.raises(InvalidPaginationToken):
        codec.decode(token, query=query)


def signed(codec: PaginationTokenCodec, text: bytes) -> str:
    """Sign what the codec itself would not write."""
    payload = urlsafe_b64encode(pagination._fingerprint(QUERY) + text).rstrip(b"=")
    return codec._signer.sign(payload).decode()


def edits(token: str) -> Iterator[str]:
    """Give every token that is one edit away: each replacement, insertion, deletion and swap."""
    for place in range(len(token) + 1):
        before, after = token[:place], token[place:]
        yield from (before + char + after[1:] for char in CHARACTERS)
        yield from (before + char + after for char in CHARACTERS)
        yield before + after[1:]
        yield before + after[1:2] + after[:1] + after[2:]
        yield before


def test_every_edit_of_one_character_is_refused(codec: PaginationTokenCodec) -> None:
    token = codec.encode(VALUES, query=QUERY)
    changed = set(edits(token)) - {token}
    assert len(changed) > len(token) * len(CHARACTERS) * 1.9
    for each in changed:
        assert_invalid(codec, each)


@given(few_values, st.data())
def test_a_character_changed_in_any_token_is_refused(
    values: list[PageValue], data: st.DataObject
) -> None:
    codec = PaginationTokenCodec([NEW])
    token = codec.encode(values, query=QUERY)
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters() | st.sampled_from(CHARACTERS))
    changed = token[:place] + char + token[place + 1 :]
    if changed != token:
        assert_invalid(codec, changed)


@pytest.mark.parametrize("more", ["=", "==", "===", ".", "\n", " ", "\0", "A", "%3D"])
def test_a_token_with_something_added_is_refused(codec: PaginationTokenCodec, more: str) -> None:
    token = codec.encode(VALUES, query=QUERY)
    payload, *rest = token.split(".")
    for changed in (token + more, more + token, ".".join([payload + more, *rest])):
        assert_invalid(codec, changed)


def test_the_parts_of_two_tokens_make_no_third() -> None:
    now = 1_000_000.0
    codec = PaginationTokenCodec([NEW], clock=lambda: now)
    one = codec.encode([1], query=QUERY).split(".")
    now += 1
    other = codec.encode([2], query=QUERY).split(".")
    for mixed in ([one[0], *other[1:]], [one[0], other[1], one[2]], [*one[:2], other[2]]):
        assert_invalid(codec, ".".join(mixed))


@given(st.text(max_size=200) | st.text(CHARACTERS, max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    assert_invalid(PaginationTokenCodec([NEW]), text)


@pytest.mark.parametrize("token", [None, b"a.b.c", 1, ["a"], {"a": 1}])
def test_what_is_no_text_is_refused(codec: PaginationTokenCodec, token: object) -> None:
    assert_invalid(codec, token)


def test_a_long_token_is_refused_before_any_work(
    codec: PaginationTokenCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(_page_signer, "base64_decode", calls.append)
    assert_invalid(codec, "a" * 1_024 + "." + "b" * 1_000 + "." + "c" * 1_000)
    assert not calls


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"7",
        b'"si"',
        b"{}",
        b'{"si":1}',
        b"[7]",
        b"[null]",
        b"[[]]",
        b'[["i"]]',
        b'[["i","1","2"]]',
        b'[["i",1]]',
        b'[["s",1]]',
        b'[["u",1]]',
        b'[[["i"],"1"]]',
        b'[["z","1"]]',
        b'[["i","x"]]',
        b'[["b","yes"]]',
        b'[["n","x"]]',
        b'[["f","0x1p99999"]]',
        b'[["x","zz"]]',
        b'[["t","0"]]',
        b'[["t","9 2026-01-01T00:00:00"]]',
        b'[["t","0 2026-01-01"]]',
        b'[["t","0 2026-01-01T00:00:00 9999999999999"]]',
        b'[["n","NaN"]]',
        b'[["f","nan"]]',
        b'[["i","0x1_0"]]',
        b'[["i", "1"]]',
        b'[["d","2026-02-30"]]',
        b'[["u","x"]]',
        b"\xff\xfe",
        b"[" * 1400,
        b'{"a":' * 280,
        b"9" * 1400,
        b'[["i","1"]] x',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_signed_text_that_the_codec_does_not_write_is_refused(
    codec: PaginationTokenCodec, text: bytes
) -> None:
    assert codec.decode(signed(codec, b'[["i","a"]]'), query=QUERY) == (10,)
    assert_invalid(codec, signed(codec, text))


@pytest.mark.parametrize("query", ["", QUERY + " ", QUERY.upper(), "orders of another caller"])
def test_a_token_of_another_query_is_refused(codec: PaginationTokenCodec, query: str) -> None:
    assert_invalid(codec, codec.encode(VALUES, query=QUERY), query)


def test_a_query_may_hold_any_text(codec: PaginationTokenCodec) -> None:
    for query in ("", "\ud800", "\0", "x" * 10**6):
        assert codec.decode(codec.encode([1], query=query), query=query) == (1,)


@pytest.mark.parametrize("salt", [b"itsdangerous", b"", b"saigon.model"])
def test_a_token_of_another_use_of_the_key_is_refused(
    codec: PaginationTokenCodec, salt: bytes
) -> None:
    payload = codec.encode(VALUES, query=QUERY).split(".")[0]
    own, foreign = (
        TimestampSigner(
            NEW.get_secret_value(), salt, key_derivation="hmac", digest_method=hashlib.sha256
        )
        for salt in (b"saigon.model.pagination", salt)
    )
    assert codec.decode(own.sign(payload).decode(), query=QUERY) == VALUES
    assert_invalid(codec, foreign.sign(payload).decode())


def test_the_first_key_signs_and_all_verify() -> None:
    before, during, after = (PaginationTokenCodec(keys) for keys in ([OLD], [NEW, OLD], [NEW]))
    old_token, new_token = (codec.encode(VALUES, query=QUERY) for codec in (before, during))
    assert during.decode(old_token, query=QUERY) == VALUES
    assert after.decode(new_token, query=QUERY) == VALUES
    assert_invalid(after, old_token)
    assert_invalid(before, new_token)


def test_a_key_is_the_same_key_in_each_type() -> None:
    text = "caf\u00e9 and more than sixteen"
    raw = text.encode()
    token = PaginationTokenCodec([text]).encode([1], query=QUERY)
    for key in (raw, SecretStr(text), SecretBytes(raw)):
        assert PaginationTokenCodec([key]).decode(token, query=QUERY) == (1,)


def test_a_token_expires_where_an_age_is_set() -> None:
    now = 1_000_000.0
    codec = PaginationTokenCodec([NEW], max_age=timedelta(minutes=5), clock=lambda: now)
    token = codec.encode(VALUES, query=QUERY)
    now += 300.9
    assert codec.decode(token, query=QUERY) == VALUES
    now += 0.1
    assert_invalid(codec, token)
    assert PaginationTokenCodec([NEW]).decode(token, query=QUERY) == VALUES


def test_a_token_from_the_future_is_refused_where_an_age_is_set() -> None:
    now = 1_000_000.0
    codec = PaginationTokenCodec([NEW], max_age=timedelta(minutes=5), clock=lambda: now)
    token = codec.encode(VALUES, query=QUERY)
    now -= 60
    assert codec.decode(token, query=QUERY) == VALUES, "the clocks of two servers differ"
    now -= 1
    assert_invalid(codec, token)


def test_without_an_age_a_token_holds_for_ever() -> None:
    early, late = (PaginationTokenCodec([NEW], clock=clock) for clock in (lambda: 1.0, lambda: 4e9))
    assert late.decode(early.encode([1], query=QUERY), query=QUERY) == (1,)
    assert early.decode(late.encode([1], query=QUERY), query=QUERY) == (1,)


@pytest.mark.parametrize("max_age", [timedelta(0), timedelta(seconds=-1)])
def test_an_age_that_no_token_has_is_refused(max_age: timedelta) -> None:
    with pytest.raises(ValueError, match="above zero"):
        PaginationTokenCodec([NEW], max_age=max_age)


def test_nothing_about_the_fault_is_told() -> None:
    codec = PaginationTokenCodec([NEW], max_age=timedelta(hours=1))
    token = codec.encode(VALUES, query=QUERY)
    old = PaginationTokenCodec([NEW], clock=lambda: 1.0).encode(VALUES, query=QUERY)
    foreign = codec.encode(VALUES, query="another")
    faults = ["x", token[:-1], "a" * 5000, old, foreign, signed(codec, b"["), signed(codec, b"[7]")]
    seen = set()
    for bad in faults:
        with pytest.raises(InvalidPaginationToken) as caught:
            codec.decode(bad, query=QUERY)
        error = caught.value
        seen.add((str(error), repr(error), error.args, error.__cause__, error.__context__))
    assert len(seen) == 1
    assert seen.pop()[2:] == ((), None, None)


def test_the_error_comes_whole_out_of_another_process() -> None:
    error = InvalidPaginationToken()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    "keys",
    [[], (), ["short"], [b"short"], [NEW, ""], [SecretStr("")], "one long key, no list", NEW],
    ids=str,
)
def test_keys_are_a_list_of_long_secrets(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        PaginationTokenCodec(keys)


def test_no_error_shows_a_key() -> None:
    key = "a secret that is \ud800 no text"
    assert PaginationTokenCodec([key]).encode([1], query=QUERY)
    with pytest.raises(ValueError, match="16 bytes") as caught:
        PaginationTokenCodec(["sh0rt \ud800"])
    assert "sh0rt" not in repr(caught.value)


def test_the_codec_does_not_show_its_keys(codec: PaginationTokenCodec) -> None:
    assert NEW.get_secret_value() not in f"{codec!r} {vars(codec)}"
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            copied(codec)


def test_a_token_is_of_the_url_safe_alphabet_and_bounded(codec: PaginationTokenCodec) -> None:
    longest = next(length for length in range(2000, 0, -1) if _fits(codec, "\u20ac" * length))
    token = codec.encode(["\u20ac" * longest], query=QUERY)
    assert 2040 < len(token) <= 2048
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")
    assert codec.decode(token, query=QUERY) == ("\u20ac" * longest,)


def _fits(codec: PaginationTokenCodec, value: str) -> bool:
    try:
        return bool(codec.encode([value], query=QUERY))
    except ValueError:
        return False


def test_threads_share_a_codec(codec: PaginationTokenCodec) -> None:
    def there_and_back(number: int) -> PageValue:
        query = f"query {number}"
        return codec.decode(codec.encode([number], query=query), query=query)[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(there_and_back, range(2000))) == list(range(2000))


def test_the_unsigned_codec_has_a_public_key() -> None:
    one, other = PaginationTokenCodec.unsigned(), PaginationTokenCodec.unsigned()
    assert other.decode(one.encode([1], query=QUERY), query=QUERY) == (1,)
    assert_invalid(PaginationTokenCodec([NEW]), one.encode([1], query=QUERY))
