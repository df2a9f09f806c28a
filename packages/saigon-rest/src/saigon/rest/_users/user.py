"""One logged-in user, whose credentials are fresh when they are used."""

import logging
import os
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, Never

from saigon.rest._credentials import TemporaryCredentials
from saigon.rest._users.cognito import CognitoError, RefreshTokenError
from saigon.rest._users.identity import CognitoLogin, LoginTokens, UserIdentity
from saigon.rest._users.renewal import Held, Renewal
from saigon.rest.exceptions import NotLoggedInError

_logger = logging.getLogger(__name__)

# Between the question whether new credentials are due and that for credentials.
_MOMENT: Final = timedelta(seconds=1)
_PAUSE: Final = timedelta(seconds=15)
# Who waited for a fetch that failed does not try once more, one after another.
_PAUSE_WHEN_EXPIRED: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: CognitoError
    at: datetime

    @property
    def is_final(self) -> bool:
        return isinstance(self.error, RefreshTokenError)

    def stands(self, now: datetime, pause: timedelta) -> bool:
        """Tell whether to leave Cognito alone; a clock that was set back does not prolong it."""
        return self.is_final or timedelta() <= now - self.at < pause


class LoggedInUser:
    """One user's tokens and credentials, refreshed ahead of their expiry.

    Args:
        username: The name that the user logged in with.
        tokens: What the login gave.
        cognito: Asked for credentials and new tokens.
        margin: How long before their expiry credentials are refreshed; a quarter of their
            lifetime where that is shorter.
        clock: Returns the present time, aware.

    Raises:
        CognitoError: There are no credentials for the user.
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
        self._clock = clock
        self._renewal = Renewal(tokens, cognito=cognito, margin=margin, clock=clock)
        # By process: in one that was forked meanwhile, nobody would release the lock of another.
        self._refreshing: dict[int, Lock] = {}
        self._failure: _Failure | None = None
        self._held = self._renewal.fetch()
        self.identity = UserIdentity(
            username=username, sub=tokens.sub, identity_id=self._held.credentials.identity_id
        )

    def is_due(self) -> bool:
        """Tell whether asking for credentials, now or in a moment, may wait for Cognito."""
        return not self._held.are_fresh(self._clock() + _MOMENT)

    def credentials(self, at: datetime | None = None) -> TemporaryCredentials:
        """Return credentials that are valid now.

        While one thread refreshes those that are about to expire, the others go on with them;
        once they have expired, all wait for the one. They stay in use for as long as they are
        valid where Cognito is out of reach.

        Args:
            at: The present time by another clock, which counts where it is ahead of ours.

        Raises:
            NotLoggedInError: The refresh token is good no more; Cognito is not asked again.
            CognitoError: Cognito refused, or was not reached before the credentials expired.
        """
        held, now = self._held, self._clock()
        now = now if at is None else max(at, now)
        if held.are_fresh(now):
            return held.credentials
        valid = held.are_valid(now)
        refreshing = self._refreshing.setdefault(os.getpid(), Lock())
        if not refreshing.acquire(blocking=not valid):
            return held.credentials
        try:
            return self._renewed(held, still_valid=valid)
        finally:
            refreshing.release()

    def _renewed(self, seen: Held, *, still_valid: bool) -> TemporaryCredentials:
        if self._held is not seen:
            return self._held.credentials
        failure = self._failure
        pause = _PAUSE if still_valid else _PAUSE_WHEN_EXPIRED
        if failure is None or not failure.stands(self._clock(), pause):
            failure = self._failure = self._try()
        if failure is not None and not (still_valid and failure.error.retryable):
            self._fail(failure)
        return self._held.credentials

    def _try(self) -> _Failure | None:
        try:
            self._held = self._renewal.fetch()
        except CognitoError as exc:
            _logger.warning("a user's credentials are not refreshed: %s", type(exc).__name__)
            # Without its frames, which know the tokens.
            return _Failure(exc.with_traceback(None), self._clock())
        return None

    def _fail(self, failure: _Failure) -> Never:
        if not failure.is_final:
            raise copy(failure.error)
        reason = type(failure.error).__name__
        raise NotLoggedInError(
            f"the login of {self.identity.username!r} has ended ({reason}): call login again"
        ) from failure.error
