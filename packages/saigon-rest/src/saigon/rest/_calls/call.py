"""One call: what is asked, and what hooks are told of each try."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from saigon.rest.exceptions import InvalidRequestError

Timeout: TypeAlias = float | tuple[float, float]

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


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    timeout: Timeout = (5.0, 30.0)
    total_timeout: float | None = None
    stream: bool = False

    def refuse_unsendable(self) -> None:
        """Refuse what no request can hold.

        Raises:
            InvalidRequestError: The method is no name, or a header holds what HTTP cannot send.
        """
        if not _TOKEN.fullmatch(self.method):
            raise InvalidRequestError("the method is not a name such as GET")
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name):
                raise InvalidRequestError("a header's name holds what HTTP cannot send")
            if not _is_sendable(value):
                raise InvalidRequestError(f"the header {name!r} holds what HTTP cannot send")


def _is_sendable(value: str) -> bool:
    try:
        data = value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return not any(byte in data for byte in b"\r\n\0")
