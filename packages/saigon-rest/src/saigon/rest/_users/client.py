"""The client that logs users in with Cognito and signs their calls."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, Unpack

import requests
from pydantic import SecretStr

from saigon.model import QueryDataResult
from saigon.rest._calls.call import DEFAULT_TIMEOUT, Hook, Timeout
from saigon.rest._calls.options import DEFAULT_MAX_RESPONSE_BYTES, CallOptions
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._requests.client import RestClientBase
from saigon.rest._requests.streams import RestStream
from saigon.rest._users.choice import UserChoice
from saigon.rest._users.identity import CognitoLogin, UserIdentity

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

    from saigon.aws.cognito import AuthChallenge, CognitoClientConfig

T = TypeVar("T")
Acting = Callable[[], AbstractContextManager[object]]


class AuthRestClient(UserChoice, RestClientBase):
    """Call an API Gateway API as users of a Cognito user pool.

    Needs the extra ``[aws]``. Each try of a call is signed with temporary credentials of the user
    that the call began as, which are refreshed ahead of their expiry, once however many threads
    ask. The current user is that of the innermost ``as_user`` of this thread or task, else that of
    ``switch_user``, else the one who is logged in. With nobody logged in, or several and none
    chosen, a call fails before anything is sent. So it does once Cognito takes the refresh token no
    more: the user stays the one to call as, and has to log in again.

    Args:
        base_url: Where paths begin, ``https://host/stage``.
        cognito_config: The user pool, the app client and the identity pool.
        cognito: A client to use in place of one made of the configuration.
        region: The region to sign for, read from the host by default; a custom domain needs it.
        service: The signing name of the service; ``execute-api`` where the host names none.
        refresh_margin: How long before their expiry credentials are refreshed; a quarter of their
            lifetime where that is shorter.
        extra_signed_headers: Headers to sign beside ``host``, ``content-type`` and ``x-amz-*``.
        timeout: As for ``RestClientBase``, like all that follows.
        retry: How often and how patiently calls are made again; ``RetryPolicy()`` by default.
        headers: Sent with every call.
        session: A session to use in place of an own one.
        hooks: Told of each try.
        max_response_bytes: How many bytes of an answer are read into memory.
        clock: Returns the present time, aware.
        sleep: Waits for so many seconds.

    Raises:
        MissingExtraError: The extra ``[aws]`` is not installed.
        ConfigurationError: The region is neither in the host nor given, or the URL is not one.
        TypeError: Neither a configuration nor a client of Cognito is given.
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
        session: requests.Session | None = None,
        hooks: Sequence[Hook] = (),
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
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
            session=session,
            hooks=hooks,
            max_response_bytes=max_response_bytes,
            clock=clock,
            sleep=sleep,
        )

    def login(self, username: str, password: str | SecretStr) -> UserIdentity:
        """Log a user in and fetch temporary credentials.

        A user who is the only one logged in is the current one. Logging in again replaces the
        earlier login of the user, by whatever name, and that of another user of the name.

        Raises:
            CognitoError: The login failed; ``ChallengeRequiredError`` where Cognito asks for more
                than the password: its ``challenge`` is for ``respond_to_challenge``.
        """
        return self._logins.users.add(self._logins.login(username, password))

    def respond_to_challenge(
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
        user = self._logins.respond_to_challenge(challenge, answer, responses)
        return self._logins.users.add(user)

    def paginate(
        self, path: str, item: type[T], **options: Unpack[CallOptions]
    ) -> Iterator[QueryDataResult[T]]:
        """Read a listing page by page, each page as the user of now, whenever it is asked for.

        Otherwise as ``RestClientBase.paginate``.

        Raises:
            NotLoggedInError: It is not known as which user to read it.
        """
        return _pages(self._logins.users.hold(), super().paginate(path, item, **options))

    def stream(
        self, path: str, **options: Unpack[CallOptions]
    ) -> "_GeneratorContextManager[RestStream]":
        """Read a body in pieces, within a ``with`` block, as the user of now.

        Raises:
            NotLoggedInError: It is not known as which user to read it.
        """
        return _opened(self._logins.users.hold(), super().stream(path, **options))


def _pages(acting: Acting, pages: Iterator[QueryDataResult[T]]) -> Iterator[QueryDataResult[T]]:
    while True:
        with acting():
            page = next(pages, None)
        if page is None:
            return
        yield page


@contextmanager
def _opened(acting: Acting, stream: AbstractContextManager[RestStream]) -> Iterator[RestStream]:
    with ExitStack() as stack:
        with acting():
            opened = stack.enter_context(stream)
        yield opened
