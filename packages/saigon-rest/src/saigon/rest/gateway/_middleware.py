"""The gateway as ASGI middleware."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._answers.ids import RequestIds, new_ids, with_ids
from saigon.rest.gateway._answers.refusal import Flavour, Refusal, RefusedError
from saigon.rest.gateway._answers.standard import BODY_TOO_LARGE, MAX_BODY
from saigon.rest.gateway._asgi import (
    App,
    BodyTooLargeError,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    raw_path,
    read_body,
    replay,
)
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._onward.exchange import Exchange
from saigon.rest.gateway._onward.headers import OnwardHeaders
from saigon.rest.gateway._onward.variables import DEFAULT_MAPPING
from saigon.rest.gateway._production import refuse_on_aws
from saigon.rest.gateway._signature.received import ReceivedRequest
from saigon.rest.gateway._signature.verify import verify
from saigon.rest.gateway._target.limits import (
    refuse_beyond_loopback,
    refuse_large_head,
    refuse_odd_target,
)
from saigon.rest.gateway._target.routes import Authorization, Routes
from saigon.rest.gateway._target.stage import DEFAULT_STAGE, below_stage, stage_prefix

logger = logging.getLogger("saigon.rest.gateway")

_PATH_SHOWN: Final = 200


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalGateway:
    """Stand where API Gateway stands: let through what is signed, and say by whom.

    A request must carry a Signature Version 4 that fits what arrived, in the Authorization header
    and no older than five minutes or in the query and not expired, and the session token of known
    credentials. Anything else is answered as API Gateway answers it; the log says why.

    The mapped headers are overwritten, whatever the caller sent in them; a header that is not
    mapped is let through as API Gateway lets it through. As there, the Authorization header ends
    here, the headers that tell of the way and of the trace are written on, a body holds at most
    10 MiB, and the request line and header values 10,240 bytes. WebSockets are refused.

    Args:
        app: The service.
        credentials: Returns the caller of an access key id, None for an unknown one; a Cognito
            identity pool of ``saigon.aws.testing`` has it as ``find``.
        flavour: ``"rest"`` or ``"http"``: which kind of API to be.
        secret_headers: Static headers that tell the service that its gateway sent the request;
            a route that asks for no signature brings none.
        mapping: Which header is filled with which ``$context`` variable.
        stage: What each path begins with, such as ``"prod"``; it becomes the ``root_path``.
        routes: What each route asks for, in API Gateway's own words, such as
            ``{"GET /health/live": "NONE", "ANY /{proxy+}": "AWS_IAM"}``. By default every path is
            there, and asks for a signature.
        region: The one region that signatures must be for; any by default.
        clock: Returns the present time, aware.

    Raises:
        GatewayRefusedError: This is AWS (``AWS_EXECUTION_ENV`` or ``AWS_LAMBDA_FUNCTION_NAME``).
        ConfigurationError: The flavour, a variable of the mapping, the stage or a route is none.
    """

    def __init__(
        self,
        app: App,
        *,
        credentials: Callable[[str], GatewayCaller | None],
        flavour: Flavour = "rest",
        secret_headers: Mapping[str, str | SecretStr] | None = None,
        mapping: Mapping[str, str] = DEFAULT_MAPPING,
        stage: str | None = None,
        routes: Mapping[str, Authorization] | None = None,
        region: str | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        refuse_on_aws()
        if flavour not in {"rest", "http"}:
            raise ConfigurationError(f"unknown flavour {flavour!r}; expected 'rest' or 'http'")
        self._app = app
        self._credentials = credentials
        self._flavour: Flavour = flavour
        self._headers = OnwardHeaders(flavour, mapping, secret_headers)
        self._stage = stage or DEFAULT_STAGE
        self._prefix = stage_prefix(stage)
        self._routes = Routes(routes, flavour)
        self._region = region
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify one request and pass it on, or refuse it."""
        if scope["type"] == "http":
            ids = new_ids(self._flavour)
            await self._handle(scope, receive, self._with_ids(send, ids), ids)
        elif scope["type"] == "websocket":
            # Closed before it is accepted, the handshake is answered with 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send, ids: RequestIds) -> None:
        try:
            refuse_beyond_loopback(scope)
            refuse_large_head(scope)
            body = await read_body(receive, MAX_BODY)
            if body is None:
                return
            exchange = self._let_through(scope, body, ids)
        except RefusedError as exc:
            await self._refuse(exc.refusal, scope, send, ids)
            return
        except BodyTooLargeError:
            await self._refuse(BODY_TOO_LARGE, scope, send, ids)
            return
        logger.info("%s %s is let through as %s", scope["method"], _shown(scope), ids.request_id)
        onward = {
            **scope,
            "root_path": scope.get("root_path", "") + self._prefix,
            "headers": self._headers.of(exchange),
        }
        await self._app(onward, replay(body, receive), send)

    def _let_through(self, scope: Scope, body: bytes, ids: RequestIds) -> Exchange:
        refuse_odd_target(scope)
        path = below_stage(raw_path(scope), self._prefix)
        now, caller = self._clock(), None
        if self._routes.authorization(scope["method"], path) == "AWS_IAM":
            caller = verify(
                ReceivedRequest.of(scope, body),
                credentials=self._credentials,
                region=self._region,
                now=now,
            )
        return Exchange(scope, ids, self._stage, now, caller)

    async def _refuse(self, refusal: Refusal, scope: Scope, send: Send, ids: RequestIds) -> None:
        logger.warning(
            "%s %s is refused as %s: %s",
            scope["method"],
            _shown(scope),
            ids.request_id,
            _printable(refusal.why),
        )
        flavour = self._flavour
        headers = refusal.headers(flavour)
        await answer(send, refusal.status_of(flavour), headers, refusal.body(flavour))

    def _with_ids(self, send: Send, ids: RequestIds) -> Send:
        async def send_with_ids(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = with_ids(message.get("headers", ()), ids, self._flavour)
                message = {**message, "headers": headers}
            await send(message)

        return send_with_ids


def _shown(scope: Scope) -> str:
    return _printable(raw_path(scope)[:_PATH_SHOWN])


def _printable(text: str) -> str:
    # What was decoded out of a query may hold a line of its own.
    return text.encode("unicode_escape").decode()
