"""What the parts of :class:`~saigon.aws.cognito.idp.CognitoIdp` share."""

from typing import TYPE_CHECKING

from saigon.aws.cognito._calls.api import Api
from saigon.aws.cognito._calls.secret_hash import secret_hash
from saigon.aws.cognito.config import CognitoIdpConfig

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


class UserPoolBase:
    """One user pool, seen through one app client."""

    def __init__(
        self,
        config: CognitoIdpConfig,
        *,
        client: "CognitoIdentityProviderClient | None" = None,
        session: "Session | None" = None,
    ) -> None:
        self._config = config
        self._api = Api(
            "cognito-idp",
            region=config.region,
            endpoint_url=config.endpoint_url,
            timeouts=(config.connect_timeout, config.read_timeout),
            session=session,
            client=client,
        )

    def _secret_hash(self, username: str) -> str | None:
        """Return the secret hash, or None where the app client has no secret."""
        if self._config.client_secret is None:
            return None
        return secret_hash(username, self._config.client_id, self._config.client_secret)
