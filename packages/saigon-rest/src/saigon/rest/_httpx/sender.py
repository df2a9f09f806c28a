"""Send calls through a client of ``httpx``: again where that is safe, errors made ours."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx
from tenacity import AsyncRetrying

from saigon.rest._calls.answers import Answer, Sent
from saigon.rest._calls.call import Call, Hook
from saigon.rest._calls.failures import in_time, status_error
from saigon.rest._calls.journey import MAX_REDIRECTS, Journey
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.telling import Telling
from saigon.rest._calls.tries import loop_settings
from saigon.rest._httpx.authorization import AsyncAuthorization
from saigon.rest._httpx.logs import secrets_unlogged
from saigon.rest._httpx.loops import OneLoop
from saigon.rest._httpx.opened import Opened
from saigon.rest._httpx.outgoing import request_of, sendable
from saigon.rest._httpx.receiving import close, read_answer
from saigon.rest._httpx.translation import FOREIGN, translated
from saigon.rest.exceptions import (
    InvalidRequestError,
    RequestTimeoutError,
    ResponseTooLargeError,
    TransportError,
)

# In which a connection that is not made in time is told as such, and not as an answer that
# did not come.
_GRACE: Final = 0.01


@dataclass(frozen=True)
class AsyncSender:
    """Send calls through one client."""

    client: httpx.AsyncClient
    is_own: bool
    authorization: AsyncAuthorization
    retry: RetryPolicy
    hooks: Sequence[Hook]
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    rng: random.Random
    max_response_bytes: int
    loop: OneLoop = field(default_factory=OneLoop)
    closed: threading.Event = field(default_factory=threading.Event)

    async def send(self, call: Call) -> Sent:
        """Send a call until it is answered for good.

        Raises:
            InvalidRequestError: The call cannot be sent, or the client is closed or belongs to
                another event loop.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
            ResponseTooLargeError: The answer is longer than allowed.
        """
        return (await self.open(call)).sent

    async def open(self, call: Call) -> Opened:
        """Send a call likewise; the body of a stream is still to be read, then to be closed."""
        self.refuse_closed()
        call.refuse_unsendable()
        self.loop.enter()
        with self.authorization.one_caller():
            return await _Sending(self, Journey(call)).run()

    @property
    def is_closed(self) -> bool:
        """Whether the client is closed, by us or by whom it was handed in."""
        return self.closed.is_set() or self.client.is_closed

    def refuse_closed(self) -> None:
        """Refuse what comes after the end.

        Raises:
            InvalidRequestError: The client is closed, or was when it was handed in.
        """
        if self.is_closed:
            raise InvalidRequestError("the client is closed; make a new one")

    async def aclose(self) -> None:
        """Close the connections, but those of a client that was handed in; no call follows."""
        self.closed.set()
        if self.is_own:
            self.loop.enter()
            await self.client.aclose()


@dataclass
class _Sending:
    """One call under way."""

    sender: AsyncSender
    journey: Journey
    response: httpx.Response = field(init=False)

    async def run(self) -> Opened:
        answer = await self._answered()
        for _ in range(MAX_REDIRECTS):
            if not self.journey.turn(answer):
                break
            answer = await self._answered()
        if answer.is_success:
            sent = Sent(answer, self.journey.attempts, self.journey.elapsed)
            return Opened(sent, self.response, self.journey)
        raise status_error(answer, attempts=self.journey.attempts, now=self.sender.clock())

    async def _answered(self) -> Answer:
        answer = await self._tried()
        if self.journey.may_recover and await self.sender.authorization.recover(answer):
            self.journey.recover()
            return await self._tried()
        return answer

    async def _tried(self) -> Answer:
        sender = self.sender
        settings = loop_settings(
            self.journey,
            sender.retry,
            is_closed=lambda: sender.is_closed,
            clock=sender.clock,
            rng=sender.rng,
        )
        answer: Answer = await AsyncRetrying(sleep=sender.sleep, **settings)(self._try)
        return answer

    async def _try(self) -> Answer:
        if self.sender.is_closed:
            raise self.journey.abandoned()
        call = self.journey.begin_try()
        telling = Telling(call, self.journey.attempts, self.sender.hooks)
        try:
            answer = await self._exchange(call)
        except (TransportError, ResponseTooLargeError) as exc:
            telling.failed(exc)
            raise
        try:
            telling.answered(answer)
        except BaseException:
            await close(self.response)
            raise
        return answer

    async def _exchange(self, call: Call) -> Answer:
        try:
            self.response = await self._respond_in_time(call)
            return await read_answer(
                self.response, call, self.journey, limit=self.sender.max_response_bytes
            )
        except FOREIGN as exc:
            error = translated(exc, call.told)
        # Without its cause: what was sent may be in it.
        raise in_time(error, self.journey)

    async def _respond_in_time(self, call: Call) -> httpx.Response:
        left = self.journey.time_left
        if left is None:
            return await self._respond(call)
        time = asyncio.timeout(left + _GRACE)
        try:
            async with time:
                return await self._respond(call)
        except TimeoutError:
            if not time.expired():
                raise
        raise RequestTimeoutError(f"{call.told}: {self.journey.out_of_time}")

    async def _respond(self, call: Call) -> httpx.Response:
        sender = self.sender
        request = await sender.authorization.authorize(request_of(call, sender.client.headers))
        if sender.is_closed:
            raise self.journey.abandoned()
        ready = sendable(request, timeout=self._timeout(call), cookies=sender.client.cookies)
        with secrets_unlogged():
            return await sender.client.send(
                ready, stream=True, auth=self._auth(), follow_redirects=False
            )

    def _auth(self) -> httpx.Auth | None:
        # Of a client that was handed in, its own where there is no other. Else none, which to
        # httpx is not None: that would let it look for a user in the URL.
        own = self.sender.client.auth if self.sender.authorization.is_nobody else None
        return own or httpx.Auth()

    def _timeout(self, call: Call) -> Mapping[str, float]:
        connect, read = call.timeout if isinstance(call.timeout, tuple) else (call.timeout,) * 2
        if (left := self.journey.time_left) is not None:
            connect, read = min(connect, left), min(read, left)
        return {"connect": connect, "read": read, "write": read, "pool": read}
