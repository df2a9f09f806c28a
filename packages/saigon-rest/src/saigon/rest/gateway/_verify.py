"""Verify a signature as API Gateway does: over what arrived, and over nothing else.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from saigon.rest import _canonical
from saigon.rest.gateway import _refusals as refusals
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._refusals import RefusedError

EXECUTE_API: Final = "execute-api"
_SCOPE_PARTS: Final = 5
_PART: Final = re.compile(r"\s*([A-Za-z]+)=([^,\s]+)\s*")
_ALWAYS_SIGNED: Final = frozenset({"host", "x-amz-date"})


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it arrived, nothing decoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    """Lower-case names; a name may occur more than once."""
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by commas, or None."""
        values = [_canonical.fold(value) for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Claim:
    """What an Authorization header claims."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def verify(
    request: ReceivedRequest,
    *,
    credentials: Callable[[str], GatewayCaller | None],
    region: str | None,
    now: datetime,
) -> GatewayCaller:
    """Return whose request it is.

    Raises:
        RefusedError: The signature, its age, the token or the payload is not as it should be.
    """
    claim = read_claim(request)
    timestamp = _timestamp(request, claim, now)
    _check_scope(claim, region)
    caller = credentials(claim.access_key_id)
    if caller is None:
        raise RefusedError(refusals.INVALID_TOKEN)
    _check_token(request, caller, now)
    expected = _signature(request, claim, timestamp, caller)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise RefusedError(refusals.WRONG_SIGNATURE)
    return caller


def read_claim(request: ReceivedRequest) -> Claim:
    """Read the Authorization header."""
    authorization = request.header("authorization")
    if authorization is None:
        raise RefusedError(refusals.MISSING_TOKEN)
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != _canonical.ALGORITHM:
        raise RefusedError(refusals.incomplete(f"the algorithm {_canonical.ALGORITHM}"))
    matches = [_PART.fullmatch(part) for part in rest.split(",")]
    parts = {match[1]: match[2] for match in matches if match}
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in parts:
            raise RefusedError(refusals.incomplete(f"'{name}' parameter"))
    if len(parts) != len(matches):
        raise RefusedError(refusals.incomplete("each of its key=value pairs once, and no more"))
    scope = parts["Credential"].split("/")
    if len(scope) != _SCOPE_PARTS or scope[-1] != _canonical.TERMINATOR:
        raise RefusedError(refusals.incomplete("a credential of the form KEY/DATE/REGION/SERVICE"))
    key_id, date, region, service, _ = scope
    signed = tuple(parts["SignedHeaders"].split(";"))
    return Claim(key_id, date, region, service, signed, parts["Signature"])


def _timestamp(request: ReceivedRequest, claim: Claim, now: datetime) -> str:
    value = request.header("x-amz-date") or ""
    try:
        signed = datetime.strptime(value, _canonical.DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError(refusals.incomplete("an 'X-Amz-Date' header")) from None
    if abs(now - signed) > refusals.ALLOWED_SKEW:
        raise RefusedError(refusals.stale(signed, now))
    if claim.date != value[:8]:
        raise RefusedError(
            refusals.wrong_scope(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
            )
        )
    return value


def _check_scope(claim: Claim, region: str | None) -> None:
    if region is not None and claim.region != region:
        raise RefusedError(refusals.wrong_scope("Credential should be scoped to a valid region."))
    if claim.service != EXECUTE_API:
        raise RefusedError(
            refusals.wrong_scope("Credential should be scoped to correct service: 'execute-api'.")
        )


def _check_token(request: ReceivedRequest, caller: GatewayCaller, now: datetime) -> None:
    token = (request.header("x-amz-security-token") or "").encode()
    if not hmac.compare_digest(token, caller.session_token.get_secret_value().encode()):
        raise RefusedError(refusals.INVALID_TOKEN)
    if now >= caller.expiration:
        raise RefusedError(refusals.EXPIRED_TOKEN)


def _signature(
    request: ReceivedRequest, claim: Claim, timestamp: str, caller: GatewayCaller
) -> str:
    payload_hash = hashlib.sha256(request.body).hexdigest()
    if request.header("x-amz-content-sha256") not in {None, payload_hash}:
        raise RefusedError(refusals.WRONG_SIGNATURE)
    headers = _signed_headers(request, claim.signed_headers)
    canonical = _canonical.canonical_request(
        request.method,
        _canonical.canonical_path(request.path, claim.service),
        _canonical.canonical_query(request.query),
        headers,
        payload_hash,
    )
    secret = caller.secret_access_key.get_secret_value()
    key = _canonical.signing_key(secret, claim.date, claim.region, claim.service)
    scope = _canonical.credential_scope(timestamp, claim.region, claim.service)
    return _canonical.signature(key, timestamp, scope, canonical)


def _signed_headers(request: ReceivedRequest, names: Sequence[str]) -> list[tuple[str, str]]:
    if not set(names) >= _ALWAYS_SIGNED or list(names) != sorted(set(names)):
        raise RefusedError(refusals.WRONG_SIGNATURE)
    headers = []
    for name in names:
        value = request.header(name)
        if value is None:
            raise RefusedError(refusals.WRONG_SIGNATURE)
        headers.append((name, value))
    return headers
