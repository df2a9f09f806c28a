"""Where the fields of log lines are kept, and where those of one request begin and end."""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Final

_NOTHING: Final[Mapping[str, object]] = {}

FIELDS: Final[ContextVar[Mapping[str, object]]] = ContextVar("saigon_log_context", default=_NOTHING)
"""The fields now in force. A change is a new mapping: records hold on to theirs."""

_OUTSIDE: Final[ContextVar[Mapping[str, object] | None]] = ContextVar(
    "saigon_log_context_outside", default=None
)


def request_fields(
    request_id: str, trace_id: str | None, identity: str | None
) -> dict[str, object]:
    """Return what each line of a request carries."""
    fields = {"request_id": request_id, "trace_id": trace_id, "identity": identity}
    return {key: value for key, value in fields.items() if value is not None}


class RequestLogScope:
    """Puts a request's fields on its lines, beside those in force outside of any request.

    A server may start a request from within another: uvicorn begins a pipelined one while the
    answer before it is sent, in the context of that.
    """

    __slots__ = ("_fields", "_fields_token", "_outside_token")

    _fields_token: Token[Mapping[str, object]]
    _outside_token: Token[Mapping[str, object] | None]

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        outside = _OUTSIDE.get()
        if outside is None:
            outside = FIELDS.get()
        self._outside_token = _OUTSIDE.set(outside)
        self._fields_token = FIELDS.set({**outside, **self._fields})

    def __exit__(self, *_exc_info: object) -> None:
        FIELDS.reset(self._fields_token)
        _OUTSIDE.reset(self._outside_token)
