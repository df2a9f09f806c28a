"""Page tokens, against the serializer that their signature comes from."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr

from saigon.model import PaginationTokenCodec
from tools.bench.registry import Pair, bench

_KEY: Final = "a key for one measurement"
_PLACE: Final = (datetime(2025, 5, 17, 12, 30, 15, 250_000, tzinfo=UTC), 499_950)
_TEXTS: Final = [_PLACE[0].isoformat(), _PLACE[1]]
_QUERY: Final = "SELECT id, customer, placed_at FROM orders ORDER BY placed_at, id"


def _codec() -> PaginationTokenCodec:
    return PaginationTokenCodec([SecretStr(_KEY)])


def _serializer() -> URLSafeTimedSerializer:
    signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(_KEY, salt=b"bench", signer_kwargs=signing)


@bench("tokens-encode", peer="URLSafeTimedSerializer.dumps", goal="at most 1.2")
@contextmanager
def encode() -> Iterator[Pair]:
    """Compare issuing a token; ours keeps the types and is bound to a query."""
    codec, serializer = _codec(), _serializer()
    yield Pair(
        ours=lambda: codec.encode(_PLACE, query=_QUERY),
        peer=lambda: serializer.dumps(_TEXTS),
    )


@bench("tokens-decode", peer="URLSafeTimedSerializer.loads", goal="at most 2")
@contextmanager
def decode() -> Iterator[Pair]:
    """Compare verifying and reading a token; ours checks its form and its query besides."""
    codec, serializer = _codec(), _serializer()
    ours, theirs = codec.encode(_PLACE, query=_QUERY), serializer.dumps(_TEXTS)
    yield Pair(
        ours=lambda: codec.decode(ours, query=_QUERY),
        peer=lambda: serializer.loads(theirs),
    )
