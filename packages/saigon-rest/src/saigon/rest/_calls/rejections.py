"""Tell a signature that was not accepted from a user who may not do something."""

import json
import re
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
_NOT_FOUND: Final = 404
_ERROR_TYPE: Final = re.compile(r"[A-Za-z0-9_.#-]{1,100}")


def error_type(answer: Answer) -> str | None:
    """Return AWS's name of the error, as REST APIs give it."""
    value = answer.headers.get("x-amzn-errortype", "").partition(":")[0].strip()
    return value if _ERROR_TYPE.fullmatch(value) else None


def is_signature_rejection(answer: Answer) -> bool:
    """Tell whether the gateway, not the service behind it, refused the request.

    A REST API names the cause. An HTTP API says no more than ``{"message": "Forbidden"}``, so
    that the caller has to look at its own clock and credentials to know whether they explain it.
    """
    if answer.status != _FORBIDDEN:
        return False
    named = error_type(answer)
    return named in _SIGNATURE_TYPES if named else _says_no_more_than(answer, "Forbidden")


def is_unknown_route(answer: Answer) -> bool:
    """Tell whether the gateway, not the service behind it, knows no such route.

    A REST API asks for a token there, an HTTP API says no more than ``{"message": "Not Found"}``.
    """
    if answer.status == _FORBIDDEN:
        return error_type(answer) == "MissingAuthenticationTokenException"
    by_gateway = "apigw-requestid" in answer.headers and answer.status == _NOT_FOUND
    return by_gateway and _says_no_more_than(answer, "Not Found")


def _says_no_more_than(answer: Answer, message: str) -> bool:
    try:
        return bool(json.loads(answer.body) == {"message": message})
    except (ValueError, RecursionError):
        return False
