"""The client that logs users in with Cognito and signs their calls, for event loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, Unpack

from pydantic import SecretStr

from saigon.model import QueryDataResult
from saigon.rest._calls.call import DEFAULT_TIMEOUT, Hook, Timeout
from saigon.rest._calls.options import DEFAULT_MAX_RESPONSE_BYTES, CallOptions
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._httpx.client import AsyncRestClient
from saigon.rest._httpx.streams import AsyncRestStream
from saigon.rest._users.choice import UserChoice
from saigon.rest._users.identity import CognitoLogin, UserIdentity

if TYPE_CHECKING:
    import httpx

    from saigon.aws.cognito import AuthChallenge, CognitoClientConfig

T = TypeVar("T")
Acting = Callable[[], AbstractContextManager[object]]


class AsyncAuthRestClient(UserChoice, AsyncRestClient):
    """Call an API Gateway API as users of a Cognito user pool, from an ``asyncio`` event loop.

    Needs the extras ``[async,aws]``. It signs as ``AuthRestClient`` does. Cognito is asked in a
    thread, once however many tasks wait for its answer; ``as_user`` holds for the task alone that
    enters its block, and for those that it starts.

    Args:
        base_url: Where paths begin, ``https://host/stage``.
        cognito_config: The user pool, the app client and the identity pool.
        cognito: A client to use in place of one made of the configuration.
        region: The region to sign for, read from the host by default; a custom domain needs it.
        service: The signing name of the service; ``execute-api`` where the host names none.
        refresh_margin: How long before their expiry credentials are refreshed; a quarter of their
            lifetime where that is shorter.
        extra_signed_headers: Headers to sign beside ``host``, ``content-type`` and ``x-amz-*``.
        timeout: As for ``AsyncRestClient``, like all that follows.
        retry: How often and how patiently calls are made again; ``RetryPolicy()`` by default.
        headers: Sent with every call.
        client: A client of httpx to use in place of an own one.
        hooks: Told of each try, in the event loop.
        max_response_bytes: How many bytes of an answer are read into memory.
        clock: Returns the present time, aware.
        sleep: Waits for so many seconds.

    Raises:
        MissingExtraError: The extra ``[async]`` or ``[aws]`` is not installed.
        ConfigurationError: The region is neither in the host nor given, or the URL is not one.
    """

    def __init__(
        self,
        base_url: str,
        cognito_config: "CognitoClientConfig | None" = None,
        *,
        cognito: CognitoLogin | None = None,
        region: str | None = None,
        service: str | None = None,
        refresh_margin: timedelta = timedelta(minutes=5),
        extra_signed_headers: Iterable[str] = (),
        timeout: Timeout = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        client: "httpx.AsyncClient | None" = None,
        hooks: Sequence[Hook] = (),
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        from saigon.rest._users.logins import UserLogins

        self._logins = UserLogins(
            base_url,
            cognito_config,
            cognito=cognito,
            region=region,
            service=service,
            refresh_margin=refresh_margin,
            extra_signed_headers=extra_signed_headers,
            clock=clock,
        )
        super().__init__(
            base_url,
            timeout=timeout,
            retry=retry,
            headers=headers,
            auth=self._logins.auth,
            client=client,
            hooks=hooks,
            max_response_bytes=max_response_bytes,
            clock=clock,
            sleep=sleep,
        )
        self._in_thread = self._sender.authorization.in_thread

    async def login(self, username: str, password: str | SecretStr) -> UserIdentity:
        """Log a user in and fetch temporary credentials.

        A user who is the only one logged in is the current one. Logging in again replaces the
        earlier login of the user, by whatever name, and that of another user of the name. Where
        the task is cancelled, nobody is logged in.

        Raises:
            CognitoError: The login failed; ``ChallengeRequiredError`` where Cognito asks for more
                than the password: its ``challenge`` is for ``respond_to_challenge``.
        """
        user = await self._in_thread(self._logins.login, username, password)
        return self._logins.users.add(user)

    async def respond_to_challenge(
        self,
        challenge: "AuthChallenge",
        answer: str | SecretStr | None = None,
        *,
        responses: Mapping[str, str | SecretStr] | None = None,
    ) -> UserIdentity:
        """Go on with a login that Cognito asked for more at.

        The user gets the name that the login began with, where it began here.

        Args:
            challenge: The ``challenge`` of the ``ChallengeRequiredError``.
            answer: The code, the new password or the choice that is asked for.
            responses: Further responses under Cognito's names.

        Raises:
            CognitoError: The answer was not accepted; ``ChallengeRequiredError`` where Cognito
                asks for yet more.
        """
        user = await self._in_thread(
            self._logins.respond_to_challenge, challenge, answer, responses
        )
        return self._logins.users.add(user)

    def paginate(
        self, path: str, item: type[T], **options: Unpack[CallOptions]
    ) -> AsyncIterator[QueryDataResult[T]]:
        """Read a listing page by page, each page as the user of now, whenever it is asked for.

        Otherwise as ``AsyncRestClient.paginate``.

        Raises:
            NotLoggedInError: It is not known as which user to read it.
        """
        return _pages(self._logins.users.hold(), super().paginate(path, item, **options))

    def stream(
        self, path: str, **options: Unpack[CallOptions]
    ) -> AbstractAsyncContextManager[AsyncRestStream]:
        """Read a body in pieces, within an ``async with`` block, as the user of now.

        Raises:
            NotLoggedInError: It is not known as which user to read it.
        """
        return _opened(self._logins.users.hold(), super().stream(path, **options))


async def _pages(
    acting: Acting, pages: AsyncIterator[QueryDataResult[T]]
) -> AsyncIterator[QueryDataResult[T]]:
    while True:
        with acting():
            page = await anext(pages, None)
        if page is None:
            return
        yield page


@asynccontextmanager
async def _opened(
    acting: Acting, stream: AbstractAsyncContextManager[AsyncRestStream]
) -> AsyncIterator[AsyncRestStream]:
    async with AsyncExitStack() as stack:
        with acting():
            opened = await stack.enter_async_context(stream)
        yield opened
