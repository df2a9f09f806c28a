"""The errors of ``saigon.rest``.

::

    RestError
     +-- ConfigurationError            an argument cannot work, whatever is called
     +-- InvalidRequestError           this call was refused before it was sent
     |    +-- SigningError             what cannot be signed: a text-mode file, a header with CR/LF
     |    +-- PresignedUrlError        it would not be accepted: expired, or signed for another
     |    +-- NotLoggedInError         no user, or several without a choice
     +-- TransportError                no whole answer came
     |    +-- ConnectError             none was sent either: safe to repeat
     |    +-- RequestTimeoutError      sent, not answered in time
     |    +-- TlsError                 the other side is not who it should be
     +-- StatusError                   an answer came and it is not a success
     |    +-- RedirectError            3xx: to another origin, or too many
     |    +-- RequestRejectedError     4xx
     |    |    +-- UnauthorizedError   401
     |    |    +-- ForbiddenError      403
     |    |    +-- NotFoundError       404
     |    |    +-- ConflictError       409
     |    |    +-- TooManyRequestsError  429
     |    +-- ServerError              5xx
     +-- FileChangedError              a file became shorter while it was sent
     +-- ResponseValidationError       a success whose body is not what was asked for
     +-- ResponseTooLargeError         a success whose body is longer than allowed
     +-- PaginationError               the pages do not end
     +-- WaitTimeoutError              a condition did not come true in time
     +-- WaitFailedError               a condition came out the other way
     +-- GatewayRefusedError           the local gateway does not run here

    ImportError
     +-- MissingExtraError

No message holds a query, a header's value or a body: those may be credentials.
"""

import copyreg
from typing import Any, ClassVar

from saigon.model import ProblemDetails, extras

__all__ = [
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "FileChangedError",
    "ForbiddenError",
    "GatewayRefusedError",
    "InvalidRequestError",
    "MissingExtraError",
    "NotFoundError",
    "NotLoggedInError",
    "PaginationError",
    "PresignedUrlError",
    "RedirectError",
    "RequestRejectedError",
    "RequestTimeoutError",
    "ResponseTooLargeError",
    "ResponseValidationError",
    "RestError",
    "ServerError",
    "SigningError",
    "StatusError",
    "TlsError",
    "TooManyRequestsError",
    "TransportError",
    "UnauthorizedError",
    "WaitFailedError",
    "WaitTimeoutError",
]


class RestError(Exception):
    """The root of what ``saigon.rest`` raises; every one of them can be pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # typeshed leaves it out


class ConfigurationError(RestError, ValueError):
    """An argument of a client, a signer or the gateway cannot work."""


class InvalidRequestError(RestError, ValueError):
    """A call was refused before anything was sent."""


class SigningError(InvalidRequestError):
    """A request holds something that cannot be signed as it would be sent."""


class PresignedUrlError(InvalidRequestError):
    """A pre-signed URL or form has expired, or was signed for something else than is sent."""


class NotLoggedInError(InvalidRequestError):
    """It is not known as which user to call, or that user has to log in again."""


class TransportError(RestError):
    """No whole answer came.

    Attributes:
        attempts: How many times the call was sent.
    """

    attempts: int

    def __init__(self, message: str, *, attempts: int = 1) -> None:
        super().__init__(message)
        self.attempts = attempts


class ConnectError(TransportError):
    """No connection was made, so that the server saw nothing of the call."""


class RequestTimeoutError(TransportError):
    """The answer did not come in time; the server may have done the work all the same."""


class TlsError(TransportError):
    """The server's certificate was not accepted; trying again does not help."""


class StatusError(RestError):
    """The answer's status is not a success.

    Attributes:
        status: The HTTP status.
        problem: The RFC 9457 problem document of the answer, where it is one.
        code: AWS's name of the error (``x-amzn-errortype`` or S3's ``Code``), where it gives one.
        request_id: The request id of the answer.
        retry_after: Seconds after which the server wants to be asked again.
        attempts: How many times the call was sent.
        unknown_route: Whether API Gateway answered so because it knows no such route.
    """

    status: int
    problem: ProblemDetails | None
    code: str | None
    request_id: str | None
    retry_after: float | None
    attempts: int
    unknown_route: bool

    def __init__(
        self,
        message: str,
        *,
        status: int,
        problem: ProblemDetails | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        attempts: int = 1,
        unknown_route: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.attempts = attempts
        self.unknown_route = unknown_route


class RedirectError(StatusError):
    """The answer sends elsewhere, and going there would be wrong."""


class RequestRejectedError(StatusError):
    """The server found fault with the request (4xx)."""


class UnauthorizedError(RequestRejectedError):
    """The caller has not shown who it is (401)."""


class ForbiddenError(RequestRejectedError):
    """The caller may not do this, or its signature was not accepted (403)."""


class NotFoundError(RequestRejectedError):
    """There is no such resource (404)."""


class ConflictError(RequestRejectedError):
    """The resource is in another state than the request assumes (409)."""


class TooManyRequestsError(RequestRejectedError):
    """The caller is to slow down (429)."""


class ServerError(StatusError):
    """The server failed (5xx)."""


class FileChangedError(RestError):
    """A file became shorter while it was sent, so that the server has no whole copy of it."""


class ResponseValidationError(RestError):
    """The answer is a success, but its body is not what was asked for.

    Attributes:
        status: The HTTP status.
        body: The first 2 kB of the body; not part of the message.
        errors: What is wrong and where, without the values that came.
        request_id: The request id of the answer.
    """

    status: int
    body: bytes
    errors: list[dict[str, Any]]
    request_id: str | None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: bytes,
        errors: list[dict[str, Any]],
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.errors = errors
        self.request_id = request_id


class ResponseTooLargeError(RestError):
    """The answer is longer than was allowed; what does not go into memory is read as a stream.

    Attributes:
        status: The HTTP status.
        request_id: The request id of the answer.
    """

    status: int
    request_id: str | None

    def __init__(self, message: str, *, status: int = 200, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class PaginationError(RestError):
    """The pages of a listing lead back to an earlier one."""


class WaitTimeoutError(RestError):
    """A condition did not come true in time.

    Attributes:
        last: The last value seen, None where none was.
    """

    last: Any

    def __init__(self, message: str, *, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class WaitFailedError(RestError):
    """What was waited for cannot come any more.

    Attributes:
        last: The value that showed it.
    """

    last: Any

    def __init__(self, message: str, *, last: Any = None) -> None:
        super().__init__(message)
        self.last = last


class GatewayRefusedError(RestError):
    """The local gateway was started where a real one stands, or beyond loopback."""


class MissingExtraError(extras.MissingExtraError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    distribution: ClassVar[str] = "saigon-rest"
