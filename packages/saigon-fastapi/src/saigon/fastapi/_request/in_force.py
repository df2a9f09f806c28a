"""Where the request that is being answered is kept."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

IN_FORCE: Final[ContextVar[Callable[[], Any] | None]] = ContextVar(
    "saigon_request_context", default=None
)
"""Gives the request context in force: the middleware's is made when it is first asked for."""
