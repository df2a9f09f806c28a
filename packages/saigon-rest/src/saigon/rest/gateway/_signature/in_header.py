"""A signature that stands in the Authorization header."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from saigon.rest.gateway._answers import signatures
from saigon.rest.gateway._answers.refusal import Refusal, RefusedError
from saigon.rest.gateway._signature.claim import Claim, Credential, read_date, require_algorithm
from saigon.rest.gateway._signature.received import ReceivedRequest

_PARTS: Final = ("Credential", "Signature", "SignedHeaders")


def claim_in_header(request: ReceivedRequest, authorization: str) -> Claim:
    """Read the Authorization header and those that belong to it."""
    algorithm, _, rest = authorization.partition(" ")
    parts = _parts(rest, authorization)
    amz_date, date = request.header("x-amz-date"), request.header("date")
    absent = [name for name in _PARTS if not parts.get(name)]
    dated = amz_date is not None or date is not None
    if absent or not dated:
        raise RefusedError(signatures.missing_parts(absent, authorization, dated=dated))
    require_algorithm(algorithm)
    if len(parts) != len(_PARTS):
        raise RefusedError(_said_too_much("something else"))
    return Claim(
        credential=Credential.parse(parts["Credential"]),
        signed_headers=tuple(parts["SignedHeaders"].split(";")),
        signature=parts["Signature"],
        signed_at=_signed_at(amz_date, date or ""),
        token=request.header("x-amz-security-token") or "",
        query=request.query,
    )


def _parts(text: str, authorization: str) -> dict[str, str]:
    pairs = [pair.strip() for pair in text.split(",") if pair.strip()]
    if any("=" not in pair for pair in pairs):
        raise RefusedError(signatures.no_pair(authorization))
    parts = dict(pair.split("=", 1) for pair in pairs)
    if len(parts) != len(pairs):
        raise RefusedError(_said_too_much("something twice"))
    return parts


def _said_too_much(what: str) -> Refusal:
    return signatures.incomplete(
        "Authorization header requires each of its three parameters once, and no other.",
        why=f"the Authorization header says {what}",
    )


def _signed_at(amz_date: str | None, date: str) -> datetime:
    if amz_date is not None:
        return read_date(amz_date)
    try:
        moment = parsedate_to_datetime(date)
        # Without a time zone it is in that of HTTP, not in that of this machine.
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return read_date(date)
