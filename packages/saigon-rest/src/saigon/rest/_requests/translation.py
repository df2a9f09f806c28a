"""Make errors of ``requests`` ours, with their reason and without what was sent."""

import ssl
from http.client import IncompleteRead
from typing import Final

from requests import exceptions as foreign
from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidChunkLength,
    NewConnectionError,
    ReadTimeoutError,
)

from saigon.rest.exceptions import (
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

_REASON_KEPT: Final = 200
# Others quote what came: the line or the chunk that they stumbled over.
_QUOTE_NOTHING: Final = (
    OSError,
    ConnectTimeoutError,
    IncompleteRead,
    NewConnectionError,
    ReadTimeoutError,
)


def translated(exc: foreign.RequestException, call: str) -> TransportError | InvalidRequestError:
    """Make an error of ``requests`` ours.

    Args:
        exc: The error, whose text may hold the query.
        call: The method and the URL without its query.
    """
    if isinstance(exc, ValueError):
        return InvalidRequestError(f"{call}: {type(exc).__name__}")
    inner = _innermost(exc)
    return _kind(exc, inner)(f"{call}: {_reason(inner)}"[: len(call) + _REASON_KEPT])


def _reason(inner: BaseException) -> str:
    name = type(inner).__name__
    own = isinstance(inner, foreign.RequestException | InvalidChunkLength)
    return f"{name}: {inner}" if isinstance(inner, _QUOTE_NOTHING) and not own else name


def _kind(exc: foreign.RequestException, inner: BaseException) -> type[TransportError]:
    if isinstance(exc, foreign.SSLError):
        # One that only breaks off says nothing about who the other side is.
        return TransportError if isinstance(inner, ssl.SSLEOFError) else TlsError
    if isinstance(exc, foreign.ConnectTimeout):
        return ConnectError
    if isinstance(inner, (ConnectTimeoutError, NewConnectionError)):
        return ConnectError
    if isinstance(inner, (ReadTimeoutError, TimeoutError)):
        return RequestTimeoutError
    return TransportError


def _innermost(exc: BaseException) -> BaseException:
    while True:
        candidates = [getattr(exc, "reason", None), *reversed(exc.args)]
        inner = next((c for c in candidates if isinstance(c, BaseException)), None)
        if inner is None:
            return exc
        exc = inner
