"""The answers that API Gateway gives in place of the service's, word for word where known.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from saigon.rest._canonical import DATE_FORMAT

Flavour: TypeAlias = Literal["rest", "http"]

ALLOWED_SKEW: Final = timedelta(minutes=5)


class RefusedError(Exception):
    """A request does not reach the service."""

    def __init__(self, refusal: "Refusal") -> None:
        super().__init__(refusal.error_type)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of API Gateway's own answers."""

    error_type: str
    message: str
    status: int = 403
    http_message: str = "Forbidden"

    def body(self, flavour: Flavour) -> bytes:
        """Return the body; an HTTP API does not tell why."""
        message = self.message if flavour == "rest" else self.http_message
        return json.dumps({"message": message}).encode()

    def headers(self, flavour: Flavour, request_id: str) -> list[tuple[bytes, bytes]]:
        """Return the headers, with the names that each kind of API gives its request id."""
        common = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(self.body(flavour))).encode()),
        ]
        if flavour == "http":
            return [*common, (b"apigw-requestid", request_id.encode())]
        return [
            *common,
            (b"x-amzn-requestid", request_id.encode()),
            (b"x-amzn-errortype", self.error_type.encode()),
        ]


MISSING_TOKEN: Final = Refusal(
    "MissingAuthenticationTokenException", "Missing Authentication Token"
)
INVALID_TOKEN: Final = Refusal(
    "UnrecognizedClientException", "The security token included in the request is invalid."
)
EXPIRED_TOKEN: Final = Refusal(
    "ExpiredTokenException", "The security token included in the request is expired"
)
WRONG_SIGNATURE: Final = Refusal(
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details.",
)
TOO_LARGE: Final = Refusal(
    "RequestTooLargeException",
    "Request Too Long",
    status=413,
    http_message="Request Entity Too Large",
)
BAD_TARGET: Final = Refusal(
    "BadRequestException", "Bad Request", status=400, http_message="Bad Request"
)
UPSTREAM_FAILED: Final = Refusal(
    "InternalServerErrorException",
    "Internal server error",
    status=502,
    http_message="Internal Server Error",
)
UPSTREAM_TIMED_OUT: Final = Refusal(
    "InternalServerErrorException",
    "Endpoint request timed out",
    status=504,
    http_message="Service Unavailable",
)
BEYOND_LOOPBACK: Final = Refusal(
    "AccessDeniedException", "The local gateway answers on loopback addresses only"
)


def incomplete(missing: str) -> Refusal:
    """Say that a part of the Authorization header is missing."""
    return Refusal("IncompleteSignatureException", f"Authorization header requires {missing}.")


def wrong_scope(message: str) -> Refusal:
    """Say that the signature is for something else."""
    return Refusal("InvalidSignatureException", message)


def stale(signed: datetime, now: datetime) -> Refusal:
    """Say that the signature is too old, or from the future."""
    at, present = signed.strftime(DATE_FORMAT), now.strftime(DATE_FORMAT)
    minutes = int(ALLOWED_SKEW.total_seconds() // 60)
    if signed < now:
        limit = (now - ALLOWED_SKEW).strftime(DATE_FORMAT)
        text = f"expired: {at} is now earlier than {limit} ({present} - {minutes} min.)"
    else:
        limit = (now + ALLOWED_SKEW).strftime(DATE_FORMAT)
        text = f"not yet current: {at} is still later than {limit} ({present} + {minutes} min.)"
    return Refusal("InvalidSignatureException", f"Signature {text}")
