"""Pass requests on to a service in another process."""

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from saigon.rest.exceptions import MissingExtraError
from saigon.rest.gateway._answers.refusal import Flavour, Refusal
from saigon.rest.gateway._answers.standard import MAX_BODY, UPSTREAM_FAILED, UPSTREAM_TIMED_OUT
from saigon.rest.gateway._asgi import Receive, Scope, Send, answer, raw_path, read_body

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("saigon.rest.gateway")

# How long a service may take at most, by API Gateway's own limits.
INTEGRATION_TIMEOUTS: Final[dict[Flavour, float]] = {"rest": 29.0, "http": 30.0}
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The whole body is here before any of it is sent on, so that nothing is left to expect.
_OURS: Final = _HOP_BY_HOP | {b"host", b"content-length", b"expect"}
# The server that this runs in dates its answers itself, and two dates are none.
_NOT_GIVEN_BACK: Final = _HOP_BY_HOP | {b"date"}


class UpstreamProxy:
    """An ASGI app that asks a service at another address; close it after use.

    Needs the extra ``[gateway]``. The target is sent as it came, without the ``root_path``.
    Redirects and cookies are passed back, not followed or kept, and no proxy or password of the
    environment is used. A service that cannot be reached, or does not begin to answer in time,
    gives 504, and 503 in an HTTP API, as at API Gateway.

    Args:
        upstream: The base URL of the service.
        flavour: ``"rest"`` or ``"http"``: which kind of API's answers to give.
        timeout: Seconds that the service may take; by default API Gateway's own 29 or 30.

    Raises:
        MissingExtraError: httpx is not installed.
        ConfigurationError: ``upstream`` is not a base URL.
    """

    def __init__(
        self, upstream: str, *, flavour: Flavour = "rest", timeout: float | None = None
    ) -> None:
        try:
            import httpx
        except ModuleNotFoundError as exc:
            raise MissingExtraError("gateway", exc.name) from exc
        from saigon.rest._calls.urls import parse_base_url

        self._upstream = httpx.URL(parse_base_url(upstream))
        self._flavour: Flavour = flavour
        self._timeout = INTEGRATION_TIMEOUTS[flavour] if timeout is None else timeout
        # Not a client: that one would keep one caller's cookies for the next, and log queries.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=None)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to the service."""
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on and its answer back."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"a proxy of http requests cannot serve {scope['type']!r}")
        body = await read_body(receive, MAX_BODY)
        if body is not None:
            await self._pass_on(scope, body, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, scope: Scope, body: bytes, send: Send) -> None:
        import httpx

        try:
            async with asyncio.timeout(self._timeout):
                response = await self._transport.handle_async_request(self._request(scope, body))
        except (TimeoutError, httpx.TimeoutException):
            await self._refuse(UPSTREAM_TIMED_OUT, send)
        except httpx.TransportError as exc:
            logger.warning("the service cannot be reached: %s", type(exc).__name__)
            await self._refuse(UPSTREAM_FAILED, send)
        else:
            await _give_back(response, send)

    def _request(self, scope: Scope, body: bytes) -> "httpx.Request":
        import httpx

        base = self._upstream.raw_path.rstrip(b"/")
        query = scope.get("query_string", b"")
        path = raw_path(scope).removeprefix(scope.get("root_path", "")) or "/"
        target = base + path.encode("ascii") + (b"?" + query if query else b"")
        return httpx.Request(
            scope["method"],
            self._upstream,
            headers=[
                (name, value) for name, value in scope["headers"] if name.lower() not in _OURS
            ],
            content=body,
            # The URL would be tidied up: dot segments, for one, were signed as they stand.
            extensions={"target": target, "timeout": httpx.Timeout(self._timeout).as_dict()},
        )

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        flavour = self._flavour
        headers = refusal.headers(flavour)
        await answer(send, refusal.status_of(flavour), headers, refusal.body(flavour))


async def _give_back(response: "httpx.Response", send: Send) -> None:
    headers = [(n.lower(), v) for n, v in response.headers.raw if n.lower() not in _NOT_GIVEN_BACK]
    try:
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await response.aclose()
