"""The answers that are always the same, word for word where they are known.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from typing import Final

from saigon.rest.gateway._answers.refusal import Refusal

MAX_BODY: Final = 10 * 1024 * 1024
MAX_HEAD: Final = 10_240

MISSING_TOKEN: Final = Refusal(
    error_type="MissingAuthenticationTokenException",
    message="Missing Authentication Token",
    why="it is not signed",
)
UNKNOWN_ROUTE: Final = Refusal(
    error_type=MISSING_TOKEN.error_type,
    message=MISSING_TOKEN.message,
    http_status=404,
    http_message="Not Found",
    why="no route of the API is for this method and path",
)
OTHER_STAGE: Final = Refusal(
    error_type="ForbiddenException",
    message="Forbidden",
    http_status=404,
    http_message="Not Found",
    why="its path does not begin with the stage",
)
INVALID_TOKEN: Final = Refusal(
    error_type="UnrecognizedClientException",
    message="The security token included in the request is invalid.",
    why="nobody has this access key, or its session token is another one",
)
EXPIRED_TOKEN: Final = Refusal(
    error_type="ExpiredTokenException",
    message="The security token included in the request is expired",
    why="the credentials have expired",
)
BODY_TOO_LARGE: Final = Refusal(
    error_type=None,
    message=f"HTTP content length exceeded {MAX_BODY} bytes.",
    status=413,
    http_message="Request Entity Too Large",
    why=f"the body has more than {MAX_BODY} bytes",
)
HEAD_TOO_LARGE: Final = Refusal(
    error_type=None,
    message=f"HTTP header is larger than {MAX_HEAD} bytes.",
    status=431,
    http_message="Request Header Fields Too Large",
    why=f"the request line and the headers' values have more than {MAX_HEAD} bytes",
)
BAD_TARGET: Final = Refusal(
    error_type="BadRequestException",
    message="Bad Request",
    status=400,
    http_message="Bad Request",
    why="the target is no path, or not ASCII",
)
UPSTREAM_FAILED: Final = Refusal(
    error_type="InternalServerErrorException",
    message="Network error communicating with endpoint",
    status=504,
    http_status=503,
    http_message="Service Unavailable",
    why="the service cannot be reached",
)
UPSTREAM_TIMED_OUT: Final = Refusal(
    error_type="InternalServerErrorException",
    message="Endpoint request timed out",
    status=504,
    http_status=503,
    http_message="Service Unavailable",
    why="the service has not answered in time",
)
BEYOND_LOOPBACK: Final = Refusal(
    error_type="AccessDeniedException",
    message="The local gateway answers on loopback addresses only",
    why="it came to an address that other machines reach",
)
