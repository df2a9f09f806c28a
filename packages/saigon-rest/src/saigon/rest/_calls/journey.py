"""The way of one call through its tries and redirects, whichever library sends it."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.bodies import is_rewindable, position
from saigon.rest._calls.call import Call
from saigon.rest._calls.retry import is_repeatable
from saigon.rest._calls.urls import redirect_target

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER: Final = 303
_SAME_METHOD: Final = frozenset({307, 308})


class Journey:
    """Where a call has come to.

    Attributes:
        call: The request to make next.
        attempts: How many times the call was sent.
    """

    call: Call
    attempts: int

    def __init__(self, call: Call, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.call = call
        self.attempts = 0
        self._rewindable = is_rewindable(call.body)
        self._position = position(call.body)
        self._clock = clock
        self._started = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock() - self._started

    @property
    def time_left(self) -> float | None:
        """Seconds that are left for the call, not below zero; None where it has no limit."""
        if self.call.total_timeout is None:
            return None
        return max(0.0, self.call.total_timeout - self.elapsed)

    @property
    def is_rewindable(self) -> bool:
        """Whether the body can be sent once more."""
        return self._rewindable

    @property
    def is_repeatable(self) -> bool:
        """Whether the call may be sent again although the server may have acted on it."""
        return is_repeatable(self.call.method, self.call.headers)

    def begin_try(self) -> Call:
        """Count a try and give the call for it, its body where it began."""
        if self._position is not None:
            self.call.body.seek(self._position)
        self.attempts += 1
        return self.call

    def turn(self, answer: Answer) -> bool:
        """Go on to where an answer redirects to, if that is within the origin and safe."""
        location = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not location:
            return False
        target = redirect_target(self.call.url, location)
        if target is None:
            return False
        if answer.status == _SEE_OTHER and self.call.method != "HEAD":
            self._rewindable, self._position = True, None
            self.call = replace(self.call, method="GET", url=target, body=None)
            return True
        if self.call.method in {"GET", "HEAD"} or (
            answer.status in _SAME_METHOD and self._rewindable
        ):
            self.call = replace(self.call, url=target)
            return True
        return False
