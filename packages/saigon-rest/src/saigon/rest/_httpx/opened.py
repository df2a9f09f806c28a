"""An answer over ``httpx`` whose body is perhaps still to be read."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass

import httpx

from saigon.rest._calls.answers import Sent
from saigon.rest._calls.failures import in_time
from saigon.rest._calls.journey import Journey
from saigon.rest._httpx.receiving import closed_at_last, pieces, while_in_time
from saigon.rest._httpx.translation import FOREIGN, translated
from saigon.rest.exceptions import InvalidRequestError, RequestTimeoutError


@dataclass(frozen=True)
class Opened:
    """What came of a call, its body perhaps still to be read."""

    sent: Sent
    response: httpx.Response
    journey: Journey

    def closed_at_last(self) -> AbstractAsyncContextManager[None]:
        """Give a block at whose end the response is closed."""
        return closed_at_last(self.response)

    async def pieces(self, size: int) -> AsyncGenerator[bytes, None]:
        """Read the body of a stream in pieces of at most so many bytes.

        Raises:
            InvalidRequestError: It was read before, or its block has ended.
            TransportError: The body broke off, or the time of the whole call is up.
        """
        if self.response.is_closed:
            raise InvalidRequestError("a stream is read once, within its `async with` block")
        try:
            async with aclosing(pieces(self.response, size)) as all_pieces:
                async for piece in while_in_time(all_pieces, self.journey):
                    yield piece
        except FOREIGN as exc:
            error = translated(exc, self.journey.call.told)
        except TimeoutError:
            error = RequestTimeoutError(f"{self.sent.answer}, but {self.journey.out_of_time}")
        else:
            return
        raise in_time(error, self.journey)
