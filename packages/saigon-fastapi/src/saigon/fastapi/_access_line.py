"""The one line that says what became of a request."""

import logging
import time
from types import TracebackType
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from saigon.fastapi._exchange import Exchange, RawHeader
from saigon.fastapi._logs.server import note_logged
from saigon.fastapi._logs.spans import span_fields
from saigon.fastapi._own_answers import STATE_KEY, RequestState
from saigon.fastapi._request.reading import Reading
from saigon.fastapi._text import escaped
from saigon.fastapi.headers import RequestContext
from saigon.fastapi.routing import route_template

_log = logging.getLogger("saigon.fastapi.access")

CLIENT_CLOSED: Final = 499
"""The status of a request whose client left before the answer was complete, as nginx has it."""

_SERVER_ERROR: Final = 500
_METHOD_LIMIT: Final = 32


class LoggedExchange(Exchange):
    """Writes one line, behind the last byte of the answer.

    Args:
        scope: The request.
        reading: What was read of it.
        receive: The server's.
        send: The server's.
        stamp: A header that the answer gets, in place of one of its name.
        traced: It is within a span.
        quiet: Write the line only if slow or failed.
        slow_after: From how many seconds on it is slow; a websocket never is.
    """

    def __init__(
        self,
        scope: Scope,
        reading: Reading[RequestContext],
        receive: Receive,
        send: Send,
        stamp: RawHeader,
        *,
        traced: bool,
        quiet: bool,
        slow_after: float,
    ) -> None:
        super().__init__(receive, send, stamp)
        self._scope = scope
        self._state: RequestState = scope[STATE_KEY]
        self._reading = reading
        self._traced = traced
        self._quiet = quiet
        self._slow_after = slow_after
        self._error: BaseException | None = None
        self._written = False

    def completed(self) -> None:
        """Write the line before background tasks run; a crash waits for its error."""
        super().completed()
        if not self._state.crashed:
            self.write()

    def fail(self, error: BaseException) -> None:
        """Note what the app raised; it gets a line of its own where the line stands already."""
        if not self._written:
            self._error = error
        elif _log.isEnabledFor(logging.ERROR):
            _log.error("failed after the answer was sent", exc_info=error)
            note_logged(error)

    def write(self) -> None:
        """Write the line, once."""
        if self._written:
            return
        self._written = True
        status = self._final_status()
        duration = (self.ended or time.perf_counter()) - self.began
        failed = self._error is not None or status >= _SERVER_ERROR or self._broke_off(status)
        slow = duration >= self._slow_after and self._scope["type"] == "http"
        level = logging.ERROR if failed else logging.WARNING if slow else logging.INFO
        if (failed or slow or not self._quiet) and _log.isEnabledFor(level):
            self._emit(level, self._fields(status, duration))
        self._error = None  # its traceback leads back here

    def _emit(self, level: int, fields: dict[str, Any]) -> None:
        # What Logger.log does, less the search for the caller, which is always here.
        arguments = (fields["method"], fields["route"] or fields["path"], fields["status"])
        record = _log.makeRecord(
            _log.name, level, __file__, 0, "%s %s %d", arguments, self._exc_info(), "write"
        )
        vars(record).update(fields)
        _log.handle(record)
        if self._error is not None:
            note_logged(self._error)

    def _fields(self, status: int, duration: float) -> dict[str, Any]:
        members, is_http = self._reading.members, self._scope["type"] == "http"
        first_byte = None if self.first_byte is None else self.first_byte - self.began
        fields: dict[str, Any] = {
            "method": escaped(self._scope["method"], _METHOD_LIMIT) if is_http else "WEBSOCKET",
            "route": self._route(),
            "path": escaped(self._scope["path"]),
            "status": status,
            "duration_ms": round(duration * 1000, 3),
            "ttfb_ms": None if first_byte is None else round(first_byte * 1000, 3),
            "bytes": 0 if is_http and self._scope["method"] == "HEAD" else self.sent_bytes,
            "identity": self._reading.principal(),
            "identity_source": members["identity_source"],
            "client": members["client_address"],
            "user_agent": members["user_agent"],
            "request_id": members["request_id"],
            "trace_id": members["trace_id"],
        }
        if self._traced:
            fields.update(span_fields())
        if self._reading.ignored_headers:
            fields["ignored_headers"] = self._reading.ignored_headers
        if self.close_code:
            fields["close_code"] = self.close_code
        if is_http and self.started and not self.complete:
            fields["incomplete"] = True
        return fields

    def _route(self) -> str | None:
        route = route_template(self._scope)
        return None if route is None else escaped(route)

    def _broke_off(self, status: int) -> bool:
        is_http = self._scope["type"] == "http"
        return is_http and self.started and not self.complete and status != CLIENT_CLOSED

    def _exc_info(self) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
        error = self._error
        return None if error is None else (type(error), error, error.__traceback__)

    def _final_status(self) -> int:
        left = self.disconnected and self._error is None
        if left and (self.status is None or self._scope["type"] == "http"):
            return CLIENT_CLOSED
        return _SERVER_ERROR if self.status is None else self.status
