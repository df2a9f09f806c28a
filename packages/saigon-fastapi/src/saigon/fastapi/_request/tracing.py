"""The trace that a request belongs to, by W3C Trace Context or AWS X-Ray."""

import re
from typing import Final

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_XRAY_ROOT: Final = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_XRAY_HEADER: Final = re.compile(r"[A-Za-z0-9=;:,._ -]{1,256}")


def valid_traceparent(value: str | None) -> str | None:
    """Return the header if it is one.

    See Also:
        https://www.w3.org/TR/trace-context/#traceparent-header
    """
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
        return None
    return value


def valid_amzn_trace_id(value: str | None) -> str | None:
    """Return the header if it names a trace.

    See Also:
        https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    if value and _XRAY_HEADER.fullmatch(value) and _XRAY_ROOT.search(value):
        return value
    return None


def trace_id_of(traceparent: str | None, amzn_trace_id: str | None) -> str | None:
    """Return the id of the trace that two valid headers name; the W3C's goes first."""
    if traceparent is not None:
        return traceparent.split("-")[1]
    match = _XRAY_ROOT.search(amzn_trace_id or "")
    return match[1] if match else None
