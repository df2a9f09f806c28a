"""Pass requests on to a service in another process."""

import logging
import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from saigon.rest._calls.urls import parse_base_url
from saigon.rest.exceptions import MissingExtraError
from saigon.rest.gateway import _refusals as refusals
from saigon.rest.gateway._asgi import Receive, Scope, Send, answer, raw_path, read_body
from saigon.rest.gateway._refusals import Flavour, Refusal

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

# API Gateway's own limit on how long a service may take.
INTEGRATION_TIMEOUT: Final = 29.0
_BODY_LIMIT: Final = 10 * 1024 * 1024
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
_OURS: Final = _HOP_BY_HOP | {b"host", b"content-length"}


class UpstreamProxy:
    """An ASGI app that asks a service at another address; close it after use.

    Needs the extra ``[gateway]``. Redirects are passed back, not followed, and no proxy or
    password of the environment is used. A service that does not answer within 29 seconds gives
    504 and one that cannot be reached 502, as at API Gateway.

    Args:
        upstream: The base URL of the service.
        flavour: ``"rest"`` or ``"http"``: which kind of API's answers to give.
        timeout: Seconds that the service may take.

    Raises:
        MissingExtraError: httpx is not installed.
        ConfigurationError: ``upstream`` is not a base URL.
    """

    def __init__(
        self, upstream: str, *, flavour: Flavour = "rest", timeout: float = INTEGRATION_TIMEOUT
    ) -> None:
        try:
            import httpx
        except ModuleNotFoundError as exc:
            raise MissingExtraError("gateway", exc.name) from exc
        self._upstream = parse_base_url(upstream)
        self._flavour: Flavour = flavour
        self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)
        # What httpx would add by itself the caller has not asked for: compression, for one.
        self._client.headers.clear()

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
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on and its answer back."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"a proxy of http requests cannot serve {scope['type']!r}")
        body = await read_body(receive, _BODY_LIMIT)
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
            response = await self._client.send(self._request(scope, body), stream=True)
        except httpx.TimeoutException:
            await self._refuse(refusals.UPSTREAM_TIMED_OUT, send)
        except httpx.TransportError as exc:
            logger.warning("the service cannot be reached: %s", type(exc).__name__)
            await self._refuse(refusals.UPSTREAM_FAILED, send)
        else:
            await _give_back(response, send)

    def _request(self, scope: Scope, body: bytes) -> "httpx.Request":
        query = scope.get("query_string", b"").decode("ascii")
        url = self._upstream + raw_path(scope) + (f"?{query}" if query else "")
        headers = [(n, v) for n, v in scope["headers"] if n.lower() not in _OURS]
        return self._client.build_request(scope["method"], url, headers=headers, content=body)

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        headers = refusal.headers(self._flavour, str(uuid.uuid4()))
        await answer(send, refusal.status, headers, refusal.body(self._flavour))


async def _give_back(response: "httpx.Response", send: Send) -> None:
    headers = [(n.lower(), v) for n, v in response.headers.raw if n.lower() not in _HOP_BY_HOP]
    try:
        await send(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await response.aclose()
