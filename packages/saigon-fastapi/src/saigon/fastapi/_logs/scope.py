"""Where the fields of log lines are kept, and where those of one request begin and end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})

FIELDS: Final[ContextVar[Mapping[str, object]]] = ContextVar("saigon_log_context", default=_NOTHING)
"""The fields now in force."""

_OUTSIDE: Final[ContextVar[Mapping[str, object] | None]] = ContextVar(
    "saigon_log_context_outside", default=None
)


@contextmanager
def request_log_scope(**fields: object) -> Iterator[None]:
    """Put a request's fields on its lines, beside those in force outside of any request.

    A server may start a request from within another: uvicorn begins a pipelined one while the
    answer before it is sent, in the context of that.
    """
    outside = _OUTSIDE.get()
    if outside is None:
        outside = FIELDS.get()
    outside_token = _OUTSIDE.set(outside)
    fields_token = FIELDS.set({**outside, **fields})
    try:
        yield
    finally:
        FIELDS.reset(fields_token)
        _OUTSIDE.reset(outside_token)
