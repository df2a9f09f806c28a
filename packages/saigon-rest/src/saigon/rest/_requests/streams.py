"""An answer over ``requests`` whose body is read in pieces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import requests

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.bodies import CHUNK
from saigon.rest._calls.failures import in_time
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.streams import length_of
from saigon.rest._requests.receiving import pieces
from saigon.rest._requests.translation import FOREIGN, translated
from saigon.rest.exceptions import InvalidRequestError


@dataclass(frozen=True, slots=True)
class RestStream:
    """An answer whose body is read in pieces."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = field(repr=False)
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    _answer: Answer = field(repr=False)
    _response: requests.Response = field(repr=False)
    _journey: Journey = field(repr=False)

    @property
    def length(self) -> int | None:
        """The length of the body in bytes, where the server tells it."""
        return length_of(self.headers)

    def iter_bytes(self, chunk_size: int = CHUNK) -> Iterator[bytes]:
        """Read the body in pieces of at most so many bytes.

        Raises:
            InvalidRequestError: It was read before, or its ``with`` block has ended.
            TransportError: The body broke off, or the time of the whole call is up.
        """
        if self._response.raw.closed:
            raise InvalidRequestError("a stream is read once, within its `with` block")
        try:
            yield from pieces(self._response, chunk_size)
        except FOREIGN as exc:
            error = translated(exc, f"{self._answer.method} {self._answer.url}")
        else:
            return
        raise in_time(error, self._journey)
