"""The client that logs users in with Cognito and signs their calls."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from saigon.rest._calls.call import Hook, Timeout
from saigon.rest._calls.options import DEFAULT_MAX_RESPONSE_BYTES, DEFAULT_TIMEOUT
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.urls import parse_base_url
from saigon.rest._requests.client import RestClientBase
from saigon.rest._users.registry import (
    CognitoLogin,
    LoggedInUser,
    LoggedInUsers,
    LoginTokens,
    UserIdentity,
)
from saigon.rest.exceptions import MissingExtraError

if TYPE_CHECKING:
    from saigon.aws.cognito import AuthChallenge, CognitoClientConfig

EXECUTE_API = "execute-api"


class AuthRestClient(RestClientBase):
    """Call an API Gateway API as users of a Cognito user pool.

    Needs the extra ``[aws]``. Each try of a call is signed with temporary credentials of the user
    that the call began as, which are refreshed ahead of their expiry, once however many threads
    ask. The current user is that of the innermost ``as_user`` of this thread or task, else that of
    ``switch_user``, else the one who is logged in. With nobody logged in, or several and none
    chosen, a call fails before anything is sent.

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
        retry: How often and how patiently calls are made again.
        headers: Sent with every call.
        session: A session to use in place of an own one.
        hooks: Told of each try.
        max_response_bytes: How many bytes of an answer are read into memory.
        clock: Returns the present time, aware.
        sleep: Waits for so many seconds.

    Raises:
        MissingExtraError: The extra ``[aws]`` is not installed.
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
        session: requests.Session | None = None,
        hooks: Sequence[Hook] = (),
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cognito = cognito or _cognito_client(cognito_config)
        self._users = LoggedInUsers()
        self._refresh_margin = refresh_margin
        self._clock = clock or _utc_now
        auth = _signing_auth(
            self._users,
            urlsplit(parse_base_url(base_url)).netloc,
            region=region,
            service=service,
            extra_signed_headers=extra_signed_headers,
            clock=self._clock,
        )
        super().__init__(
            base_url,
            timeout=timeout,
            retry=retry,
            headers=headers,
            auth=auth,
            session=session,
            hooks=hooks,
            max_response_bytes=max_response_bytes,
            clock=self._clock,
            sleep=sleep,
        )

    def login(self, username: str, password: str | SecretStr) -> UserIdentity:
        """Log a user in and fetch temporary credentials.

        A user who is the only one logged in is the current one. Logging in again replaces the
        earlier login of the same name.

        Raises:
            CognitoError: The login failed; ``ChallengeRequiredError`` where Cognito asks for more
                than the password: its ``challenge`` is for ``respond_to_challenge``.
        """
        secret = password.get_secret_value() if isinstance(password, SecretStr) else password
        return self._take_in(username, self._cognito.login_user(username, secret))

    def respond_to_challenge(
        self,
        challenge: "AuthChallenge",
        answer: str | SecretStr | None = None,
        *,
        responses: Mapping[str, str | SecretStr] | None = None,
    ) -> UserIdentity:
        """Go on with a login that Cognito asked for more at; the user gets the challenge's name.

        Args:
            challenge: The ``challenge`` of the ``ChallengeRequiredError``.
            answer: The code, the new password or the choice that is asked for.
            responses: Further responses under Cognito's names.

        Raises:
            CognitoError: The answer was not accepted; ``ChallengeRequiredError`` where Cognito
                asks for yet more.
        """
        from saigon.aws.cognito import AuthChallenge
        from saigon.aws.cognito.exceptions import ChallengeRequiredError

        outcome = self._cognito.respond_to_challenge(challenge, answer, responses=responses)
        if isinstance(outcome, AuthChallenge):
            raise ChallengeRequiredError(outcome)
        return self._take_in(challenge.username, outcome)

    def as_user(self, user: UserIdentity | str) -> AbstractContextManager[UserIdentity]:
        """Call as a logged-in user within a ``with`` block.

        The choice holds for this thread or task alone, and for the tasks that it starts.

        Raises:
            NotLoggedInError: The user is not logged in.
        """
        return self._users.acting_as(_name(user))

    def switch_user(self, user: UserIdentity | str) -> None:
        """Call as a logged-in user from now on, in every thread.

        For programs that act as one user at a time; where several act at once, use ``as_user``.

        Raises:
            NotLoggedInError: The user is not logged in.
        """
        self._users.choose(_name(user))

    @property
    def current_user(self) -> UserIdentity | None:
        """The user that a call made here and now would be signed as; None if that is not known."""
        return self._users.current_identity()

    def logout(self, user: UserIdentity | str | None = None) -> None:
        """Forget a user's tokens and credentials; by default the current user's.

        Cognito is not told: the credentials expire, and the refresh token can be revoked with
        ``saigon.aws.cognito``.

        Raises:
            NotLoggedInError: No user was named, and there is no current one.
        """
        self._users.remove(_name(self._users.current().identity if user is None else user))

    def _take_in(self, username: str, tokens: LoginTokens) -> UserIdentity:
        user = LoggedInUser(
            username,
            tokens,
            cognito=self._cognito,
            margin=self._refresh_margin,
            clock=self._clock,
        )
        self._users.add(user)
        return user.identity


def _name(user: UserIdentity | str) -> str:
    return user if isinstance(user, str) else user.username


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _cognito_client(config: "CognitoClientConfig | None") -> CognitoLogin:
    if config is None:
        raise TypeError("expected a cognito_config, or a client as cognito=")
    try:
        from saigon.aws.cognito import CognitoClient
    except ModuleNotFoundError as exc:
        raise MissingExtraError("aws", exc.name) from exc
    return CognitoClient(config)


def _signing_auth(
    users: LoggedInUsers,
    host: str,
    *,
    region: str | None,
    service: str | None,
    extra_signed_headers: Iterable[str],
    clock: Callable[[], datetime],
) -> AuthBase:
    from saigon.rest._users.auth import UserAuth
    from saigon.rest.sigv4 import region_and_service

    return UserAuth(
        users,
        host,
        region=region,
        service=service or (None if region_and_service(host) else EXECUTE_API),
        extra_signed_headers=extra_signed_headers,
        clock=clock,
    )
