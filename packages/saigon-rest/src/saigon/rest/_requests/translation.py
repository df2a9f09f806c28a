"""Make errors of ``requests`` ours, with their reason and without what was sent."""

import ssl
import zlib
from http.client import IncompleteRead
from typing import Final

from requests import exceptions as foreign
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidChunkLength,
    InvalidHeader,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from saigon.rest.exceptions import (
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

FOREIGN: Final = (foreign.RequestException, HTTPError, zlib.error)

_REASON_KEPT: Final = 200
# Others quote what came: the line or the chunk that they stumbled over.
_QUOTE_NOTHING: Final = (
    OSError,
    ConnectTimeoutError,
    IncompleteRead,
    NewConnectionError,
    ReadTimeoutError,
)


def translated(exc: Exception, call: str) -> TransportError | InvalidRequestError:
    """Make one of ``FOREIGN`` ours.

    Args:
        exc: The error, whose text may hold the query.
        call: The method and the URL without its query.
    """
    inner = _innermost(exc)
    if isinstance(exc, ValueError) and not isinstance(inner, InvalidHeader):
        return InvalidRequestError(f"{call}: {type(exc).__name__}")
    return _kind(exc, inner)(f"{call}: {_reason(inner)}"[: len(call) + _REASON_KEPT])


def _reason(inner: BaseException) -> str:
    if isinstance(inner, zlib.error):
        return "the body is not compressed as its Content-Encoding says"
    name = type(inner).__name__
    own = isinstance(inner, foreign.RequestException | InvalidChunkLength)
    return f"{name}: {inner}" if isinstance(inner, _QUOTE_NOTHING) and not own else name


def _kind(exc: Exception, inner: BaseException) -> type[TransportError]:
    if isinstance(exc, foreign.SSLError | SSLError):
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
