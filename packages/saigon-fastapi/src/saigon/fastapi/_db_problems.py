"""Database errors as problem documents, where saigon-orm is installed."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from saigon.orm.exceptions import DbExecutionError

_log = logging.getLogger(__name__)

_CONFLICTS: Final = {
    "unique": "it would double something that exists",
    "foreign_key": "it refers to something that does not exist, or is still referred to",
}
_PASSING: Final = frozenset({"serialization", "deadlock", "timeout", "connection"})
_RETRY_AFTER: Final = {"Retry-After": "1"}


def db_problem_handlers(
    problem_response: Callable[..., Response],
) -> dict[type[Exception], Callable[[Any, Any], Awaitable[Response]]]:
    """Return the handler of ``DbExecutionError``; without saigon-orm there is none."""
    try:
        from saigon.orm.exceptions import DbExecutionError
    except ModuleNotFoundError:
        return {}

    async def handle(_request: Request, exc: "DbExecutionError") -> Response:
        if exc.kind in _CONFLICTS:
            return problem_response(409, detail=_CONFLICTS[exc.kind])
        if exc.kind in _PASSING or exc.retryable:
            _log.warning("the database could not answer: %s", exc)
            return problem_response(503, headers=_RETRY_AFTER)
        raise exc  # a fault of the service: the middleware answers 500 and logs it

    return {DbExecutionError: handle}
