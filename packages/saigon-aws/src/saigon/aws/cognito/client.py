"""Temporary AWS credentials for the users of a user pool."""

from datetime import UTC
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from saigon.aws.cognito._calls.api import Api
from saigon.aws.cognito._calls.checks import plain_text, refresh_token_of
from saigon.aws.cognito._session import OnTokensRefreshed, refreshing_session
from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.config import CognitoClientConfig
from saigon.aws.cognito.exceptions import CognitoError, IdentityRefusedError, InvalidInputError
from saigon.aws.cognito.idp import CognitoIdp
from saigon.aws.cognito.models import AuthTokens, IamCredentials

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_cognito_identity import CognitoIdentityClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

__all__ = ["CognitoClient", "OnTokensRefreshed"]


class CognitoClient(CognitoIdp):
    """A user pool and the identity pool that trusts it.

    Args:
        config: The pools and the app client.
        client: A ready boto3 client of ``cognito-idp``.
        identity_client: A ready boto3 client of ``cognito-identity``.
        session: The boto3 session to make clients from.
    """

    def __init__(
        self,
        config: CognitoClientConfig,
        *,
        client: "CognitoIdentityProviderClient | None" = None,
        identity_client: "CognitoIdentityClient | None" = None,
        session: "Session | None" = None,
    ) -> None:
        super().__init__(config, client=client, session=session)
        self._identity_pool_id = config.identity_pool_id
        self._login_provider = config.login_provider
        self._identity_api = Api(
            "cognito-identity",
            region=config.identity_region,
            endpoint_url=config.identity_endpoint_url,
            timeouts=(config.connect_timeout, config.read_timeout),
            session=session,
            client=identity_client,
        )

    def get_identity_id(self, tokens: AuthTokens | SecretStr | str) -> str:
        """Return the identity that the identity pool gives the user, the same each time.

        Args:
            tokens: The user's tokens, or the ID token alone.

        Raises:
            InvalidInputError: It is no ID token, such as an access token.
            IdentityRefusedError: The identity pool does not accept the login.
            TokenExpiredError: The ID token is too old: refresh the tokens.
        """
        return self._identity_of(self._logins(tokens))

    def get_iam_credentials(
        self, tokens: AuthTokens | SecretStr | str, *, custom_role_arn: str | None = None
    ) -> IamCredentials:
        """Return new temporary AWS credentials of the user.

        Args:
            tokens: The user's tokens, or the ID token alone.
            custom_role_arn: The role to take, where the user has several.

        Raises:
            InvalidInputError: It is no ID token, such as an access token.
            IdentityRefusedError: The identity pool does not accept the login.
            TokenExpiredError: The ID token is too old: refresh the tokens.
            RoleChoiceRequiredError: The user has several roles and none was chosen.
        """
        logins = self._logins(tokens)
        _check_role(custom_role_arn)
        identity_id = self._identity_of(logins)
        answer = self._identity_api.call(
            "GetCredentialsForIdentity",
            refused=IdentityRefusedError,
            IdentityId=identity_id,
            Logins=logins,
            CustomRoleArn=custom_role_arn,
        )
        return _credentials_from(answer, identity_id)

    def boto3_session(
        self,
        tokens: AuthTokens,
        *,
        custom_role_arn: str | None = None,
        region_name: str | None = None,
        on_tokens_refreshed: OnTokensRefreshed | None = None,
    ) -> "Session":
        """Return a boto3 session of the user, which refreshes tokens and credentials by itself.

        One fetch serves however many threads. Where it fails, the credentials stay in use for as
        long as they are valid.

        Args:
            tokens: The user's tokens.
            custom_role_arn: The role to take, where the user has several.
            region_name: The session's region; the user pool's by default.
            on_tokens_refreshed: Called with new tokens, to store them.

        Raises:
            InvalidInputError: These are no tokens, or that is no role.
            CognitoConfigurationError: The profile or configuration file of AWS is wrong.
        """
        refresh_token_of(tokens)
        _check_role(custom_role_arn)
        return refreshing_session(
            tokens,
            refresh=self.refresh_tokens,
            fetch=lambda current: self.get_iam_credentials(
                current, custom_role_arn=custom_role_arn
            ),
            region_name=region_name or self._config.region,
            on_tokens_refreshed=on_tokens_refreshed,
        )

    def _identity_of(self, logins: dict[str, str]) -> str:
        answer = self._identity_api.call(
            "GetId",
            refused=IdentityRefusedError,
            IdentityPoolId=self._identity_pool_id,
            Logins=logins,
        )
        return str(answer["IdentityId"])

    def _logins(self, tokens: AuthTokens | SecretStr | str) -> dict[str, str]:
        token = plain_text(tokens.id_token if isinstance(tokens, AuthTokens) else tokens)
        claims = unverified_claims(token)
        if claims is None or claims.get("token_use") != "id":
            raise InvalidInputError("tokens", "an ID token, not an access token or other text")
        return {self._login_provider: token}


def _check_role(arn: str | None) -> None:
    if arn is not None and not str(arn).startswith("arn:"):
        raise InvalidInputError("custom_role_arn", "the ARN of an IAM role")


def _credentials_from(answer: dict[str, Any], identity_id: str) -> IamCredentials:
    credentials = answer.get("Credentials") or {}
    try:
        return IamCredentials(
            access_key_id=credentials["AccessKeyId"],
            secret_access_key=credentials["SecretKey"],
            session_token=credentials["SessionToken"],
            expiration=credentials["Expiration"].astimezone(UTC),
            identity_id=answer.get("IdentityId", identity_id),
        )
    except (KeyError, AttributeError):
        raise CognitoError("the identity pool's answer holds no credentials") from None
