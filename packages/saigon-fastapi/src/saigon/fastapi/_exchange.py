"""One exchange between a client and the app: what passed, when, and the line that says so."""

import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from saigon.fastapi._text import escaped
from saigon.fastapi.headers import RequestContext
from saigon.fastapi.routing import route_template

_log = logging.getLogger("saigon.fastapi.access")

CLIENT_CLOSED: Final = 499
"""The status of a request whose client left before the answer was complete, as nginx has it."""

_STARTS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
_SWITCHING_PROTOCOLS: Final = 101
_FORBIDDEN: Final = 403  # what a websocket is that is closed before it was accepted
_SERVER_ERROR: Final = 500
_METHOD_LIMIT: Final = 32


@dataclass(slots=True)
class Exchange:
    """Stands between the server and the app, and counts."""

    scope: Scope
    context: RequestContext
    raw_receive: Receive
    raw_send: Send
    ignored_headers: list[str]
    quiet: bool
    slow_after: float
    began: float = field(default_factory=time.perf_counter)
    status: int | None = None
    first_byte: float | None = None
    ended: float | None = None
    sent_bytes: int = 0
    complete: bool = False
    disconnected: bool = False
    unreachable: bool = False
    close_code: int | None = None
    error: Exception | None = None
    logged: bool = False

    @property
    def started(self) -> bool:
        """Tell whether the status has been sent."""
        return self.status is not None

    async def receive(self) -> Message:
        """Pass the server's next message to the app."""
        message = await self.raw_receive()
        if message["type"] in {"http.disconnect", "websocket.disconnect"}:
            self.disconnected = self.disconnected or not self.complete
            self.close_code = message.get("code", self.close_code)
        return message

    async def send(self, message: Message) -> None:
        """Pass the app's next message to the server; the line is written after the last."""
        if message["type"] in _STARTS:
            message = self._with_request_id(message)
        try:
            await self.raw_send(message)
        except OSError:  # how ASGI 2.4 says that the client has left
            self.unreachable = self.disconnected = True
            raise
        self._note(message)  # not before: a server refuses headers that are none

    def _note(self, message: Message) -> None:
        self.sent_bytes += _payload_size(message)
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self._start(int(message["status"]))
            case "http.response.body" if not message.get("more_body", False):
                self._end()
            case "http.response.pathsend":  # the server sends a file, all of it
                self._end()
            case "websocket.accept":
                self._start(_SWITCHING_PROTOCOLS)
            case "websocket.close":
                self.close_code = message.get("code", 1000)
                self.status = self.status or _FORBIDDEN

    def client_left(self, error: Exception) -> bool:
        """Tell whether the app raised this because nobody is there to be answered."""
        if isinstance(error, ClientDisconnect):
            self.disconnected = True
            return True
        return self.unreachable and isinstance(error, OSError)

    def cancelled(self) -> None:
        """Note that the server gave up on the request."""
        self.disconnected = self.disconnected or not self.complete

    def _start(self, status: int) -> None:
        self.status = status
        self.first_byte = time.perf_counter()

    def _end(self) -> None:
        self.complete = True
        self.ended = time.perf_counter()
        self._write_line_early()

    def _with_request_id(self, message: Message) -> Message:
        name = self.context.header_names.request_id.lower().encode("latin-1")
        others = [pair for pair in message.get("headers", ()) if pair[0].lower() != name]
        return {**message, "headers": [*others, (name, self.context.request_id.encode("latin-1"))]}

    def _write_line_early(self) -> None:
        # Background tasks still run. A failure waits for the error that is on its way up.
        if self.status is not None and self.status < _SERVER_ERROR:
            self.write_line()

    def failed(self, error: Exception) -> None:
        """Note what the app raised; after the access line it gets a line of its own."""
        if self.logged:
            _log.error("failed after the answer was sent", exc_info=error)
        self.error = error

    def write_line(self) -> None:
        """Write the access line, once."""
        if self.logged:
            return
        self.logged = True
        fields = self._fields()
        failed = self.error is not None or fields["status"] >= _SERVER_ERROR
        slow = self.scope["type"] == "http" and fields["duration_ms"] >= self.slow_after * 1000
        if self.quiet and not failed and not slow:
            return
        _log.log(
            logging.ERROR if failed else logging.WARNING if slow else logging.INFO,
            "%s %s %d",
            *(fields["method"], fields["route"] or fields["path"], fields["status"]),
            extra=fields,
            exc_info=self.error,
        )

    def _fields(self) -> dict[str, Any]:
        fields = {
            "method": self._method(),
            "route": route_template(self.scope),
            "path": escaped(self.scope["path"]),
            "status": self._final_status(),
            "duration_ms": self._milliseconds(self.ended or time.perf_counter()),
            "ttfb_ms": None if self.first_byte is None else self._milliseconds(self.first_byte),
            "bytes": self.sent_bytes,
            "identity": self.context.principal,
            "identity_source": self.context.identity_source,
            "client": self.context.client_address,
            "user_agent": self.context.user_agent,
            "request_id": self.context.request_id,
            "trace_id": self.context.trace_id,
        }
        return fields | {key: value for key, value in self._oddities().items() if value}

    def _method(self) -> str:
        is_http = self.scope["type"] == "http"
        return escaped(self.scope["method"], _METHOD_LIMIT) if is_http else "WEBSOCKET"

    def _oddities(self) -> dict[str, Any]:
        broke_off = self.scope["type"] == "http" and self.started and not self.complete
        return {
            "ignored_headers": self.ignored_headers,
            "close_code": self.close_code,
            "incomplete": broke_off,
        }

    def _milliseconds(self, until: float) -> float:
        return round((until - self.began) * 1000, 3)

    def _final_status(self) -> int:
        left = self.disconnected and self.error is None
        if left and (self.scope["type"] == "http" or self.status is None):
            return CLIENT_CLOSED
        return _SERVER_ERROR if self.status is None else self.status


def _payload_size(message: Message) -> int:
    payload = message.get("body") or message.get("bytes") or message.get("text") or b""
    return len(payload)
