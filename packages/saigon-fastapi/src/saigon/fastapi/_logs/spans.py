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
    get_current_span = _current_span_getter()
    if get_current_span is None:
        return _NONE
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return _NONE
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def name_span(request_id: str) -> None:
    """Let the span carry the request's id, under the name that it has in the log."""
    get_current_span = _current_span_getter()
    if get_current_span is not None:
        get_current_span().set_attribute("request_id", request_id)


def _current_span_getter() -> Any:
    # The module has no such name while it is being imported, which may be logged too.
    return getattr(sys.modules.get(_OPENTELEMETRY), "get_current_span", None)
