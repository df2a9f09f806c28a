"""What is checked of a signature before it is computed."""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from saigon.rest import _canonical
from saigon.rest.gateway._answers import signatures, standard
from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._signature.claim import Claim, Credential
from saigon.rest.gateway._signature.received import ReceivedRequest

EXECUTE_API: Final = "execute-api"
ALLOWED_SKEW: Final = timedelta(minutes=5)

# They are compared with the body and with the caller's own, and widely sent unsigned: API Gateway's
# generated JavaScript SDK, for one, adds the token after it has signed.
_NEED_NO_SIGNATURE: Final = frozenset({"x-amz-content-sha256", "x-amz-security-token"})


def check_time(claim: Claim, now: datetime) -> None:
    """Refuse what was signed too long ago, or is dated later than clocks differ."""
    before = claim.lifetime or ALLOWED_SKEW
    if now - claim.signed_at > before:
        raise RefusedError(signatures.stale(claim.signed_at, now, before))
    if claim.signed_at - now > ALLOWED_SKEW:
        raise RefusedError(signatures.stale(claim.signed_at, now, ALLOWED_SKEW))


def check_signed_names(request: ReceivedRequest, signed: Iterable[str]) -> None:
    """Refuse a signature that leaves out the host, or a header that speaks to AWS."""
    signed = set(signed)
    if "host" not in signed:
        raise RefusedError(
            signatures.invalid(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
                why="the Host header is not signed",
            )
        )
    speaking = {name for name, _ in request.headers if name.startswith("x-amz-")}
    if unsigned := sorted(speaking - signed - _NEED_NO_SIGNATURE):
        raise RefusedError(signatures.unsigned_headers(unsigned))


def check_scope(claim: Claim, region: str | None) -> None:
    """Refuse a signature for elsewhere, or for another day than it is of."""
    if faults := list(_scope_faults(claim.credential, claim.timestamp, region)):
        raise RefusedError(signatures.invalid(" ".join(faults), why=" ".join(faults)))


def _scope_faults(credential: Credential, timestamp: str, region: str | None) -> Iterable[str]:
    if region is not None and credential.region != region:
        yield f"Credential should be scoped to a valid region, not '{credential.region}'."
    if credential.service != EXECUTE_API:
        yield f"Credential should be scoped to correct service: '{EXECUTE_API}'."
    if credential.terminator != _canonical.TERMINATOR:
        yield (
            "Credential should be scoped with a valid terminator: "
            f"'{_canonical.TERMINATOR}', not '{credential.terminator}'."
        )
    if credential.date != timestamp[:8]:
        yield (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{credential.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )


def check_token(claim: Claim, caller: GatewayCaller, now: datetime) -> None:
    """Refuse another session token than the caller's, and credentials that have expired."""
    expected = caller.session_token.get_secret_value().encode()
    if not hmac.compare_digest(claim.token.encode(), expected):
        raise RefusedError(standard.INVALID_TOKEN)
    if now >= caller.expiration:
        raise RefusedError(standard.EXPIRED_TOKEN)
