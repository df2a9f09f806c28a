"""The answers that are given in place of the app's: to a crash, and to a caller who is refused."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saigon.fastapi._request.reading import Fault
from saigon.fastapi.problems import close_code, problem_response

STATE_KEY: Final = "saigon.fastapi"
"""Where the scope has the state of the request; apps that are mounted share it."""


@dataclass(slots=True)
class RequestState:
    """What ``LogMiddleware`` and ``OwnAnswers`` tell each other."""

    fault: Fault | None = None
    """What is to be answered further in, in place of the app."""

    crashed: bool = False
    """A crash has been answered, and its error is on the way up."""


async def answer_crash(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the 500: an id to ask about, and nothing of the error."""
    response = problem_response(500, detail="the service failed; its log knows the request's id")
    await response(scope, receive, send)


async def answer_fault(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Say why the request is refused before the app sees it."""
    if scope["type"] == "websocket":
        await receive()
        code = close_code(fault.status)
        await send({"type": "websocket.close", "code": code, "reason": fault.detail})
        return
    response = problem_response(fault.status, detail=fault.detail)
    await response(scope, receive, send)


class NotedSend:
    """Passes messages on, and knows whether an answer has been started."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        await self._send(message)
        self.started = self.started or message["type"] == "http.response.start"


class OwnAnswers:
    """Answers crashes and refusals in place of ``LogMiddleware``, which logs them.

    Stands within a middleware that adds headers to answers, such as CORS, so that a browser may
    read these too; and in an app that is mounted in another, whose ``LogMiddleware`` does nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        state: RequestState = scope.get(STATE_KEY) or RequestState()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif state.fault is not None:
            await answer_fault(state.fault, scope, receive, send)
        else:
            await self._answer(state, scope, receive, send)

    async def _answer(
        self, state: RequestState, scope: Scope, receive: Receive, send: Send
    ) -> None:
        sending = NotedSend(send)
        try:
            await self._app(scope, receive, sending)
        except Exception as exc:
            if not sending.started and not isinstance(exc, ClientDisconnect):
                state.crashed = True
                await answer_crash(scope, receive, send)
            raise
