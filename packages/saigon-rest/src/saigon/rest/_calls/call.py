"""One call: what is asked, and what hooks are told of each try."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import InvalidRequestError

Timeout: TypeAlias = float | tuple[float, float]
"""Seconds to connect and to wait for bytes, together or as a pair."""

DEFAULT_TIMEOUT: Final = (5.0, 30.0)

_PAIR: Final = 2
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class RestEvent:
    """One try of a call, as hooks are told of it; nothing in it is secret."""

    method: str
    """The HTTP method."""

    url: str
    """The URL without its query."""

    attempt: int
    """Which try of the call it was, from 1."""

    elapsed: float
    """Seconds that this try took."""

    status: int | None = None
    """The answer's status; None where none came."""

    request_id: str | None = None
    """The answer's request id."""

    error: str | None = None
    """The name of the error's class, where no answer came."""


Hook: TypeAlias = Callable[[RestEvent], None]
"""Told of each try of a call."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make."""

    method: str
    url: str = field(repr=False)  # its query may be a permission
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    timeout: Timeout = DEFAULT_TIMEOUT
    total_timeout: float | None = None
    stream: bool = False

    @property
    def told(self) -> str:
        """What may stand in a message: the method, and the URL without its query."""
        return f"{self.method} {without_query(self.url)}"

    def refuse_unsendable(self) -> None:
        """Refuse what no request can hold, and times that are none.

        Raises:
            InvalidRequestError: The method is no name, a header holds what HTTP cannot send, or a
                timeout is not a positive number of seconds.
        """
        if not _TOKEN.fullmatch(self.method):
            raise InvalidRequestError("the method is not a name such as GET")
        if not is_timeout(self.timeout):
            raise InvalidRequestError("expected a timeout of positive seconds, or a pair of them")
        if self.total_timeout is not None and not _is_time(self.total_timeout):
            raise InvalidRequestError("expected a total_timeout of positive seconds, or None")
        refuse_unsendable_headers(self.headers)


def refuse_unsendable_headers(headers: Mapping[str, str | bytes]) -> None:
    """Refuse headers that HTTP cannot send.

    Raises:
        InvalidRequestError: A name or a value holds what stands in none.
    """
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise InvalidRequestError("a header's name holds what HTTP cannot send")
        if not _is_sendable(value):
            raise InvalidRequestError(f"the header {name!r} holds what HTTP cannot send")


def is_timeout(value: object) -> TypeGuard[Timeout]:
    """Tell whether a value is positive seconds, or a pair of them."""
    if isinstance(value, tuple):
        return len(value) == _PAIR and all(map(_is_time, value))
    return _is_time(value)


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value > 0 and math.isfinite(value)


def _is_sendable(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return False
    if value.isascii() and value.isprintable():
        return True
    try:
        data = value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return not any(byte in data for byte in b"\r\n\0")
