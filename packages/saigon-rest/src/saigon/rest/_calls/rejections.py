"""Tell a signature that was not accepted from a user who may not do something."""

import json
from typing import Final

from saigon.rest._calls.answers import Answer

_SIGNATURE_TYPES: Final = frozenset(
    {
        "ExpiredTokenException",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN: Final = 403


def error_type(answer: Answer) -> str | None:
    """Return AWS's name of the error, as REST APIs give it."""
    value = answer.headers.get("x-amzn-errortype", "")
    return value.partition(":")[0].strip() or None


def is_signature_rejection(answer: Answer) -> bool:
    """Tell whether the gateway, not the service behind it, refused the request.

    A REST API names the cause. An HTTP API says no more than ``{"message": "Forbidden"}``, so
    that the caller has to look at its own clock and credentials to know whether they explain it.
    """
    if answer.status != _FORBIDDEN:
        return False
    named = error_type(answer)
    return named in _SIGNATURE_TYPES if named else _is_bare_forbidden(answer)


def _is_bare_forbidden(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.body) == {"message": "Forbidden"})
    except ValueError:
        return False
