"""Compare a signature with what it should have been."""

import hmac
import re
from typing import Final

from pydantic import SecretStr

from saigon.rest import _canonical
from saigon.rest.gateway._answers import signatures
from saigon.rest.gateway._answers.refusal import Refusal, RefusedError
from saigon.rest.gateway._signature.claim import Claim
from saigon.rest.gateway._signature.computing import (
    canonical_request,
    scope_of,
    sha256,
    signature,
)
from saigon.rest.gateway._signature.in_query import TOKEN
from saigon.rest.gateway._signature.reasons import reason_for_mismatch
from saigon.rest.gateway._signature.received import ReceivedRequest

_TOKEN_VALUE: Final = re.compile(
    rf"^(x-amz-security-token:)[^\n]*$|({TOKEN}=)[^&\n]*", re.MULTILINE
)


def check_signature(request: ReceivedRequest, claim: Claim, secret: SecretStr) -> None:
    """Refuse a signature that does not fit what arrived."""
    canonical = canonical_request(request, claim)
    if request.header("x-amz-content-sha256") not in {None, sha256(request.body)}:
        raise RefusedError(_mismatch(canonical, claim, "X-Amz-Content-SHA256 is not the body's"))
    expected = signature(canonical, claim, secret)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        why = reason_for_mismatch(request, claim, secret)
        raise RefusedError(_mismatch(canonical, claim, why))


def _mismatch(canonical: str, claim: Claim, why: str) -> Refusal:
    # AWS shows the session token as well; an answer that is logged somewhere must not.
    shown = _TOKEN_VALUE.sub(lambda match: f"{match[1] or match[2]}<redacted>", canonical)
    digest = sha256(canonical.encode())
    text = f"{_canonical.ALGORITHM}\n{claim.timestamp}\n{scope_of(claim)}\n{digest}"
    return signatures.mismatch(shown, text, why=why)
