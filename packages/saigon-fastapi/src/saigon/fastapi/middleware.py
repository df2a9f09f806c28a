"""The one middleware: request context, log context, access line and the answer to a crash."""

from collections.abc import Collection
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from saigon.fastapi._client_address import ProxyHops
from saigon.fastapi._crash import answer_crash
from saigon.fastapi._exchange import Exchange
from saigon.fastapi._identity import IdentitySource
from saigon.fastapi._log_scope import request_log_scope
from saigon.fastapi._reading import ContextReader, Fault, Reading
from saigon.fastapi.headers import RequestContext, use_request_context
from saigon.fastapi.problems import close_code, problem_response

__all__ = ["QUIET_PATHS", "LogMiddleware"]

QUIET_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""The paths of the health routes, whose requests are logged only when slow or failed."""

_CONTEXT_KEY: Final = "saigon.fastapi.request_context"


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
        ConfigurationError: The identity's rule of trust would believe anyone here.
    """

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
        if identity is not None:
            identity.trust.check()
        self._app = app
        self._reader = ContextReader(context_type, identity, proxy_hops)
        self._quiet_paths = frozenset(quiet_paths)
        self._slow_after = slow_after.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] not in {"http", "websocket"} or _CONTEXT_KEY in scope:
            await self._app(scope, receive, send)
            return
        reading = self._reader.read(scope)
        scope[_CONTEXT_KEY] = reading.context
        exchange = self._exchange(scope, receive, send, reading)
        with ExitStack() as stack:
            stack.enter_context(use_request_context(reading.context))
            stack.enter_context(request_log_scope(**_log_fields(reading.context)))
            await self._run(exchange, reading)

    def _exchange(
        self, scope: Scope, receive: Receive, send: Send, reading: Reading[RequestContext]
    ) -> Exchange:
        return Exchange(
            scope,
            reading.context,
            receive,
            send,
            ignored_headers=reading.ignored_headers,
            quiet=scope["path"] in self._quiet_paths,
            slow_after=self._slow_after,
        )

    async def _run(self, exchange: Exchange, reading: Reading[RequestContext]) -> None:
        try:
            if reading.fault is None:
                await self._app(exchange.scope, exchange.receive, exchange.send)
            else:
                await _refuse(exchange, reading.fault)
        except Exception as exc:
            if exchange.client_left(exc):
                return
            exchange.failed(exc)
            if exchange.scope["type"] == "http" and not exchange.started:
                await answer_crash(exchange.scope, exchange.receive, exchange.send)
            raise
        except BaseException:
            exchange.cancelled()
            raise
        finally:
            exchange.write_line()


def _log_fields(context: RequestContext) -> dict[str, object]:
    fields = {
        "request_id": context.request_id,
        "trace_id": context.trace_id,
        "identity": context.principal,
    }
    return {key: value for key, value in fields.items() if value is not None}


async def _refuse(exchange: Exchange, fault: Fault) -> None:
    if exchange.scope["type"] == "websocket":
        await exchange.receive()
        close = {
            "type": "websocket.close",
            "code": close_code(fault.status),
            "reason": fault.detail,
        }
        await exchange.send(close)
        return
    response = problem_response(fault.status, detail=fault.detail)
    await response(exchange.scope, exchange.receive, exchange.send)
