"""The context of a call: its request context and the tasks to run after the answer."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from fastapi import BackgroundTasks

from saigon.fastapi.exceptions import NoRequestContextError
from saigon.fastapi.headers import RequestContext

__all__ = ["CallContext", "call_context", "open_call_context"]


@dataclass(frozen=True)
class CallContext:
    """What an endpoint and the functions below it can reach without handing it through."""

    request: RequestContext
    """The standing of the request."""

    background_tasks: BackgroundTasks
    """Run after the answer is sent: not those of a websocket or of an endpoint that raises, and not
    where an endpoint returns a response with its own."""


_CURRENT: Final[ContextVar[CallContext | None]] = ContextVar("saigon_call_context", default=None)


async def open_call_context(background_tasks: BackgroundTasks) -> None:
    """Put the call's context in force: a dependency of the app, installed by ``create_app``."""
    _CURRENT.set(CallContext(RequestContext.current(), background_tasks))


def call_context() -> CallContext:
    """Return the context of the call being answered, in sync endpoints and async ones.

    Raises:
        NoRequestContextError: No call is being answered here, or not by an app of ``create_app``.
    """
    context = _CURRENT.get()
    # What an earlier call left in this context is not this one's.
    if context is None or context.request is not RequestContext.current():
        raise NoRequestContextError(
            "there is no call context; is the app made by create_app, and this run by a request?"
        )
    return context
