"""The cap on a request's body, by its declared and by its real size."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saigon.fastapi._raw_headers import header_values
from saigon.fastapi.problems import problem_response

_TOO_LARGE = 413


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
            response = problem_response(_TOO_LARGE, detail=self._detail)
            await response(scope, receive, send)
        else:
            await self._app(scope, self._counting(receive), send)

    def _declares_too_much(self, scope: Scope) -> bool:
        declared = header_values(scope, "content-length")
        return any(value.isdigit() and int(value) > self._max_bytes for value in declared[:1])

    def _counting(self, receive: Receive) -> Receive:
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(_TOO_LARGE, detail=self._detail)
            return message

        return counting_receive

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes"
