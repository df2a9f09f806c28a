"""Temporary AWS credentials for the users of a user pool."""

from collections.abc import Mapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

from saigon.aws.cognito._calls.answers import credentials_from_answer, field_of
from saigon.aws.cognito._calls.api import Api
from saigon.aws.cognito._calls.checks import checked_identity, checked_role
from saigon.aws.cognito._calls.token_arguments import id_token_of, refresh_token_of
from saigon.aws.cognito._session import OnTokensRefreshed, refreshing_session
from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.config import CognitoClientConfig
from saigon.aws.cognito.exceptions import (
    CognitoError,
    IdentityRefusedError,
    InvalidInputError,
    RoleChoiceRequiredError,
)
from saigon.aws.cognito.idp import CognitoIdp
from saigon.aws.cognito.models import AuthTokens, IamCredentials, IdTokenLike

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_cognito_identity import CognitoIdentityClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

__all__ = ["CognitoClient", "OnTokensRefreshed"]

# Refusals with these words in them are of the token, whatever role is chosen.
_OF_THE_LOGIN: Final = ("login", "provider", "token")


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

    def get_identity_id(self, tokens: IdTokenLike) -> str:
        """Return the identity that the identity pool gives the user, the same each time.

        Args:
            tokens: The user's tokens, or the ID token alone.

        Raises:
            InvalidInputError: It is no ID token, such as an access token.
            IdentityRefusedError: The identity pool does not accept the login.
            TokenExpiredError: The ID token is too old: refresh the tokens.
        """
        return self._identity_of({self._login_provider: id_token_of(tokens)})

    def get_iam_credentials(
        self, tokens: IdTokenLike, *, custom_role_arn: str | None = None
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
        token = id_token_of(tokens)
        role = checked_role("custom_role_arn", custom_role_arn)
        logins = {self._login_provider: token}
        identity_id = self._identity_of(logins)
        try:
            return self._credentials(identity_id, Logins=logins, CustomRoleArn=role)
        except (IdentityRefusedError, RoleChoiceRequiredError) as refusal:
            choice = None if role else _role_choice(unverified_claims(token) or {}, refusal)
            if choice is None:
                raise
        raise choice

    def get_guest_iam_credentials(self, *, identity_id: str | None = None) -> IamCredentials:
        """Return temporary AWS credentials of a guest, whom the identity pool has to admit.

        Args:
            identity_id: That of the credentials before, to remain the same guest; a new one is
                made otherwise.

        Raises:
            IdentityRefusedError: The identity pool admits no guests, or the identity is no guest's.
        """
        known = checked_identity("identity_id", identity_id)
        return self._credentials(known or self._identity_of(None))

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
        long as they are valid; then a request by the session raises the CognitoError of the
        failure, such as RefreshTokenError.

        Args:
            tokens: The user's tokens, which are the session's from now on: a refresh token that
                rotates has room for one owner.
            custom_role_arn: The role to take, where the user has several.
            region_name: The session's region; the user pool's by default.
            on_tokens_refreshed: Called with new tokens, to store them; it may use the session.
                Where it raises, a warning is logged, and it is called with the same tokens again.

        Raises:
            InvalidInputError: These are no tokens, or that is no role.
            CognitoConfigurationError: The profile or configuration file of AWS is wrong.
        """
        refresh_token_of(tokens)
        checked_role("custom_role_arn", custom_role_arn)
        _check_callback(on_tokens_refreshed)
        return refreshing_session(
            tokens,
            refresh=self.refresh_tokens,
            fetch=lambda current: self.get_iam_credentials(
                current, custom_role_arn=custom_role_arn
            ),
            region_name=region_name or self._config.region,
            on_tokens_refreshed=on_tokens_refreshed,
        )

    def _identity_of(self, logins: dict[str, str] | None) -> str:
        answer = self._identity_api.call(
            "GetId",
            once=logins is None,  # each makes another guest
            refused=IdentityRefusedError,
            IdentityPoolId=self._identity_pool_id,
            Logins=logins,
        )
        return str(field_of(answer, "IdentityId"))

    def _credentials(self, identity_id: str, **parameters: Any) -> IamCredentials:
        answer = self._identity_api.call(
            "GetCredentialsForIdentity",
            refused=IdentityRefusedError,
            not_found=IdentityRefusedError,
            IdentityId=identity_id,
            **parameters,
        )
        return credentials_from_answer(answer, identity_id)


def _check_callback(callback: Any) -> None:
    is_awaited = iscoroutinefunction(callback) or iscoroutinefunction(
        getattr(callback, "__call__", None)  # noqa: B004  # of an object
    )
    if callback is not None and (not callable(callback) or is_awaited):
        raise InvalidInputError("on_tokens_refreshed", "a function, and not one to be awaited")


def _role_choice(
    claims: Mapping[str, Any], refusal: CognitoError
) -> RoleChoiceRequiredError | None:
    """Return the error of a user who has to choose a role, where the refusal can mean that."""
    roles = claims.get("cognito:roles")
    if not isinstance(roles, list) or len(roles) <= 1 or claims.get("cognito:preferred_role"):
        return None
    told = str(refusal).lower()
    if refusal.code != "NotAuthorizedException" or any(word in told for word in _OF_THE_LOGIN):
        return None
    choice = RoleChoiceRequiredError(
        f"{refusal}: the user has several roles and no preferred one, give custom_role_arn",
        code=refusal.code,
        operation=refusal.operation,
        request_id=refusal.request_id,
    )
    choice.roles = tuple(map(str, roles))
    return choice
