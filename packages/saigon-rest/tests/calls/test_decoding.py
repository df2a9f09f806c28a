import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saigon.rest._calls.decoding import decoder_of


def undone(content_encoding: str, data: bytes, *, size: int = 64, step: int | None = None) -> bytes:
    decoder, out = decoder_of(content_encoding), b""
    for start in range(0, len(data), step or max(len(data), 1)):
        for piece in decoder.pieces(data[start : start + step] if step else data, size):
            assert 0 < len(piece) <= size
            out += piece
    decoder.finish()
    return out


@given(
    members=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    size=st.integers(1, 400),
    step=st.integers(1, 100),
)
def test_gzip_is_undone_however_it_arrives(members: list[bytes], size: int, step: int) -> None:
    data = b"".join(map(gzip.compress, members))
    assert undone("gzip", data, size=size, step=step) == b"".join(members)


@given(content=st.binary(max_size=300), size=st.integers(1, 400), step=st.integers(1, 100))
def test_codings_are_undone_from_the_last(content: bytes, size: int, step: int) -> None:
    data = gzip.compress(zlib.compress(content))
    assert undone("deflate, GZIP", data, size=size, step=step) == content
    assert undone("identity", content, size=size, step=step) == content


@given(padding=st.binary(max_size=9), step=st.integers(1, 40))
def test_what_is_padded_is_read_without_its_padding(padding: bytes, step: int) -> None:
    data = gzip.compress(b"a") + b"\0" + padding + gzip.compress(b"no member")
    assert undone("gzip", data, step=step) == b"a"


def test_a_bomb_is_taken_apart_piece_by_piece() -> None:
    bomb = gzip.compress(gzip.compress(bytes(20_000_000)))
    pieces = decoder_of("gzip, gzip").pieces(bomb, 1000)
    assert [len(next(iter(pieces))) for _ in range(3)] == [1000] * 3


@pytest.mark.parametrize("cut", [1, 5, -1])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate, gzip"])
def test_what_broke_off_is_refused(coding: str, cut: int) -> None:
    content = b"abc" * 99
    data = gzip.compress(content) if coding.endswith("gzip") else zlib.compress(content)
    with pytest.raises(zlib.error):
        undone(coding, data[:cut])


def test_nothing_is_nothing() -> None:
    assert undone("gzip", b"") == b""


@pytest.mark.parametrize("coding", ["br", "gzip, br", "gzip" + ", gzip" * 5])
def test_what_is_not_known_stays_as_it_is(coding: str) -> None:
    assert undone(coding, gzip.compress(b"a")) == gzip.compress(b"a")
