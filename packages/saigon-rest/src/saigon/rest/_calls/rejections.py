"""Tell a signature that was not accepted from a user who may not do something."""

import json
from typing import Final

from requests import Response

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


def error_type(response: Response) -> str | None:
    """Return AWS's name of the error, as REST APIs give it."""
    value = response.headers.get("x-amzn-errortype", "")
    return value.partition(":")[0].strip() or None


def is_signature_rejection(response: Response) -> bool:
    """Tell whether the gateway, not the service behind it, refused the request.

    A REST API names the cause. An HTTP API says no more than ``{"message": "Forbidden"}``, so
    that the caller has to look at its own clock and credentials to know whether they explain it.
    """
    if response.status_code != _FORBIDDEN:
        return False
    named = error_type(response)
    return named in _SIGNATURE_TYPES if named else _is_bare_forbidden(response)


def _is_bare_forbidden(response: Response) -> bool:
    try:
        return bool(json.loads(response.content) == {"message": "Forbidden"})
    except ValueError:
        return False
