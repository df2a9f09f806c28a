"""Authorize requests without holding up the event loop."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Final, ParamSpec, TypeVar

from saigon.model.interface import HttpRequest, RequestAuthorizer
from saigon.rest._calls.answers import Answer
from saigon.rest._calls.authorization import Authorization
from saigon.rest._calls.urls import origin
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

P = ParamSpec("P")
T = TypeVar("T")

# Of the event loop's five threads at least, so that one is left to look up names.
_THREADS: Final = 4


class AsyncAuthorization:
    """Ask what was handed in: here where it says that it does not block, else in a thread.

    A thread gets a copy of the context, and so knows as which user a call is made.

    Raises:
        ConfigurationError: It cannot authorize.
    """

    def __init__(self, auth: RequestAuthorizer | None) -> None:
        if auth is not None and not isinstance(auth, RequestAuthorizer):
            raise ConfigurationError("expected as auth an object with a method `authorize`")
        self._auth = auth
        self._whole_call = Authorization(auth)
        self._threads = asyncio.Semaphore(_THREADS)

    @property
    def is_nobody(self) -> bool:
        """Whether nothing was handed in."""
        return self._auth is None

    def one_caller(self) -> AbstractContextManager[object]:
        """Hold on, for all tries of a call, to whom it is made as."""
        return self._whole_call.one_caller()

    async def authorize(self, request: HttpRequest) -> HttpRequest:
        """Return the request to send.

        Raises:
            InvalidRequestError: What authorizes leads it to another origin.
        """
        if self._auth is None:
            return request
        authorized = await self._authorized(self._auth, request)
        if authorized.url != request.url and origin(authorized.url) != origin(request.url):
            raise InvalidRequestError("what authorizes the call leads it to another origin")
        return authorized

    async def _authorized(self, auth: RequestAuthorizer, request: HttpRequest) -> HttpRequest:
        may_block = getattr(auth, "may_block", None)
        if may_block is not None and not may_block(request):
            return auth.authorize(request)
        return await self.in_thread(auth.authorize, request)

    async def recover(self, answer: Answer) -> bool:
        """Tell whether a refused request is worth authorizing and sending once more."""
        if self._auth is None or answer.status != HTTPStatus.FORBIDDEN:
            return False
        return await self.in_thread(self._whole_call.recover, answer)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what may wait; it is gone on with where the task that waits for it is cancelled."""
        await self._threads.acquire()
        call = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
        call.add_done_callback(self._end)
        await asyncio.wait([call])
        return call.result()

    def _end(self, call: asyncio.Task[object]) -> None:
        # Only now is the thread free, whoever was cancelled before.
        self._threads.release()
        if not call.cancelled():
            call.exception()  # seen, also where nobody waits for it any more
