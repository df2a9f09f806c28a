"""Errors as problem documents (RFC 9457), which never hold what the caller sent.

See Also:
    https://www.rfc-editor.org/rfc/rfc9457
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from saigon.fastapi._db_problems import db_problem_handlers
from saigon.fastapi._paths import allowed_methods
from saigon.fastapi._text import encodable
from saigon.fastapi._validation_errors import safe_errors
from saigon.fastapi.exceptions import NoRequestContextError
from saigon.fastapi.headers import RequestContext
from saigon.model.pagination import InvalidPaginationToken
from saigon.model.problems import PROBLEM_MEDIA_TYPE, ProblemDetails, ProblemError

__all__ = [
    "PROBLEM_RESPONSES",
    "close_code",
    "http_exception_handler",
    "install_problem_handlers",
    "invalid_page_token_handler",
    "problem_response",
    "validation_error_exception_handler",
    "websocket_validation_error_handler",
]

PROBLEM_RESPONSES: Final[Mapping[int | str, dict[str, Any]]] = {
    400: {"model": ProblemDetails, "description": "The request cannot be read."},
    413: {"model": ProblemDetails, "description": "The body is too large."},
    422: {"model": ProblemDetails, "description": "The request has values that are not valid."},
    503: {"model": ProblemDetails, "description": "Try again later."},
}
"""The problem answers that any operation may give, for the OpenAPI document."""

_log = logging.getLogger(__name__)

_STATUSES: Final = range(200, 600)
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_DETAIL_LIMIT: Final = 1024  # characters, each up to six bytes of JSON
_POLICY_VIOLATION: Final = 1008
_INTERNAL_ERROR: Final = 1011
_TRY_AGAIN_LATER: Final = 1013


def problem_response(
    status: int,
    *,
    detail: str | None = None,
    errors: Sequence[ProblemError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document as an answer, with the request's id where there is one.

    Args:
        status: The HTTP status; the title is its phrase.
        detail: This occurrence, in words that help to mend it; cut at 1024 characters.
        errors: The single faults, where there are several.
        headers: Further headers of the answer.
    """
    title = _phrase(status)
    problem = ProblemDetails(
        title=title,
        status=status,
        detail=None if detail in {None, title} else encodable(str(detail), _DETAIL_LIMIT),
        request_id=_request_id(),
        errors=None if errors is None else list(errors),
    )
    return Response(
        problem.to_json(),
        status_code=status,
        headers=None if headers is None else dict(headers),
        media_type=PROBLEM_MEDIA_TYPE,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _request_id() -> str | None:
    try:
        return RequestContext.current().request_id
    except NoRequestContextError:
        return None


async def http_exception_handler(request: HTTPConnection, exc: HTTPException) -> Response:
    """Answer an ``HTTPException`` with a problem; the detail of a 500 goes into the log alone."""
    if exc.status_code not in _STATUSES:
        raise exc  # no server could send it
    if exc.status_code in _WITHOUT_BODY:
        return Response(status_code=exc.status_code, headers=exc.headers)
    detail = _text(exc.detail)
    if exc.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("answered with 500: %s", detail)
        detail = None
    headers = {**(exc.headers or {})}
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED and "Allow" in headers:
        headers["Allow"] = _completed(headers["Allow"], request)
    return problem_response(exc.status_code, detail=detail, headers=headers)


def _completed(allow: str, request: HTTPConnection) -> str:
    """Add the methods of the path's other routes; Starlette names those of the first."""
    allowed = allowed_methods(request.app, request.scope)
    # Else it is an endpoint that refuses, or a router that is mounted and has routes of its own.
    is_routers = request.scope.get("method") not in allowed and {*allow.split(", ")} <= {*allowed}
    return ", ".join(allowed) if is_routers else allow


def _text(detail: object) -> str | None:
    if detail is None or isinstance(detail, str):
        return detail
    try:
        return json.dumps(detail, default=str)
    except (TypeError, ValueError):  # keys that are no text, or a circle
        return None


async def validation_error_exception_handler(
    _request: Request, exc: RequestValidationError
) -> Response:
    """Answer a request that is not valid with 422, in less than 8 kB whatever came in.

    Each fault has its type, its place and a message, all of them cut to length; at most 50 are
    listed. The message is pydantic's own; that of a validator is shown where it stands as a literal
    in the code that raises it, or is a ``PydanticCustomError`` without a context, and replaced by
    a fixed one where it may have been put together with the input.
    """
    faults = exc.errors()
    errors = safe_errors(faults)
    detail = f"{len(faults)} values are not valid" if len(faults) != 1 else "1 value is not valid"
    if len(errors) < len(faults):
        detail += f"; the first {len(errors)} are listed"
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, detail=detail, errors=errors)


async def websocket_validation_error_handler(
    websocket: WebSocket, _exc: WebSocketRequestValidationError
) -> None:
    """Close a websocket whose parameters are not valid, by 1008 and without an echo."""
    await websocket.close(code=_POLICY_VIOLATION, reason="parameters are not valid")


async def invalid_page_token_handler(_request: Request, _exc: InvalidPaginationToken) -> Response:
    """Answer a page token that is not one of this query with 400, and no more detail."""
    return problem_response(HTTPStatus.BAD_REQUEST, detail="the page token is not valid")


def install_problem_handlers(app: FastAPI) -> None:
    """Have the app answer errors with problem documents.

    Where saigon-orm is installed, its ``DbExecutionError`` too: 409 for a unique or foreign key,
    503 with ``Retry-After`` for a serialization failure, deadlock, time-out or lost connection and
    for what else may be tried again, else 500. A websocket that is open is closed with the code
    that comes nearest.
    """
    handlers: dict[type[Exception], Callable[[Any, Any], Awaitable[Response]]] = {
        HTTPException: http_exception_handler,
        RequestValidationError: validation_error_exception_handler,
        InvalidPaginationToken: invalid_page_token_handler,
        **db_problem_handlers(problem_response),
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, _or_close(handler))
    on_websocket: Any = websocket_validation_error_handler  # Starlette's type is of Exception
    app.add_exception_handler(WebSocketRequestValidationError, on_websocket)


def _or_close(handler: Callable[[Any, Any], Awaitable[Response]]) -> Any:
    """Close a websocket that is open already, where an answer can no longer be sent."""

    async def handle(connection: Request | WebSocket, exc: Exception) -> Response | None:
        response = await handler(connection, exc)
        if not isinstance(connection, WebSocket):
            return response
        if connection.application_state is not WebSocketState.CONNECTED:
            return response
        await connection.close(close_code(response.status_code), _phrase(response.status_code))
        return None

    return handle


def close_code(status: int) -> int:
    """Return the code that closes a websocket for the reason that a status stands for.

    See Also:
        https://www.iana.org/assignments/websocket/websocket.xml#close-code-number
    """
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _TRY_AGAIN_LATER
    return _POLICY_VIOLATION if status < HTTPStatus.INTERNAL_SERVER_ERROR else _INTERNAL_ERROR
