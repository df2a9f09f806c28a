"""Credentials for the tokens of one login, and the tokens renewed when they are too old."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from saigon.rest._credentials import TemporaryCredentials
from saigon.rest._users.cognito import TokenExpiredError
from saigon.rest._users.identity import CognitoLogin, LoginTokens

# A token that expires while it travels is refused.
_TOKEN_LEEWAY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Held:
    """Credentials in hand, and how long before their expiry new ones are due."""

    credentials: TemporaryCredentials = field(repr=False)
    margin: timedelta

    def are_fresh(self, now: datetime) -> bool:
        """Tell whether no new ones are due."""
        return self.credentials.expiration - now > self.margin

    def are_valid(self, now: datetime) -> bool:
        """Tell whether they have not expired."""
        return self.credentials.expiration > now


class Renewal:
    """Fetch credentials for the tokens of one login; one thread at a time."""

    def __init__(
        self,
        tokens: LoginTokens,
        *,
        cognito: CognitoLogin,
        margin: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._tokens = tokens
        self._cognito = cognito
        self._margin = margin
        self._clock = clock

    def fetch(self) -> Held:
        """Fetch new credentials.

        Raises:
            CognitoError: Cognito refused, or was not reached.
        """
        now = self._clock()
        credentials = self._fetch(now)
        quarter = (credentials.expiration - now) / 4
        # Where our clock is ahead, a quarter of what seems to be left may be less than nothing.
        return Held(credentials, margin=max(timedelta(), min(self._margin, quarter)))

    def _fetch(self, now: datetime) -> TemporaryCredentials:
        if self._tokens.expires_at - now > _TOKEN_LEEWAY:
            with suppress(TokenExpiredError):  # by Cognito's clock, which counts
                return self._cognito.get_iam_credentials(self._tokens)
        # Kept at once: a refresh token that rotates is good for one refresh only.
        self._tokens = self._cognito.refresh_tokens(self._tokens)
        return self._cognito.get_iam_credentials(self._tokens)
