"""Who is logged in, as whom a call is made, and credentials that are fresh when they are used."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, Protocol

from pydantic import SecretStr

from saigon.rest._credentials import TemporaryCredentials
from saigon.rest.exceptions import NotLoggedInError

logger = logging.getLogger(__name__)

_TOKEN_LEEWAY: Final = timedelta(minutes=1)
_PAUSE_AFTER_FAILURE: Final = timedelta(seconds=15)


class LoginTokens(Protocol):
    """The tokens of one login."""

    @property
    def username(self) -> str:
        """The user's name in the pool."""
        ...

    @property
    def sub(self) -> str:
        """The user's unchanging id."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When the tokens expire, aware."""
        ...


class CognitoLogin(Protocol):
    """What an ``AuthRestClient`` asks of a ``saigon.aws.cognito.CognitoClient``."""

    def login_user(self, username: str, password: str, /) -> LoginTokens:
        """Log a user in."""
        ...

    def respond_to_challenge(
        self,
        challenge: Any,
        answer: str | SecretStr | None = None,
        *,
        responses: Mapping[str, str | SecretStr] | None = None,
    ) -> Any:
        """Return tokens, or the next challenge."""
        ...

    def refresh_tokens(self, tokens: Any, /) -> LoginTokens:
        """Return new tokens for those that expire."""
        ...

    def get_iam_credentials(self, tokens: Any, /) -> TemporaryCredentials:
        """Return temporary credentials of the user."""
        ...


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A logged-in user."""

    username: str
    """The name that the user logged in with."""

    sub: str
    """The user's id in the user pool."""

    identity_id: str
    """The user's id in the identity pool."""


@dataclass(frozen=True, slots=True)
class _Held:
    credentials: TemporaryCredentials
    margin: timedelta


class LoggedInUser:
    """One user's tokens and credentials, refreshed ahead of their expiry.

    Args:
        username: The name that the user logged in with.
        tokens: What the login gave.
        cognito: Asked for credentials and new tokens.
        margin: How long before their expiry credentials are refreshed; a quarter of their
            lifetime where that is shorter.
        clock: Returns the present time, aware.
    """

    def __init__(
        self,
        username: str,
        tokens: LoginTokens,
        *,
        cognito: CognitoLogin,
        margin: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._cognito = cognito
        self._margin = margin
        self._clock = clock
        self._refreshing = Lock()
        self._paused_until: datetime | None = None
        self._failures = 0
        self._failure: Exception | None = None
        self._tokens = tokens
        self._held = self._fetch()
        self.identity = UserIdentity(
            username=username, sub=tokens.sub, identity_id=self._held.credentials.identity_id
        )

    def credentials(self) -> TemporaryCredentials:
        """Return credentials that are valid now.

        While one thread refreshes those that are about to expire, the others go on with them;
        once they have expired, all wait for the one.
        """
        held, now = self._held, self._clock()
        left = held.credentials.expiration - now
        if left > held.margin:
            return held.credentials
        expired, failures = left <= timedelta(), self._failures
        paused = self._paused_until is not None and now < self._paused_until
        if not expired and (paused or not self._refreshing.acquire(blocking=False)):
            return held.credentials
        if expired:
            self._refreshing.acquire()
        try:
            if expired and self._failure is not None and self._failures != failures:
                # Who waited for a fetch that failed does not try once more, one after another.
                raise self._failure
            return self._refresh(held, may_go_on=not expired)
        finally:
            self._refreshing.release()

    def _refresh(self, seen: _Held, *, may_go_on: bool) -> TemporaryCredentials:
        if self._held is not seen:
            return self._held.credentials
        try:
            self._held = self._fetch()
        except Exception as exc:
            self._failures, self._failure = self._failures + 1, exc
            if not may_go_on or not getattr(exc, "retryable", False):
                raise
            self._paused_until = self._clock() + _PAUSE_AFTER_FAILURE
            logger.warning("credentials not refreshed, the old go on: %s", type(exc).__name__)
            return seen.credentials
        return self._held.credentials

    def _fetch(self) -> _Held:
        now = self._clock()
        if self._tokens.expires_at - now <= _TOKEN_LEEWAY:
            # Kept at once: a refresh token that rotates is good for one refresh only.
            self._tokens = self._cognito.refresh_tokens(self._tokens)
        credentials = self._cognito.get_iam_credentials(self._tokens)
        lifetime = credentials.expiration - now
        return _Held(credentials, margin=min(self._margin, lifetime / 4))


# Per context, and so per task and per thread: which user each registry's calls are made as.
_acting: ContextVar[Mapping["LoggedInUsers", str]] = ContextVar("saigon_rest_acting")


class LoggedInUsers:
    """The users logged in to one client."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users: dict[str, LoggedInUser] = {}
        self._chosen: str | None = None

    def add(self, user: LoggedInUser) -> None:
        """Take a user in, in the place of an earlier login of the same name."""
        with self._lock:
            self._users[user.identity.username] = user

    def remove(self, username: str) -> None:
        """Forget a user."""
        with self._lock:
            self._users.pop(username, None)
            if self._chosen == username:
                self._chosen = None

    def choose(self, username: str) -> None:
        """Make the calls of every context as this user, where it has not chosen its own."""
        self._named(username)
        self._chosen = username

    @contextmanager
    def acting_as(self, username: str) -> Iterator[UserIdentity]:
        """Make the calls of this context as this user."""
        user = self._named(username)
        token = _acting.set({**_acting.get({}), self: username})
        try:
            yield user.identity
        finally:
            _acting.reset(token)

    def current(self) -> LoggedInUser:
        """Return the user to call as.

        Raises:
            NotLoggedInError: There is none, or there are several and none was chosen.
        """
        username = self._current_name()
        if username is not None:
            return self._named(username)
        if self._users:
            raise NotLoggedInError(
                "several users are logged in: say which by as_user or switch_user"
            )
        raise NotLoggedInError("nobody is logged in: call login first")

    def current_identity(self) -> UserIdentity | None:
        """Return whom a call would be made as, or None if that is not known."""
        user = self._users.get(self._current_name() or "")
        return user.identity if user else None

    def _current_name(self) -> str | None:
        name = _acting.get({}).get(self) or self._chosen
        if name is None and len(self._users) == 1:
            return next(iter(self._users), None)
        return name

    def _named(self, username: str) -> LoggedInUser:
        user = self._users.get(username)
        if user is None:
            raise NotLoggedInError(f"the user {username!r} is not logged in: call login first")
        return user
