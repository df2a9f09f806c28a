"""What one would stack for the same line: a request id, a context and JSON, each from a library."""

import logging
import time
from typing import Any, Final, TextIO

from asgi_correlation_id import CorrelationIdFilter, CorrelationIdMiddleware
from pythonjsonlogger.json import JsonFormatter
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_context import context, plugins
from starlette_context.middleware import ContextMiddleware, RawContextMiddleware

__all__ = ["stacked_middleware"]

_log: Final = logging.getLogger("tools.bench.stack")


def stacked_middleware(lines: TextIO, *, raw: bool) -> list[Middleware]:
    """Return the middleware, the outermost first; the innermost writes the line.

    Args:
        lines: Where the line is written.
        raw: Take the faster of starlette-context's two, not the one that its README takes.
    """
    handler = logging.StreamHandler(lines)
    handler.addFilter(CorrelationIdFilter(name="request_id", uuid_length=32))
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
    )
    _log.handlers[:] = [handler]
    _log.propagate = False
    return [
        Middleware(CorrelationIdMiddleware),
        Middleware(
            RawContextMiddleware if raw else ContextMiddleware,
            plugins=[plugins.UserAgentPlugin(), _TraceParent()],
        ),
        Middleware(_AccessLine),
    ]


class _TraceParent(plugins.Plugin):  # type: ignore[misc]  # installed for benches alone
    key = "traceparent"


class _AccessLine:
    """Writes the line that one would write by hand, with the fields that ours has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status, first_byte, size = 500, began, 0

        async def noting_send(message: Message) -> None:
            nonlocal status, first_byte, size
            await send(message)
            if message["type"] == "http.response.start":
                status, first_byte = message["status"], time.perf_counter()
            else:
                size += len(message.get("body", b""))

        try:
            await self._app(scope, receive, noting_send)
        finally:
            fields: dict[str, Any] = {
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", None),
                "path": scope["path"],
                "status": status,
                "duration_ms": round((time.perf_counter() - began) * 1000, 3),
                "ttfb_ms": round((first_byte - began) * 1000, 3),
                "bytes": size,
                "client": scope["client"][0],
                "user_agent": context.data["User-Agent"],
                "trace_id": (context.data["traceparent"] or "").split("-")[1:2],
            }
            _log.info("%s %s %d", scope["method"], fields["route"], status, extra=fields)
