"""An answer whose body is read in pieces, from an event loop."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from saigon.rest._calls.bodies import CHUNK
from saigon.rest._calls.streams import length_of


@dataclass(frozen=True, slots=True)
class AsyncRestStream:
    """An answer whose body is read in pieces."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = field(repr=False)
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    _pieces: Callable[[int], AsyncIterator[bytes]] = field(repr=False)

    @property
    def length(self) -> int | None:
        """The length of the body in bytes, where the server tells it."""
        return length_of(self.headers)

    def aiter_bytes(self, chunk_size: int = CHUNK) -> AsyncIterator[bytes]:
        """Read the body in pieces of at most so many bytes, each as soon as it is there.

        Raises:
            TransportError: The body broke off.
        """
        return self._pieces(chunk_size)


async def gathered(pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Put pieces together to some of at least so many bytes, but for the last."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= size:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
