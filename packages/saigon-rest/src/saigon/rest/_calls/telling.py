"""Tell hooks and the log of each try."""

import logging
import time
from collections.abc import Sequence

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.call import Call, Hook, RestEvent
from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import RestError, TransportError

logger = logging.getLogger("saigon.rest")


class Telling:
    """Tell of the outcome of one try; a hook that fails is logged, and the call goes on."""

    def __init__(self, call: Call, attempt: int, hooks: Sequence[Hook]) -> None:
        self._call = call
        self._attempt = attempt
        self._hooks = hooks
        self._started = time.monotonic()

    def answered(self, answer: Answer) -> None:
        """Tell that an answer came."""
        self._tell(status=answer.status, request_id=answer.request_id)

    def failed(self, error: RestError) -> None:
        """Tell that no whole answer came."""
        if isinstance(error, TransportError):
            error.attempts = self._attempt
        self._tell(error=type(error).__name__)

    def _tell(
        self, *, status: int | None = None, request_id: str | None = None, error: str | None = None
    ) -> None:
        if not self._hooks and not logger.isEnabledFor(logging.DEBUG):
            return
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
            _run(hook, event)


def _run(hook: Hook, event: RestEvent) -> None:
    try:
        hook(event)
    except Exception as exc:  # noqa: BLE001  # who watches a call does not make it fail
        logger.error("a hook failed: %s", type(exc).__name__)  # noqa: TRY400  # its text may be secret
