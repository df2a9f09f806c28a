"""A signature that stands in the query: a pre-signed request.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from urllib.parse import unquote

from saigon.rest.gateway._answers import signatures
from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._signature.claim import Claim, Credential, read_date, require_algorithm

_SIGNATURE: Final = "X-Amz-Signature"
_REQUIRED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    _SIGNATURE,
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
)
TOKEN: Final = "X-Amz-Security-Token"  # noqa: S105  # its name
_OURS: Final = frozenset({*_REQUIRED, TOKEN, "X-Amz-Expires"})
_LONGEST: Final = timedelta(days=7)


def has_claim_in_query(query: str) -> bool:
    """Tell whether the query looks like that of a pre-signed request."""
    return any(_name(pair) in {"X-Amz-Algorithm", _SIGNATURE} for pair in query.split("&"))


def claim_in_query(query: str) -> Claim:
    """Read the parameters of a pre-signed request."""
    pairs = query.split("&")
    found = _parameters(pairs)
    if absent := [name for name in _REQUIRED if not found.get(name)]:
        raise RefusedError(signatures.missing_parameters(absent))
    require_algorithm(found["X-Amz-Algorithm"])
    return Claim(
        credential=Credential.parse(found["X-Amz-Credential"]),
        signed_headers=tuple(found["X-Amz-SignedHeaders"].split(";")),
        signature=found[_SIGNATURE],
        signed_at=read_date(found["X-Amz-Date"]),
        token=found.get(TOKEN, ""),
        query="&".join(pair for pair in pairs if _name(pair) != _SIGNATURE),
        lifetime=_lifetime(found.get("X-Amz-Expires")),
    )


def _parameters(pairs: Iterable[str]) -> dict[str, str]:
    ours = [pair for pair in pairs if _name(pair) in _OURS]
    found = {_name(pair): unquote(pair.partition("=")[2]) for pair in ours}
    if len(found) != len(ours):
        raise RefusedError(
            signatures.incomplete(
                "AWS query-string parameters must be given once. Re-examine the query-string "
                "parameters.",
                why="the query says something of the signature twice",
            )
        )
    return found


def _name(pair: str) -> str:
    return unquote(pair.partition("=")[0])


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) <= len("604800") else 0
    if not timedelta() < timedelta(seconds=seconds) <= _LONGEST:
        raise RefusedError(
            signatures.incomplete(
                "X-Amz-Expires must be between 1 and 604800 seconds.",
                why="its lifetime is not between a second and a week",
            )
        )
    return timedelta(seconds=seconds)
