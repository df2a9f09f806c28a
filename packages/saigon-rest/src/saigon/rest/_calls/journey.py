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
from saigon.rest.exceptions import RequestTimeoutError, TransportError

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER: Final = 303
_SAME_METHOD: Final = frozenset({307, 308})


class Journey:
    """Where a call has come to.

    Attributes:
        call: The request to make next.
        attempts: How many times the call was sent.
        legs: How many requests it was, one after the other: one more than the redirects, and than
            the request that was authorized anew.
    """

    call: Call
    attempts: int
    legs: int

    def __init__(self, call: Call, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.call = call
        self.attempts = 0
        self.legs = 1
        self._recovered = False
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
    def out_of_time(self) -> str:
        """Say that no time is left."""
        return f"the {self.call.total_timeout:g} s of the whole call are up"

    @property
    def is_rewindable(self) -> bool:
        """Whether the body can be sent once more."""
        return self._rewindable

    @property
    def is_repeatable(self) -> bool:
        """Whether the call may be sent again although the server may have acted on it."""
        return is_repeatable(self.call.method, self.call.headers)

    def refuse_late(self) -> None:
        """Refuse to send anything once no time is left.

        Raises:
            RequestTimeoutError: There is none.
        """
        if self.time_left == 0:
            raise RequestTimeoutError(
                f"{self.call.told}: {self.out_of_time}", attempts=self.attempts
            )

    def abandoned(self) -> TransportError:
        """Make the error of a call whose client was closed meanwhile."""
        return TransportError(
            f"{self.call.told}: the client was closed meanwhile", attempts=self.attempts
        )

    def begin_try(self) -> Call:
        """Count a try and give the call for it, its body where it began.

        Raises:
            RequestTimeoutError: There is no time left for one.
        """
        self.refuse_late()
        if self._position is not None:
            self.call.body.seek(self._position)
        self.attempts += 1
        return self.call

    @property
    def may_recover(self) -> bool:
        """Whether a request that was refused may be authorized anew: once in a call."""
        return self._rewindable and not self._recovered

    def recover(self) -> None:
        """Go on with the same request, authorized anew."""
        self._recovered = True
        self.legs += 1

    def turn(self, answer: Answer) -> bool:
        """Go on to where an answer redirects to, if that is within the origin and safe."""
        location = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not location:
            return False
        target = redirect_target(self.call.url, location)
        if target is None:
            return False
        turned = self._turned(answer.status, target)
        if turned is None:
            return False
        self.call = turned
        self.legs += 1
        return True

    def _turned(self, status: int, target: str) -> Call | None:
        call = self.call
        if status == _SEE_OTHER and call.method != "HEAD":
            self._rewindable, self._position = True, None
            headers = {k: v for k, v in call.headers.items() if not _is_of_body(k)}
            return replace(call, method="GET", url=target, headers=headers, body=None)
        if call.method in {"GET", "HEAD"} or (status in _SAME_METHOD and self._rewindable):
            return replace(call, url=target)
        return None


def _is_of_body(header: str) -> bool:
    return header.lower().startswith("content-")
