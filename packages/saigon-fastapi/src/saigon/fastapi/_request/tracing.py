"""The trace that a request belongs to, by W3C Trace Context or AWS X-Ray."""

import re
from typing import Final, NamedTuple

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_XRAY_ROOT: Final = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_XRAY_HEADER: Final = re.compile(r"[A-Za-z0-9=;:,._ -]{1,256}")


class Trace(NamedTuple):
    """The trace of a request."""

    id: str | None
    traceparent: str | None
    amzn_trace_id: str | None


def read_trace(traceparent: str | None, amzn_trace_id: str | None) -> Trace:
    """Return what two headers tell of the trace; the W3C's goes first, and what is none stays out.

    See Also:
        https://www.w3.org/TR/trace-context/#traceparent-header
        https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    w3c = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if w3c is not None and (w3c[1] == _NO_TRACE or w3c[2] == _NO_SPAN):
        w3c = None
    xray = None
    if amzn_trace_id and _XRAY_HEADER.fullmatch(amzn_trace_id):
        xray = _XRAY_ROOT.search(amzn_trace_id)
    named = w3c or xray
    return Trace(
        id=named[1] if named else None,
        traceparent=traceparent if w3c else None,
        amzn_trace_id=amzn_trace_id if xray else None,
    )
