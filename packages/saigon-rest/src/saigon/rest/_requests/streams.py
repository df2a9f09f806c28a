"""An answer over ``requests`` whose body is read in pieces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import requests
from requests import exceptions as foreign

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.bodies import CHUNK
from saigon.rest._calls.streams import length_of
from saigon.rest._calls.urls import without_query
from saigon.rest._requests.translation import translated


@dataclass(frozen=True, slots=True)
class RestStream:
    """An answer whose body is read in pieces."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str]
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    _response: requests.Response

    @property
    def length(self) -> int | None:
        """The length of the body in bytes, where the server tells it."""
        return length_of(self.headers)

    def iter_bytes(self, chunk_size: int = CHUNK) -> Iterator[bytes]:
        """Read the body in pieces of at most so many bytes.

        Raises:
            TransportError: The body broke off.
        """
        try:
            yield from self._response.iter_content(chunk_size)
        except foreign.RequestException as exc:
            request = self._response.request
            error = translated(exc, f"{request.method} {without_query(str(request.url))}")
        else:
            return
        raise error


def stream_of(answer: Answer, response: requests.Response) -> RestStream:
    """Wrap an answer that was asked for as a stream."""
    return RestStream(answer.status, answer.headers, answer.request_id, response)
