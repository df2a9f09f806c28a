"""One exchange between a client and the app: what passed, and when."""

import time
from typing import Final, TypeAlias

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send
from starlette.websockets import WebSocketDisconnect

_SWITCHING_PROTOCOLS: Final = 101
_FORBIDDEN: Final = 403  # what a websocket is that is closed before it was accepted

_STARTS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)

RawHeader: TypeAlias = tuple[bytes, bytes]


class Exchange:
    """Stands between the server and the app, and counts.

    Args:
        receive: The server's.
        send: The server's.
        stamp: A header that the answer gets, in place of one of its name.
    """

    def __init__(self, receive: Receive, send: Send, stamp: RawHeader) -> None:
        self._receive = receive
        self._send = send
        self._stamp = stamp
        self.began = time.perf_counter()
        self.status: int | None = None
        self.first_byte: float | None = None
        self.ended: float | None = None
        self.sent_bytes = 0
        self.complete = False
        self.disconnected = False
        self.send_error: OSError | None = None
        self.close_code: int | None = None

    @property
    def started(self) -> bool:
        """Tell whether the status has been sent."""
        return self.status is not None

    async def receive(self) -> Message:
        """Pass the server's next message to the app."""
        message = await self._receive()
        if message["type"] in {"http.disconnect", "websocket.disconnect"}:
            self.disconnected = self.disconnected or not self.complete
            self.close_code = message.get("code", self.close_code)
        return message

    async def send(self, message: Message) -> None:
        """Pass the app's next message to the server."""
        if message["type"] in _STARTS:
            message = self._stamped(message)
        try:
            await self._send(message)
        except OSError as exc:  # how ASGI 2.4 says that the client has left
            self.send_error = exc
            self.disconnected = True
            raise
        self._note(message)  # not before: a server refuses headers that are none

    def client_left(self, error: BaseException) -> bool:
        """Tell whether the app raised this because nobody is there to be answered."""
        if self.complete:
            return False
        if isinstance(error, ClientDisconnect):
            self.disconnected = True
            return True
        if isinstance(error, WebSocketDisconnect) and self.disconnected:
            self.close_code = self.close_code or error.code
            return True
        return error is self.send_error

    def cancelled(self) -> None:
        """Note that the server gave up on the request."""
        self.disconnected = self.disconnected or not self.complete

    def completed(self) -> None:
        """Note that the answer has been sent; background tasks may still run."""
        self.complete = True
        self.ended = time.perf_counter()

    def _stamped(self, message: Message) -> Message:
        name = self._stamp[0]
        others = [pair for pair in message.get("headers", ()) if pair[0].lower() != name]
        return {**message, "headers": [*others, self._stamp]}

    def _note(self, message: Message) -> None:
        match message["type"]:
            case "http.response.body" | "websocket.http.response.body":
                self.sent_bytes += len(message.get("body", b""))
                if not message.get("more_body", False):
                    self.completed()
            case "http.response.start" | "websocket.http.response.start":
                self._start(int(message["status"]))
            case "http.response.pathsend":  # the server sends a file, all of it
                self.completed()
            case "http.response.zerocopysend":
                self.sent_bytes += message.get("count") or 0
                if not message.get("more_body", False):
                    self.completed()
            case "websocket.send":
                self.sent_bytes += _payload_size(message)
            case "websocket.accept":
                self._start(_SWITCHING_PROTOCOLS)
            case "websocket.close":
                self.close_code = message.get("code", 1000)
                self.status = self.status or _FORBIDDEN

    def _start(self, status: int) -> None:
        self.status = status
        self.first_byte = time.perf_counter()


def _payload_size(message: Message) -> int:
    return len(message.get("bytes") or (message.get("text") or "").encode("utf-8", "replace"))
