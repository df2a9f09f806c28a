"""A boto3 session whose credentials are a signed-in user's, and renew themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from saigon.aws.cognito.models import AuthTokens, IamCredentials

if TYPE_CHECKING:
    from boto3.session import Session

OnTokensRefreshed: TypeAlias = Callable[[AuthTokens], None]
"""Called with new tokens, to store them."""

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

    def __call__(self) -> dict[str, str]:
        if self._tokens.expires_at - _MARGIN <= datetime.now(UTC):
            self._tokens = self._refresh(self._tokens)
            if self._on_tokens_refreshed is not None:
                self._on_tokens_refreshed(self._tokens)
        credentials = self._fetch(self._tokens)
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

    renewal = _Renewal(
        tokens, refresh=refresh, fetch=fetch, on_tokens_refreshed=on_tokens_refreshed
    )

    class Provider(CredentialProvider):  # a class here, because botocore is imported here
        METHOD = _METHOD

        def load(self) -> Any:
            return DeferredRefreshableCredentials(refresh_using=renewal, method=_METHOD)

    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([Provider()]))
    return Session(botocore_session=core, region_name=region_name)
