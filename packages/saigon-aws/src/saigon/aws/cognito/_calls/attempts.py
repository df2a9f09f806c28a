"""What becomes of the attempts that botocore makes of a call.

botocore retries by the settings of a client; whether a call may be tried again is the call's own
matter, also where the client was handed in.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import local
from typing import Any, Final

_ERROR: Final = 300
_SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Attempts:
    """Those of one call."""

    once: bool
    """Whether there may be one only."""
    is_sent: bool = False
    """Whether a request was on its way."""
    is_lost: bool = False
    """Whether an attempt may have done its work although no answer says so."""


class _Thread(local):
    attempts: Attempts | None = None


_THREAD: Final = _Thread()


@contextmanager
def watched(*, once: bool) -> Iterator[Attempts]:
    """Watch the attempts of a call of this thread; another may be made within it, to sign it."""
    outer, attempts = _THREAD.attempts, Attempts(once)
    _THREAD.attempts = attempts
    try:
        yield attempts
    finally:
        _THREAD.attempts = outer


def watch(events: Any, service: str) -> None:
    """Hear of the attempts of a client; a second time changes nothing."""
    for event, handler in (("before-send", _sending), ("needs-retry", _made)):
        events.register_first(f"{event}.{service}", handler, unique_id=f"saigon-{event}")


def _sending(**_: Any) -> None:
    if _THREAD.attempts is not None:
        _THREAD.attempts.is_sent = True


def _made(
    *,
    operation: Any,
    response: Any = None,
    caught_exception: Exception | None = None,
    **_: Any,
) -> None:
    """Note an attempt; where it is to be the only one, raise what botocore would after it."""
    from botocore.exceptions import (
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        ProxyConnectionError,
    )

    attempts = _THREAD.attempts
    if attempts is None:
        return
    status = 0 if response is None else response[0].status_code
    is_unanswered = caught_exception is not None and not isinstance(
        caught_exception, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError
    )
    attempts.is_lost = attempts.is_lost or is_unanswered or status >= _SERVER_ERROR
    if attempts.once and caught_exception is not None:
        raise caught_exception
    if attempts.once and response is not None and status >= _ERROR:
        raise ClientError(response[1], operation.name)
