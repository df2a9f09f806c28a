"""Find out what a signature that does not fit was made over; only the log is told.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from saigon.rest import _canonical
from saigon.rest.gateway._signature.claim import Claim
from saigon.rest.gateway._signature.computing import canonical_request, signature
from saigon.rest.gateway._signature.received import ReceivedRequest

_PORT: Final = re.compile(r":[0-9]+$")
_UNKNOWN: Final = (
    "the signature does not fit the method, path, query, signed headers and body that arrived, "
    "or it was made with another secret"
)


def reason_for_mismatch(request: ReceivedRequest, claim: Claim, secret: SecretStr) -> str:
    """Say why a signature does not fit, as far as that can be known."""
    names = [name for name, _ in request.headers]
    if absent := [name for name in claim.signed_headers if name not in names]:
        return f"signed headers have not arrived: {', '.join(absent)}"
    if twice := [name for name in claim.signed_headers if names.count(name) > 1]:
        return f"signed headers have arrived more than once: {', '.join(twice)}"
    for reason, canonical in _mistakes(request, claim):
        if signature(canonical, claim, secret) == claim.signature:
            return f"the signature was made {reason}"
    return _UNKNOWN


def _mistakes(request: ReceivedRequest, claim: Claim) -> Iterable[tuple[str, str]]:
    """Give the canonical forms of requests that were signed in one of the usual wrong ways."""
    service = claim.credential.service
    yield "without the body", canonical_request(request, claim, payload_hash=_canonical.EMPTY_HASH)
    yield (
        "without the body's hash",
        canonical_request(request, claim, payload_hash="UNSIGNED-PAYLOAD"),
    )
    yield (
        "over the path escaped once, not twice",
        canonical_request(request, claim, path=_canonical.without_dot_segments(request.path)),
    )
    yield (
        "over the path with its dots and double slashes",
        canonical_request(request, claim, path=quote(request.path, safe="/")),
    )
    below_stage = "/" + request.path[1:].partition("/")[2]
    yield (
        "over the path without its stage",
        canonical_request(request, claim, path=_canonical.canonical_path(below_stage, service)),
    )
    yield "without the query", canonical_request(request, claim, query="")
    yield (
        "over the query as it stands, with its plus signs",
        canonical_request(request, claim, query="&".join(sorted(claim.query.split("&")))),
    )
    yield (
        "over the query in its own order, not sorted",
        canonical_request(request, claim, query=claim.query),
    )
    yield "over the host without its port", canonical_request(_without_port(request), claim)


def _without_port(request: ReceivedRequest) -> ReceivedRequest:
    headers = [
        (name, _PORT.sub("", value) if name == "host" else value) for name, value in request.headers
    ]
    return replace(request, headers=headers)
