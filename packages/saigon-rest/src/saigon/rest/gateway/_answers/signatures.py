"""The answers to what is wrong with a signature, in the words of AWS.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from saigon.rest._canonical import DATE_FORMAT
from saigon.rest.gateway._answers.refusal import Refusal

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def incomplete(message: str, *, why: str) -> Refusal:
    """Say that what the signature needs is missing, or unreadable."""
    return Refusal(error_type="IncompleteSignatureException", message=message, why=why)


def invalid(message: str, *, why: str) -> Refusal:
    """Say that the signature is for something else."""
    return Refusal(error_type="InvalidSignatureException", message=message, why=why)


def no_pair(authorization: str) -> Refusal:
    """Say that the Authorization header, of which a hash is shown, holds something odd."""
    return incomplete(
        "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{_hashed(authorization)}'.",
        why="the Authorization header is not that of a Signature Version 4",
    )


def missing_parts(names: Iterable[str], authorization: str, *, dated: bool) -> Refusal:
    """Say which parts the Authorization header, of which a hash is shown, does without."""
    names = list(names)
    sentences = [f"Authorization header requires '{name}' parameter." for name in names]
    if not dated:
        sentences.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    hashed = f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(authorization)}"
    absent = [*names, *([] if dated else ["a date"])]
    return incomplete(" ".join([*sentences, hashed]), why=f"it lacks {', '.join(absent)}")


def missing_parameters(names: Iterable[str]) -> Refusal:
    """Say which parameters of the query are missing."""
    names = list(names)
    listed = ", ".join(f"'{name}'" for name in names)
    return incomplete(
        f"AWS query-string parameters must include {listed}. Re-examine the query-string "
        "parameters.",
        why=f"the query lacks {', '.join(names)}",
    )


def unsigned_headers(names: Iterable[str]) -> Refusal:
    """Say which headers must not be left out of a signature."""
    listed = ", ".join(names)
    return incomplete(
        f"The request signature does not conform to AWS standards. Header(s) not signed: {listed}.",
        why=f"headers are not signed: {listed}",
    )


def stale(signed: datetime, now: datetime, allowed: timedelta) -> Refusal:
    """Say that the signature is too old, or from the future."""
    at, present = signed.strftime(DATE_FORMAT), now.strftime(DATE_FORMAT)
    span = _span(allowed)
    if signed < now:
        limit = (now - allowed).strftime(DATE_FORMAT)
        text = f"expired: {at} is now earlier than {limit} ({present} - {span})"
    else:
        limit = (now + allowed).strftime(DATE_FORMAT)
        text = f"not yet current: {at} is still later than {limit} ({present} + {span})"
    off = abs(now - signed).total_seconds()
    side = "behind" if signed < now else "ahead of"
    return invalid(f"Signature {text}", why=f"its date is {off:.0f} s {side} the gateway's clock")


def mismatch(canonical: str, string_to_sign: str, *, why: str) -> Refusal:
    """Say what should have been signed; the caller has left the session token out of it."""
    return invalid(
        f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
        f"The String-to-Sign should have been\n'{string_to_sign}'\n",
        why=why,
    )


def _span(allowed: timedelta) -> str:
    minutes, seconds = divmod(int(allowed.total_seconds()), 60)
    return f"{minutes * 60 + seconds} sec." if seconds else f"{minutes} min."


def _hashed(value: str) -> str:
    return base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()
