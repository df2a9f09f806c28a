"""What came of an upload."""

from dataclasses import dataclass
from typing import Final

from saigon.rest._calls.answers import Sent
from saigon.rest._calls.call import Call
from saigon.rest.exceptions import RedirectError

_REDIRECTION: Final = 300
_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Upload:
    """What S3 answered to an upload."""

    status: int
    """The HTTP status."""

    etag: str | None
    """The entity tag of the object, with its quotes, where S3 gave one."""

    request_id: str | None
    """S3's request id."""

    attempts: int
    """How many times the file was sent."""


def upload_of(call: Call, sent: Sent) -> Upload:
    """Give what came of a prepared call.

    Raises:
        RedirectError: The answer is another page's, to which the call was led.
    """
    answer = sent.answer
    if answer.method != call.method or answer.status >= _REDIRECTION:
        raise RedirectError(
            f"{call.method} {answer.url} led to another page, not to an object",
            status=_SEE_OTHER if answer.status < _REDIRECTION else answer.status,
            request_id=answer.request_id,
            attempts=sent.attempts,
        )
    return Upload(
        status=answer.status,
        etag=answer.headers.get("ETag"),
        request_id=answer.request_id,
        attempts=sent.attempts,
    )
