"""A boto3 session whose credentials are a signed-in user's, and renew themselves."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from saigon.aws.cognito.exceptions import CognitoConfigurationError
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


class _Renewal:
    """Fetches credentials as botocore wants them; botocore calls it from one thread at a time."""

    def __init__(
        self,
        tokens: AuthTokens,
        *,
        refresh: Callable[[AuthTokens], AuthTokens],
        fetch: Callable[[AuthTokens], IamCredentials],
        on_tokens_refreshed: OnTokensRefreshed | None,
    ) -> None:
        self._tokens = tokens
        self._refresh = refresh
        self._fetch = fetch
        self._tell = on_tokens_refreshed
        self._untold = False
        self._credentials: IamCredentials | None = None
        self._failure: Exception | None = None
        self._try_again_at = float("-inf")

    def __call__(self) -> dict[str, str]:
        """Return new credentials, or those in hand where there are no new ones.

        In the last ten minutes of credentials botocore would rather fail than use them.
        """
        if self._failure is None or time.monotonic() >= self._try_again_at:
            self._try()
        if self._failure is not None and not self._is_valid():
            raise self._failure.with_traceback(None)
        return _metadata(self._credentials)

    def _try(self) -> None:
        try:
            self._credentials = self._renewed()
            self._failure = None
        except Exception as error:  # noqa: BLE001  # of the callback too, which is called again
            pause = _PAUSE_SECONDS
            if self._is_valid():
                pause = _PAUSE_SECONDS_IN_HAND
                _LOG.warning(
                    "cannot renew a user's credentials (%s); those in hand stay in use",
                    type(error).__name__,
                )
            self._failure, self._try_again_at = error, time.monotonic() + pause

    def _renewed(self) -> IamCredentials:
        if self._tokens.expires_at - _MARGIN <= datetime.now(UTC):
            self._tokens = self._refresh(self._tokens)
            self._untold = self._tell is not None
        if self._tell is not None and self._untold:
            self._tell(self._tokens)
            self._untold = False
        return self._fetch(self._tokens)

    def _is_valid(self) -> bool:
        credentials = self._credentials
        return credentials is not None and credentials.expiration > datetime.now(UTC)


def _metadata(credentials: IamCredentials | None) -> dict[str, str]:
    if credentials is None:
        return {}
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
    """Return a session that asks for credentials when a request needs them, and again in time."""
    import botocore.session
    from boto3.session import Session
    from botocore.credentials import (
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import BotoCoreError

    renewal = _Renewal(
        tokens, refresh=refresh, fetch=fetch, on_tokens_refreshed=on_tokens_refreshed
    )

    # One for the session: threads that ask for the first time at once would get one each.
    credentials = DeferredRefreshableCredentials(refresh_using=renewal, method=_METHOD)

    class Provider(CredentialProvider):  # a class here, because botocore is imported here
        METHOD = _METHOD

        def load(self) -> Any:
            return credentials

    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([Provider()]))
    try:
        return Session(botocore_session=core, region_name=region_name)
    except BotoCoreError as error:
        raise CognitoConfigurationError(
            f"no boto3 session can be made ({type(error).__name__}): check AWS_PROFILE and the "
            "configuration file of AWS"
        ) from error
