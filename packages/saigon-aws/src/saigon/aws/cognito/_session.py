"""A boto3 session whose credentials are a signed-in user's, and renew themselves."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from saigon.aws.cognito.exceptions import CognitoConfigurationError, CognitoError
from saigon.aws.cognito.models import AuthTokens, IamCredentials

if TYPE_CHECKING:
    from boto3.session import Session

OnTokensRefreshed: TypeAlias = Callable[[AuthTokens], None]
"""Called with new tokens, to store them."""

_LOG = logging.getLogger(__name__)
_METHOD: Final = "saigon-cognito"
# A token that expires while it travels is refused.
_MARGIN: Final = timedelta(minutes=1)


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
        self._on_tokens_refreshed = on_tokens_refreshed
        self._credentials: IamCredentials | None = None

    def __call__(self) -> dict[str, str]:
        """Return new credentials, or those in hand where there are no new ones.

        In the last ten minutes of credentials botocore would rather fail than use them.
        """
        try:
            self._credentials = self._renewed()
        except CognitoError:
            if self._credentials is None or self._credentials.expiration <= datetime.now(UTC):
                raise
            _LOG.warning("cannot renew a user's credentials; those in hand stay in use")
        return _metadata(self._credentials)

    def _renewed(self) -> IamCredentials:
        if self._tokens.expires_at - _MARGIN <= datetime.now(UTC):
            self._tokens = self._refresh(self._tokens)
            if self._on_tokens_refreshed is not None:
                self._on_tokens_refreshed(self._tokens)
        return self._fetch(self._tokens)


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

    class Provider(CredentialProvider):  # a class here, because botocore is imported here
        METHOD = _METHOD

        def load(self) -> Any:
            return DeferredRefreshableCredentials(refresh_using=renewal, method=_METHOD)

    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([Provider()]))
    try:
        return Session(botocore_session=core, region_name=region_name)
    except BotoCoreError as error:
        raise CognitoConfigurationError(
            f"no boto3 session can be made ({type(error).__name__}): check AWS_PROFILE and the "
            "configuration file of AWS"
        ) from error
