"""The cap on a request's body, by its declared and by its real size."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saigon.fastapi._own_answers import NotedSend
from saigon.fastapi._request.raw_headers import header_values
from saigon.fastapi.problems import problem_response

_TOO_LARGE: Final = 413


class _BodyTooLarge(HTTPException):
    """Raised to whoever reads the body; answered by the handlers of errors, or outside of them."""


class BodySizeLimit:
    """Answers 413 to a body of more than so many bytes, before or while it is read."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._declares_too_much(scope):
            await self._refusal()(scope, receive, send)
        else:
            sending = NotedSend(send)
            try:
                await self._app(scope, self._counting(receive), sending)
            except _BodyTooLarge:  # a middleware read the body
                if sending.started:
                    raise
                await self._refusal()(scope, receive, send)

    def _declares_too_much(self, scope: Scope) -> bool:
        declared = header_values(scope, "content-length")
        return any(value.isdigit() and self._is_more(value) for value in declared)

    def _is_more(self, digits: bytes) -> bool:
        # int() refuses thousands of digits.
        digits = digits.lstrip(b"0")
        limit = str(self._max_bytes)
        return len(digits) > len(limit) or int(digits or b"0") > self._max_bytes

    def _counting(self, receive: Receive) -> Receive:
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise _BodyTooLarge(_TOO_LARGE, detail=self._detail)
            return message

        return counting_receive

    def _refusal(self) -> Response:
        return problem_response(_TOO_LARGE, detail=self._detail)

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes"
