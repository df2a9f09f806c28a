"""The answer to an error that nobody handled: an id to ask about, and nothing of the error."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saigon.fastapi.problems import problem_response


async def answer_crash(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the 500."""
    response = problem_response(500, detail="the service failed; its log knows the request's id")
    await response(scope, receive, send)


class CrashAnswer:
    """Answers a crash as ``LogMiddleware`` does, and raises it again for that to log.

    Stands within a middleware that adds headers to answers, such as CORS, so that a browser may
    read the answer to a crash too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            await send(message)
            started = started or message["type"] == "http.response.start"

        try:
            await self._app(scope, receive, noting_send)
        except Exception:
            if not started:
                await answer_crash(scope, receive, send)
            raise
