"""A boto3 session whose credentials are a signed-in user's, and renew themselves."""

import logging
import time
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoError,
    RefreshTokenError,
    TokenExpiredError,
)
from saigon.aws.cognito.models import AuthTokens, IamCredentials

if TYPE_CHECKING:
    from boto3.session import Session

OnTokensRefreshed: TypeAlias = Callable[[AuthTokens], None]
"""Called with new tokens, to store them; where it raises, it is called with them again."""

_LOG = logging.getLogger(__name__)
_METHOD: Final = "saigon-cognito"
# A token that expires while it travels is refused.
_MARGIN: Final = timedelta(minutes=1)
# botocore lets the threads that wait for credentials try one after another: after a failure they
# do not each wait for the time-out.
_PAUSE_SECONDS: Final = 1.0
_PAUSE_SECONDS_IN_HAND: Final = 10.0
_PAUSE_SECONDS_UNKNOWN: Final = 60.0


class _Renewal:
    """Fetches credentials as botocore wants them; botocore calls it from one thread at a time."""

    def __init__(
        self,
        tokens: AuthTokens,
        *,
        refresh: Callable[[AuthTokens], AuthTokens],
        fetch: Callable[[AuthTokens], IamCredentials],
    ) -> None:
        self.news: AuthTokens | None = None
        """New tokens that nobody has been told of."""
        self._tokens = tokens
        self._refresh = refresh
        self._fetch = fetch
        self._credentials: IamCredentials | None = None
        self._failure: CognitoError | None = None
        self._try_again_at = float("-inf")

    def __call__(self) -> dict[str, str]:
        """Return new credentials, or those in hand where there are no new ones.

        In the last ten minutes of credentials botocore would rather fail than use them.
        """
        if self._failure is None or time.monotonic() >= self._try_again_at:
            self._try()
        if self._credentials is not None and (self._failure is None or self._is_valid()):
            return _metadata(self._credentials)
        raise copy(self._failure or CognitoError("there are no credentials"))

    def _try(self) -> None:
        try:
            self._credentials = self._renewed()
            self._failure = None
        except CognitoError as error:
            self._failure = error.with_traceback(None)
            self._try_again_at = time.monotonic() + self._pause(error)
            if self._is_valid():
                _LOG.warning("cannot renew a user's credentials, those in hand stay: %s", error)

    def _pause(self, error: CognitoError) -> float:
        if isinstance(error, RefreshTokenError):
            # It stays dead, unless Cognito has said something that nobody knows.
            return _PAUSE_SECONDS_UNKNOWN if type(error) is RefreshTokenError else float("inf")
        return _PAUSE_SECONDS_IN_HAND if self._is_valid() else _PAUSE_SECONDS

    def _renewed(self) -> IamCredentials:
        if self._tokens.expires_at - _MARGIN <= datetime.now(UTC):
            self._refresh_tokens()
        try:
            return self._fetch(self._tokens)
        except TokenExpiredError:  # by the clock of the service
            self._refresh_tokens()
            return self._fetch(self._tokens)

    def _refresh_tokens(self) -> None:
        self._tokens = self.news = self._refresh(self._tokens)

    def _is_valid(self) -> bool:
        credentials = self._credentials
        return credentials is not None and credentials.expiration > datetime.now(UTC)


class _Telling:
    """Tells of new tokens once, outside of botocore's lock: who is told may use the session.

    One after another, so that older tokens are never stored over newer ones.
    """

    def __init__(self, renewal: _Renewal, callback: OnTokensRefreshed | None) -> None:
        self._renewal = renewal
        self._callback = callback
        self._lock = Lock()
        self._is_telling = False
        self._not_before = float("-inf")

    def tell(self) -> None:
        """Tell of what is new, if anything is and nobody has been told."""
        while self._callback is not None and (news := self._take()) is not None:
            try:
                self._callback(news)
            except Exception as error:  # noqa: BLE001  # of the caller's; nothing is lost by it
                self._put_back(news)
                _LOG.warning(
                    "on_tokens_refreshed failed (%s), and is called again", type(error).__name__
                )
            except BaseException:
                self._put_back(news)
                raise
            else:
                self._is_telling = False

    def _take(self) -> AuthTokens | None:
        with self._lock:
            if self._is_telling or time.monotonic() < self._not_before:
                return None
            news, self._renewal.news = self._renewal.news, None
            self._is_telling = news is not None
            return news

    def _put_back(self, news: AuthTokens) -> None:
        with self._lock:
            self._not_before = time.monotonic() + _PAUSE_SECONDS
            self._is_telling = False
            if self._renewal.news is None:
                self._renewal.news = news


def _metadata(credentials: IamCredentials) -> dict[str, str]:
    return {
        "access_key": credentials.access_key_id,
        "secret_key": credentials.secret_access_key.get_secret_value(),
        "token": credentials.session_token.get_secret_value(),
        "expiry_time": credentials.expiration.isoformat(),
    }


def refreshing_session(
    tokens: AuthTokens,
    *,
    refresh: Callable[[AuthTokens], AuthTokens],
    fetch: Callable[[AuthTokens], IamCredentials],
    region_name: str,
    on_tokens_refreshed: OnTokensRefreshed | None,
) -> "Session":
    """Return a session that asks for credentials when a request needs them, and again in time.

    Raises:
        CognitoConfigurationError: The profile or configuration file of AWS is wrong.
    """
    import botocore.session
    from boto3.session import Session
    from botocore.credentials import (
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import BotoCoreError

    renewal = _Renewal(tokens, refresh=refresh, fetch=fetch)
    telling = _Telling(renewal, on_tokens_refreshed)

    # Classes here, because botocore is imported here.
    class Credentials(DeferredRefreshableCredentials):
        def _refresh(self) -> None:  # all ways to the credentials lead through it
            try:
                super()._refresh()  # type: ignore[misc]  # the stubs leave it out
            finally:
                telling.tell()

    # One for the session: threads that ask for the first time at once would get one each.
    credentials = Credentials(refresh_using=renewal, method=_METHOD)

    class Provider(CredentialProvider):
        METHOD = _METHOD

        def load(self) -> Any:
            return credentials

    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([Provider()]))
    try:
        return Session(botocore_session=core, region_name=region_name)
    except BotoCoreError as error:
        name = type(error).__name__
    # Outside of the handler: the error may quote the file with the user's credentials.
    raise CognitoConfigurationError(
        f"no boto3 session can be made ({name}): check AWS_PROFILE and the files of AWS"
    )
