"""Make errors of ``requests`` ours, with their reason and without the query."""

from typing import Final

from requests import exceptions as foreign
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from saigon.rest.exceptions import (
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

_REASON_KEPT: Final = 200


def translated(exc: foreign.RequestException, call: str) -> TransportError | InvalidRequestError:
    """Make an error of ``requests`` ours.

    Args:
        exc: The error, whose text may hold the query.
        call: The method and the URL without its query.
    """
    if isinstance(exc, ValueError):
        return InvalidRequestError(f"{call}: {type(exc).__name__}")
    inner = _innermost(exc)
    kind = _kind(exc, inner)
    return kind(f"{call}: {type(inner).__name__}: {inner}"[: len(call) + _REASON_KEPT])


def _kind(exc: foreign.RequestException, inner: BaseException) -> type[TransportError]:
    if isinstance(exc, foreign.SSLError):
        return TlsError
    if isinstance(exc, foreign.ReadTimeout) or isinstance(inner, ReadTimeoutError):
        return RequestTimeoutError
    if isinstance(exc, foreign.ConnectTimeout):
        return ConnectError
    if isinstance(inner, (ConnectTimeoutError, NewConnectionError)):
        return ConnectError
    return TransportError


def _innermost(exc: BaseException) -> BaseException:
    while True:
        candidates = [getattr(exc, "reason", None), *reversed(exc.args)]
        inner = next((c for c in candidates if isinstance(c, BaseException)), None)
        if inner is None:
            return exc
        exc = inner
