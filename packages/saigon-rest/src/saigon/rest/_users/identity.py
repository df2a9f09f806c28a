"""Who a user is, and what is asked of Cognito for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from saigon.rest._credentials import TemporaryCredentials


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A logged-in user."""

    username: str
    """The name that the user logged in with."""

    sub: str
    """The user's id in the user pool."""

    identity_id: str
    """The user's id in the identity pool."""


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
    """What an ``AuthRestClient`` asks of a ``saigon.aws.cognito.CognitoClient``.

    Failures are the errors of ``saigon.aws.cognito.exceptions``, which tell what to do about them.
    """

    def login_user(self, username: str, password: str | SecretStr, /) -> LoginTokens:
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
