"""The gateway as ASGI middleware."""

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway import _refusals as refusals
from saigon.rest.gateway._asgi import (
    App,
    BodyTooLargeError,
    Receive,
    Scope,
    Send,
    answer,
    raw_path,
    read_body,
    replay,
)
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._context import DEFAULT_MAPPING, check_mapping, mapped_headers
from saigon.rest.gateway._production import is_beyond_loopback, refuse_on_aws
from saigon.rest.gateway._refusals import Flavour, Refusal, RefusedError
from saigon.rest.gateway._verify import ReceivedRequest, verify

logger = logging.getLogger(__name__)

MAX_BODY: Final = 10 * 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalGateway:
    """Stand where API Gateway stands: let through what is signed, and say by whom.

    A request must carry a Signature Version 4 that fits what arrived, no older than five minutes,
    and the session token of known credentials. Anything else is answered with API Gateway's own
    403. The mapped headers are overwritten, whatever the caller sent in them; a header that is
    not mapped is let through as API Gateway lets it through. As there, the Authorization header
    ends here and a body holds at most 10 MiB. WebSockets are refused.

    Args:
        app: The service.
        credentials: Returns the caller of an access key id, None for an unknown one; a Cognito
            identity pool of ``saigon.aws.testing`` has it as ``find``.
        flavour: ``"rest"`` or ``"http"``: which kind of API's answers to give.
        secret_headers: Static headers that tell the service that its gateway sent the request.
        mapping: Which header is filled with which ``$context`` variable.
        region: The one region that signatures must be for; any by default.
        clock: Returns the present time, aware.

    Raises:
        GatewayRefusedError: This is AWS (``AWS_EXECUTION_ENV`` or ``AWS_LAMBDA_FUNCTION_NAME``).
        ConfigurationError: The flavour or a variable of the mapping is unknown.
    """

    def __init__(
        self,
        app: App,
        *,
        credentials: Callable[[str], GatewayCaller | None],
        flavour: Flavour = "rest",
        secret_headers: Mapping[str, str | SecretStr] | None = None,
        mapping: Mapping[str, str] = DEFAULT_MAPPING,
        region: str | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        refuse_on_aws()
        if flavour not in {"rest", "http"}:
            raise ConfigurationError(f"unknown flavour {flavour!r}; expected 'rest' or 'http'")
        self._app = app
        self._credentials = credentials
        self._flavour: Flavour = flavour
        self._secret_headers = dict(secret_headers or {})
        self._mapping = check_mapping(mapping)
        self._region = region
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify one request and pass it on, or refuse it."""
        if scope["type"] == "http":
            await self._handle(scope, receive, send)
        elif scope["type"] == "websocket":
            # Closed before it is accepted, the handshake is answered with 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        try:
            _refuse_beyond_loopback(scope)
            body = await read_body(receive, MAX_BODY)
            if body is None:
                return
            _refuse_odd_target(scope)
            caller = verify(
                _received(scope, body),
                credentials=self._credentials,
                region=self._region,
                now=self._clock(),
            )
        except RefusedError as exc:
            await self._refuse(exc.refusal, request_id, send)
            return
        except BodyTooLargeError:
            await self._refuse(refusals.TOO_LARGE, request_id, send)
            return
        onward = {**scope, "headers": self._onward_headers(scope, caller, request_id)}
        await self._app(onward, replay(body, receive), send)

    async def _refuse(self, refusal: Refusal, request_id: str, send: Send) -> None:
        logger.info("refused %s: %s", request_id, refusal.error_type)
        headers = refusal.headers(self._flavour, request_id)
        await answer(send, refusal.status, headers, refusal.body(self._flavour))

    def _onward_headers(
        self, scope: Scope, caller: GatewayCaller, request_id: str
    ) -> list[tuple[bytes, bytes]]:
        ours = mapped_headers(self._mapping, caller, request_id)
        ours |= {name: _reveal(value) for name, value in self._secret_headers.items()}
        encoded = [(name.lower().encode(), value.encode()) for name, value in ours.items()]
        replaced = {name for name, _ in encoded} | {b"authorization"}
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in replaced]
        return kept + encoded


def _reveal(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _refuse_beyond_loopback(scope: Scope) -> None:
    server = scope.get("server")
    if server and is_beyond_loopback(server[0]):
        raise RefusedError(refusals.BEYOND_LOOPBACK)


def _refuse_odd_target(scope: Scope) -> None:
    # Anything else would be read by the service as another URL than the one that was signed.
    path = raw_path(scope)
    if (
        not path.startswith("/")
        or not path.isascii()
        or not scope.get("query_string", b"").isascii()
    ):
        raise RefusedError(refusals.BAD_TARGET)


def _received(scope: Scope, body: bytes) -> ReceivedRequest:
    return ReceivedRequest(
        method=scope["method"],
        path=raw_path(scope),
        query=scope.get("query_string", b"").decode("ascii"),
        headers=[
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ],
        body=body,
    )
