"""Write an answer's body to a file that is there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from requests import Response
from requests import exceptions as foreign
from requests.structures import CaseInsensitiveDict

from saigon.rest._calls.bodies import CHUNK, Progress
from saigon.rest._calls.answers import request_id
from saigon.rest._requests.sender import translated
from saigon.rest._calls.urls import without_query


@dataclass(frozen=True, slots=True)
class RestStream:
    """An answer whose body is read in pieces."""

    status: int
    """The HTTP status."""

    headers: CaseInsensitiveDict[str]
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    _response: Response

    @property
    def length(self) -> int | None:
        """The length of the body in bytes, where the server tells it."""
        value = self.headers.get("Content-Length", "")
        known = value.isdigit() and "Content-Encoding" not in self.headers
        return int(value) if known else None

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


def stream_of(response: Response) -> RestStream:
    """Wrap an answer that was asked for as a stream."""
    return RestStream(
        status=response.status_code,
        headers=response.headers,
        request_id=request_id(response),
        _response=response,
    )


def save(stream: RestStream, destination: Path, progress: Progress | None) -> int:
    """Write a body beside the destination and move it there once it is whole."""
    handle, temporary = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    try:
        written = 0
        with os.fdopen(handle, "wb") as file:
            for chunk in stream.iter_bytes():
                written += file.write(chunk)
                if progress is not None:
                    progress(written, stream.length)
        Path(temporary).replace(destination)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    return written
