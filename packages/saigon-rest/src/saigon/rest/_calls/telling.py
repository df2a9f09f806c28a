"""Tell hooks and the log of each try."""

import logging
import time
from collections.abc import Sequence

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.call import Call, Hook, RestEvent
from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import TransportError

logger = logging.getLogger("saigon.rest")


class Telling:
    """Tell of the outcome of one try."""

    def __init__(self, call: Call, attempt: int, hooks: Sequence[Hook]) -> None:
        self._call = call
        self._attempt = attempt
        self._hooks = hooks
        self._started = time.monotonic()

    def answered(self, answer: Answer) -> None:
        """Tell that an answer came."""
        self._tell(status=answer.status, request_id=answer.request_id)

    def failed(self, error: TransportError) -> None:
        """Tell that no whole answer came."""
        error.attempts = self._attempt
        self._tell(error=type(error).__name__)

    def _tell(
        self, *, status: int | None = None, request_id: str | None = None, error: str | None = None
    ) -> None:
        event = RestEvent(
            method=self._call.method,
            url=without_query(self._call.url),
            attempt=self._attempt,
            elapsed=time.monotonic() - self._started,
            status=status,
            request_id=request_id,
            error=error,
        )
        outcome = error or status
        logger.debug("%s %s: %s (try %d)", event.method, event.url, outcome, event.attempt)
        for hook in self._hooks:
            hook(event)
