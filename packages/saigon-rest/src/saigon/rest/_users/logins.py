"""What a client that logs users in is made of, whichever library it sends with."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pydantic import SecretStr

from saigon.rest._calls.urls import parse_base_url
from saigon.rest._users.auth import UserAuth
from saigon.rest._users.cognito import (
    AuthChallenge,
    ChallengeRequiredError,
    CognitoClient,
    CognitoClientConfig,
)
from saigon.rest._users.identity import CognitoLogin, LoginTokens
from saigon.rest._users.registry import LoggedInUsers
from saigon.rest._users.user import LoggedInUser
from saigon.rest.sigv4 import region_and_service

EXECUTE_API = "execute-api"


class UserLogins:
    """Log users in, keep them, and sign as them.

    ``login`` and ``respond_to_challenge`` wait for Cognito, as does ``auth`` where it says so by
    ``may_block``, and in ``recover``.

    Args:
        base_url: Where the calls go.
        config: The pools and the app client.
        cognito: A client to use in place of one made of the configuration.
        region: The region to sign for, read from the host by default.
        service: The signing name of the service; ``execute-api`` where the host names none.
        refresh_margin: How long before their expiry credentials are refreshed.
        extra_signed_headers: Headers to sign beside the usual ones.
        clock: Returns the present time, aware.

    Raises:
        ConfigurationError: The region is neither in the host nor given, or the URL is not one.
    """

    users: LoggedInUsers
    auth: UserAuth

    def __init__(
        self,
        base_url: str,
        config: CognitoClientConfig | None,
        *,
        cognito: CognitoLogin | None,
        region: str | None,
        service: str | None,
        refresh_margin: timedelta,
        extra_signed_headers: Iterable[str],
        clock: Callable[[], datetime] | None,
    ) -> None:
        self._cognito = cognito or _cognito_client(config)
        self._margin = refresh_margin
        # By the names that challenges are for, the names that users have begun to log in with.
        self._begun: dict[str, str] = {}
        self.users = LoggedInUsers()
        host = urlsplit(parse_base_url(base_url)).netloc
        self.auth = UserAuth(
            self.users,
            host,
            region=region,
            service=service or (None if region_and_service(host) else EXECUTE_API),
            extra_signed_headers=extra_signed_headers,
            clock=clock or _utc_now,
        )

    def login(self, username: str, password: str | SecretStr) -> LoggedInUser:
        """Log a user in, who is still to be taken in, and fetch temporary credentials.

        Raises:
            CognitoError: The login failed.
        """
        try:
            tokens = self._cognito.login_user(username, password)
        except ChallengeRequiredError as exc:
            self._begun[exc.challenge.username] = username
            raise
        return self._logged_in(username, tokens)

    def respond_to_challenge(
        self,
        challenge: AuthChallenge,
        answer: str | SecretStr | None,
        responses: Mapping[str, str | SecretStr] | None,
    ) -> LoggedInUser:
        """Go on with a login.

        Raises:
            CognitoError: The answer was not accepted, or Cognito asks for yet more.
        """
        outcome = self._cognito.respond_to_challenge(challenge, answer, responses=responses)
        username = self._begun.pop(challenge.username, challenge.username)
        if isinstance(outcome, AuthChallenge):
            self._begun[outcome.username] = username
            raise ChallengeRequiredError(outcome)
        return self._logged_in(username, outcome)

    def _logged_in(self, username: str, tokens: LoginTokens) -> LoggedInUser:
        return LoggedInUser(
            username,
            tokens,
            cognito=self._cognito,
            margin=self._margin,
            clock=self.auth.now,
        )


def _cognito_client(config: CognitoClientConfig | None) -> CognitoLogin:
    if config is None:
        raise TypeError("expected a cognito_config, or a client as cognito=")
    return CognitoClient(config)


def _utc_now() -> datetime:
    return datetime.now(UTC)
