"""The span of OpenTelemetry in which something happens, where the service has OpenTelemetry."""

import sys
from collections.abc import Mapping
from typing import Any, Final

_OPENTELEMETRY: Final = "opentelemetry.trace"
_NONE: Final[Mapping[str, str]] = {}


def span_fields() -> Mapping[str, str]:
    """Return the ids of the trace and of the span, none where there is no span.

    OpenTelemetry is asked only where the service has imported it.

    See Also:
        https://www.w3.org/TR/trace-context/#trace-id
    """
    span = _current_span()
    if span is None:
        return _NONE
    context = span.get_span_context()
    if not context.is_valid:
        return _NONE
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def name_span(request_id: str) -> bool:
    """Let the span carry the request's id, as the log has it; tell whether there is a span."""
    span = _current_span()
    if span is None:
        return False
    span.set_attribute("request_id", request_id)
    return True


def _current_span() -> Any:
    trace = sys.modules.get(_OPENTELEMETRY)
    # The module has no such name while it is being imported, which may be logged too.
    get_current_span = getattr(trace, "get_current_span", None)
    if get_current_span is None:
        return None
    span = get_current_span()
    return None if span is getattr(trace, "INVALID_SPAN", None) else span
