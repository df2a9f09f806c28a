"""Make errors of ``httpx`` ours, with their reason and without what was sent."""

import ssl
import zlib
from typing import Final

import httpx

from saigon.rest.exceptions import (
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

FOREIGN: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, zlib.error)

_REASON_KEPT: Final = 200
_UNSENDABLE: Final = (
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.StreamError,
    httpx.UnsupportedProtocol,
)
_NOT_IN_TIME: Final = (httpx.ReadTimeout, httpx.WriteTimeout)
_NOT_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def translated(exc: Exception, call: str) -> TransportError | InvalidRequestError:
    """Make one of ``FOREIGN`` ours.

    Args:
        exc: The error.
        call: The method and the URL without its query.
    """
    if isinstance(exc, _UNSENDABLE):
        return InvalidRequestError(f"{call}: {type(exc).__name__}")
    inner = _of_the_system(exc)
    return _kind(exc, inner)(f"{call}: {_reason(exc, inner)}"[: len(call) + _REASON_KEPT])


def _kind(exc: Exception, inner: OSError | None) -> type[TransportError]:
    if isinstance(exc, httpx.ConnectError) and isinstance(inner, ssl.SSLError):
        # One that only breaks off says nothing about who the other side is, and told it nothing.
        return ConnectError if isinstance(inner, ssl.SSLEOFError) else TlsError
    if isinstance(exc, _NOT_CONNECTED):
        return ConnectError
    return RequestTimeoutError if isinstance(exc, _NOT_IN_TIME) else TransportError


def _reason(exc: Exception, inner: OSError | None) -> str:
    if isinstance(exc, httpx.PoolTimeout):
        return "PoolTimeout: no connection of the pool became free"
    if isinstance(exc, zlib.error):
        return "the body is not compressed as its Content-Encoding says"
    # Others quote what came: the header or the chunk that they stumbled over.
    return type(exc).__name__ if inner is None else f"{type(inner).__name__}: {inner}"


def _of_the_system(exc: BaseException | None) -> OSError | None:
    """Find what the system said, of several things the innermost."""
    found = None
    while exc is not None:
        if isinstance(exc, OSError) and not isinstance(exc, TimeoutError):
            found = exc
        exc = exc.__cause__ or exc.__context__
    return found
