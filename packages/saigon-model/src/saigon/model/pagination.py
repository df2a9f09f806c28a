"""Page tokens: the place in a listing, signed, typed and bound to the query it belongs to."""

import hashlib
import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Final, NamedTuple, Self, TypeAlias
from uuid import UUID

from itsdangerous import BadData, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode
from pydantic import Field, SecretBytes, SecretStr

__all__ = [
    "InvalidPaginationToken",
    "PageKey",
    "PageValue",
    "PaginationTokenCodec",
    "QueryDataPaginationToken",
]

MAX_TOKEN_LENGTH: Final = 2048
MIN_KEY_LENGTH: Final = 16

QueryDataPaginationToken = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_LENGTH)]
PageValue: TypeAlias = bool | int | float | Decimal | str | bytes | datetime | date | UUID
PageKey: TypeAlias = str | bytes | SecretStr | SecretBytes

_SALT: Final = b"saigon.model.pagination"
_FINGERPRINT_LENGTH: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.(?P<signature>[A-Za-z0-9_-]+)")


class InvalidPaginationToken(ValueError):  # noqa: N818  # what it is, not that it is an error
    """A page token is malformed, altered, of another query, or too old; it is not said which."""

    def __init__(self) -> None:
        super().__init__("the page token is not valid for this query; start at the first page")


class PaginationTokenCodec:
    """Issues page tokens and reads them back; for the server, which holds the keys.

    A token is signed (HMAC-SHA-256), not encrypted: whoever holds one can read the values of the
    order columns in it. It is at most 2,048 characters of the URL-safe base64 alphabet and dots.

    Args:
        keys: Secrets of at least 16 bytes. The first one signs, all of them verify: to rotate,
            put the new key in front and drop the old one when its tokens are no longer wanted.
        max_age: How long a token is accepted, to the second; for ever by default.
        clock: The time in seconds since the epoch, for tests.
    """

    def __init__(
        self,
        keys: Sequence[PageKey],
        *,
        max_age: timedelta | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(keys, str | bytes) or not keys:
            raise ValueError("expected a list of at least one key")
        # itsdangerous signs with the last key of its list, this class with the first of its own.
        secrets = [_key_bytes(key) for key in reversed(keys)]
        self._signer = _Signer(secrets, clock)
        self._max_age = None if max_age is None else int(max_age.total_seconds())

    @classmethod
    def unsigned(cls) -> Self:
        """Return a codec whose key is public: for local tests, where nothing is at stake."""
        return cls(["public-key-of-local-tests"])

    def encode(self, values: Sequence[PageValue], *, query: str) -> str:
        """Return the token for the place behind the row with these values.

        Args:
            values: The order columns of the last row of the page.
            query: What the token belongs to: the entity, filters, order, perhaps the caller.

        Raises:
            TypeError: A value is of no type that a token can carry, or is ``None``.
            ValueError: A number is not finite, or the token would be longer than 2,048 characters.
        """
        text = json.dumps([_pack(value) for value in values], separators=(",", ":"))
        payload = urlsafe_b64encode(_fingerprint(query) + text.encode())
        token = self._signer.sign(payload.rstrip(b"=")).decode("ascii")
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("the values of the order columns are too long for a page token")
        return token

    def decode(self, token: str, *, query: str) -> tuple[PageValue, ...]:
        """Return the values of a token that this codec's keys signed for this query.

        Raises:
            InvalidPaginationToken: Whatever is wrong with the token.
        """
        try:
            payload = self._verified(token)
            if payload[:_FINGERPRINT_LENGTH] != _fingerprint(query):
                raise InvalidPaginationToken
            return tuple(map(_unpack, json.loads(payload[_FINGERPRINT_LENGTH:])))
        except (BadData, ValueError, TypeError, KeyError, ArithmeticError):
            raise InvalidPaginationToken from None

    def _verified(self, token: str) -> bytes:
        match = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
        if match is None or not _is_canonical(match["signature"]):
            raise InvalidPaginationToken
        payload = self._signer.unsign(token, max_age=self._max_age)
        return urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))


class _Signer(TimestampSigner):
    def __init__(self, secrets: list[bytes], clock: Callable[[], float]) -> None:
        super().__init__(secrets, salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


def _key_bytes(key: PageKey) -> bytes:
    secret = key.get_secret_value() if isinstance(key, SecretStr | SecretBytes) else key
    raw = secret.encode() if isinstance(secret, str) else secret
    if len(raw) < MIN_KEY_LENGTH:
        raise ValueError(f"expected keys of at least {MIN_KEY_LENGTH} bytes")
    return raw


def _is_canonical(signature: str) -> bool:
    # The last base64 character of 32 bytes carries two unused bits: four of them verify alike.
    return base64_encode(base64_decode(signature)) == signature.encode()


def _fingerprint(query: str) -> bytes:
    digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
    return digest[:_FINGERPRINT_LENGTH]


class _Form(NamedTuple):
    tag: str
    of: type
    write: Callable[[Any], str]
    read: Callable[[str], PageValue]


# The first form that fits is taken: a bool is an int too, and a datetime a date.
_FORMS: Final = (
    _Form("b", bool, lambda value: "1" if value else "0", lambda text: text == "1"),
    _Form("i", int, int.__repr__, int),
    _Form("f", float, float.hex, float.fromhex),
    _Form("n", Decimal, str, Decimal),
    _Form("s", str, str.__str__, str),
    _Form("x", bytes, bytes.hex, bytes.fromhex),
    _Form("t", datetime, datetime.isoformat, datetime.fromisoformat),
    _Form("d", date, date.isoformat, date.fromisoformat),
    _Form("u", UUID, str, UUID),
)
_READ: Final = {form.tag: form.read for form in _FORMS}


def _pack(value: PageValue) -> tuple[str, str]:
    if isinstance(value, float | Decimal) and not isfinite(value):
        raise ValueError("a page token carries finite numbers only")
    for form in _FORMS:
        if isinstance(value, form.of):
            return form.tag, form.write(value)
    raise TypeError(f"a page token cannot carry a {type(value).__name__}")


def _unpack(item: Any) -> PageValue:
    tag, text = item
    return _READ[tag](text)
