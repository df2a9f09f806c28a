"""Find out who has signed a request."""

from collections.abc import Callable
from datetime import datetime

from saigon.rest.gateway._answers import signatures, standard
from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._signature.checks import (
    check_scope,
    check_signed_names,
    check_time,
    check_token,
)
from saigon.rest.gateway._signature.claim import Claim
from saigon.rest.gateway._signature.in_header import claim_in_header
from saigon.rest.gateway._signature.in_query import claim_in_query, has_claim_in_query
from saigon.rest.gateway._signature.matching import check_signature
from saigon.rest.gateway._signature.received import ReceivedRequest


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
    check_time(claim, now)
    check_signed_names(request, claim.signed_headers)
    check_scope(claim, region)
    caller = credentials(claim.credential.access_key_id)
    if caller is None:
        raise RefusedError(standard.INVALID_TOKEN)
    check_token(claim, caller, now)
    check_signature(request, claim, caller.secret_access_key)
    return caller


def read_claim(request: ReceivedRequest) -> Claim:
    """Read the signature from the one place where it stands."""
    authorization = request.header("authorization")
    if not has_claim_in_query(request.query):
        if authorization is None:
            raise RefusedError(standard.MISSING_TOKEN)
        return claim_in_header(request, authorization)
    if authorization is not None:
        raise RefusedError(
            signatures.invalid(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
                "header.",
                why="it is signed in the header and in the query",
            )
        )
    return claim_in_query(request.query)
