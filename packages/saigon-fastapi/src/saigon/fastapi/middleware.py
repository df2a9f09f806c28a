"""The one middleware: request context, log context, access line and the answer to a crash."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import ClassVar, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from saigon.fastapi._access_line import LoggedExchange
from saigon.fastapi._logs.scope import RequestLogScope
from saigon.fastapi._logs.spans import name_span
from saigon.fastapi._own_answers import STATE_KEY, RequestState, answer_crash, answer_fault
from saigon.fastapi._paths import path_below_root
from saigon.fastapi._request.client_address import ProxyHops
from saigon.fastapi._request.in_force import IN_FORCE
from saigon.fastapi._request.raw_headers import raw_name
from saigon.fastapi._request.reading import ContextReader, Fault
from saigon.fastapi.headers import IdentitySource, RequestContext

__all__ = ["QUIET_PATHS", "LogMiddleware"]

QUIET_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""The paths of the health routes, whose requests are logged only when slow or failed."""


class LogMiddleware:
    """Gives each request a context and exactly one access line, and answers a crash with 500.

    The context is in force for the endpoint, its dependencies, background tasks and a streamed
    answer; its ids are on every log line below. A request id goes out as a header of the answer.
    An error is answered with a problem document that holds the request id and nothing of the
    error, logged with its traceback, and raised again for the server.

    Under another ``LogMiddleware``, as in an app that is mounted in another, it does nothing.

    Args:
        app: The app.
        context_type: The type of context; see ``custom_request_context``.
        identity: The one source of identities. Without one every request is anonymous.
        proxy_hops: The proxies before the service, for the client's address.
        quiet_paths: Paths that are logged only when slow or failed.
        slow_after: From when on a request is slow, and its line a warning.

    Raises:
        ConfigurationError: The identity's rule of trust would believe anyone here, or its secret
            stands in a header that is read for something else.
    """

    _answers_within: ClassVar[bool] = False
    """Whether ``OwnAnswers`` stands further in."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        context_type: type[RequestContext] = RequestContext,
        identity: IdentitySource | None = None,
        proxy_hops: ProxyHops | None = None,
        quiet_paths: Collection[str] = QUIET_PATHS,
        slow_after: timedelta = timedelta(seconds=1),
    ) -> None:
        self._app = app
        self._reader = ContextReader(context_type, identity, proxy_hops)
        self._id_header = raw_name(context_type.header_names.request_id)
        self._quiet_paths = frozenset(quiet_paths)
        self._slow_after = slow_after.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] not in {"http", "websocket"} or STATE_KEY in scope:
            await self._app(scope, receive, send)
            return
        reading = self._reader.read(scope)
        scope[STATE_KEY] = state = RequestState()
        path, request_id = path_below_root(scope), reading.members["request_id"]
        exchange = LoggedExchange(
            scope,
            reading,
            receive,
            send,
            (self._id_header, request_id.encode("latin-1")),
            traced=name_span(request_id),
            quiet=path in self._quiet_paths,
            slow_after=self._slow_after,
        )
        in_force = IN_FORCE.set(reading.context)
        try:
            with RequestLogScope(reading.log_fields()):
                # Whether the process lives is nobody's in particular to ask.
                state.fault = None if path in QUIET_PATHS else reading.fault
                await self._run(scope, exchange, state.fault)
        finally:
            IN_FORCE.reset(in_force)
            scope.pop(STATE_KEY, None)  # the scope may be sent through once more

    async def _run(self, scope: Scope, exchange: LoggedExchange, fault: Fault | None) -> None:
        try:
            if fault is None or (self._answers_within and scope["type"] == "http"):
                await self._app(scope, exchange.receive, exchange.send)
            else:
                await answer_fault(fault, scope, exchange.receive, exchange.send)
            await _answer_for(scope, exchange)
        except BaseException as exc:
            if exchange.client_left(exc):
                return
            if _gave_up(exc):
                exchange.cancelled()
            else:
                exchange.fail(exc)
                await _answer_for(scope, exchange)
            raise
        finally:
            exchange.write()


def _gave_up(error: BaseException) -> bool:
    """Tell whether the server, not the app, has ended the request."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    return isinstance(error, GeneratorExit)


async def _answer_for(scope: Scope, exchange: LoggedExchange) -> None:
    """Answer with 500 where the app has not answered and somebody waits for it."""
    if scope["type"] == "http" and not exchange.started and not exchange.disconnected:
        await answer_crash(scope, exchange.receive, exchange.send)
