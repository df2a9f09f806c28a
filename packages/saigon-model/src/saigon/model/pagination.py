"""Page tokens: the place in a listing, signed, typed and bound to the query it belongs to."""

import hashlib
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final, NoReturn, Self, TypeAlias

from pydantic import Field, SecretBytes, SecretStr

from saigon.model import _page_values
from saigon.model._page_values import read_values, write_values

__all__ = [
    "InvalidPaginationToken",
    "PageKey",
    "PageValue",
    "PaginationTokenCodec",
    "QueryDataPaginationToken",
]

MAX_TOKEN_LENGTH: Final = 2048
MIN_KEY_LENGTH: Final = 16
CLOCK_SKEW: Final = timedelta(minutes=1)

QueryDataPaginationToken = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_LENGTH)]
"""A page token in a model: opaque text of at most 2,048 characters."""

PageValue: TypeAlias = _page_values.PageValue
"""What a page token carries; of a subclass of these the type would be lost."""

PageKey: TypeAlias = str | bytes | SecretStr | SecretBytes
"""A key of the codec: at least 16 bytes."""

_FINGERPRINT_LENGTH: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_FAULTS: Final = (ValueError, TypeError, KeyError, ArithmeticError, RecursionError)


class InvalidPaginationToken(ValueError):  # noqa: N818  # what it is, not that it is an error
    """A page token is malformed, altered, of another query, or too old; it is not said which."""

    def __str__(self) -> str:
        return "the page token is not valid for this query; start at the first page"


class PaginationTokenCodec:
    """Issues page tokens and reads them back; for the server, which holds the keys.

    A token is signed (HMAC-SHA-256), not encrypted: whoever holds one can read the values of the
    order columns in it. It is at most 2,048 characters of the URL-safe base64 alphabet and dots.
    Threads may share a codec. It is not pickled, for its keys' sake.

    Args:
        keys: Secrets of at least 16 bytes. The first one signs, all of them verify: to rotate,
            put the new key in front and drop the old one when its tokens are no longer wanted.
        max_age: How long a token is accepted, to the second; for ever by default. The clocks of
            two servers may differ by a minute.
        clock: The time in seconds since the epoch, for tests.

    Raises:
        ValueError: There is no key or a short one, or ``max_age`` is not above zero.
    """

    def __init__(
        self,
        keys: Sequence[PageKey],
        *,
        max_age: timedelta | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(keys, PageKey) or not keys:
            raise ValueError("expected a list of at least one key")
        if max_age is not None and max_age <= timedelta(0):
            raise ValueError(f"expected a max_age above zero, got {max_age}")
        from saigon.model._page_signer import PageSigner

        # itsdangerous signs with the last key of its list, this class with the first of its own.
        secrets = [_key_bytes(key) for key in reversed(keys)]
        self._signer = PageSigner(secrets, clock)
        self._max_age = max_age

    @classmethod
    def unsigned(cls) -> Self:
        """Return a codec whose key is public: for local tests, where nothing is at stake."""
        return cls(["public-key-of-local-tests"])

    def encode(self, values: Sequence[PageValue], *, query: str) -> str:
        """Return the token for the place behind the row with these values.

        Each value comes back with its type. A datetime in a named time zone comes back with the
        zone's offset at that instant.

        Args:
            values: The order columns of the last row of the page.
            query: What the token belongs to: the entity, filters, order, perhaps the caller.

        Raises:
            TypeError: A value is of no type that a token can carry: ``None``, an enum, a
                subclass.
            ValueError: A number is not finite, or the token would be longer than 2,048 characters.
        """
        payload = urlsafe_b64encode(_fingerprint(query) + write_values(values))
        token = self._signer.sign(payload.rstrip(b"=")).decode("ascii")
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("the values of the order columns are too long for a page token")
        return token

    def decode(self, token: str, *, query: str) -> tuple[PageValue, ...]:
        """Return the values of a token that this codec's keys signed for this query.

        Raises:
            InvalidPaginationToken: Whatever is wrong with the token.
        """
        values = self._read(token, _fingerprint(query))
        if values is None:  # raised here, where no error that tells more is its context
            raise InvalidPaginationToken
        return values

    def _read(self, token: str, fingerprint: bytes) -> tuple[PageValue, ...] | None:
        with suppress(*_FAULTS):
            payload = self._verified(token)
            if payload.startswith(fingerprint):
                return read_values(payload[_FINGERPRINT_LENGTH:])
        return None

    def _verified(self, token: str) -> bytes:
        if len(token) > MAX_TOKEN_LENGTH or _TOKEN.fullmatch(token) is None:
            raise InvalidPaginationToken
        payload, seconds = self._signer.read(token)
        age = timedelta(seconds=seconds)
        if self._max_age is not None and not -CLOCK_SKEW <= age <= self._max_age:
            raise InvalidPaginationToken
        return urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PaginationTokenCodec is not pickled; make one in each process")


def _key_bytes(key: PageKey) -> bytes:
    secret = key.get_secret_value() if isinstance(key, SecretStr | SecretBytes) else key
    # A strict encoder would quote the key in its error.
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if len(raw) < MIN_KEY_LENGTH:
        raise ValueError(f"expected keys of at least {MIN_KEY_LENGTH} bytes")
    return raw


def _fingerprint(query: str) -> bytes:
    digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
    return digest[:_FINGERPRINT_LENGTH]
