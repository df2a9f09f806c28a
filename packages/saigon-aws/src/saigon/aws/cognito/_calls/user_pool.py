"""What the parts of :class:`~saigon.aws.cognito.idp.CognitoIdp` share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saigon.aws.cognito._calls.api import Api
from saigon.aws.cognito._calls.checks import checked_name
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
            secrets=(config.client_secret,),
        )

    def _admin(self, operation: str, username: str, **options: Any) -> dict[str, Any]:
        """Call an operation on one user that needs AWS credentials."""
        return self._api.call(
            operation,
            UserPoolId=self._config.user_pool_id,
            Username=checked_name("username", username),
            **options,
        )

    def _client_secret(self) -> str | None:
        secret = self._config.client_secret
        return None if secret is None else secret.get_secret_value()

    def _with_hash(self, parameters: Mapping[str, str], username: str) -> dict[str, str]:
        digest = self._secret_hash(username)
        return {**parameters, **({} if digest is None else {"SECRET_HASH": digest})}

    def _secret_hash(self, username: str) -> str | None:
        """Return the secret hash, or None where the app client has no secret."""
        if self._config.client_secret is None:
            return None
        return secret_hash(username, self._config.client_id, self._config.client_secret)
