"""Renew the tokens of signed-in users, and take them back."""

from typing import Any

from saigon.aws.cognito._calls.answers import tokens_from_result
from saigon.aws.cognito._calls.token_arguments import access_token_of, refresh_token_of
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import RefreshTokenError, TokenVerificationError
from saigon.aws.cognito.models import AccessTokenLike, AuthTokens


class TokenRenewal(UserPoolBase):
    """Refresh, revoke, sign out."""

    def refresh_tokens(self, tokens: AuthTokens) -> AuthTokens:
        """Return new ID and access tokens, with the refresh token that is good from now on.

        Args:
            tokens: The user's tokens, all of them.

        Raises:
            RefreshTokenError: The refresh token is expired, revoked or was used before.
            UserDisabledError: The user is disabled.
            UserNotFoundError: The user is gone.
            TooManyRequestsError: Too many at a time.
        """
        refresh_token = refresh_token_of(tokens)
        if self._config.refresh_token_rotation:
            answer = self._rotate(refresh_token, tokens)
        else:
            answer = self._refresh(refresh_token, tokens)
        result = answer.get("AuthenticationResult") or {}
        return tokens_from_result(result, refresh_token=refresh_token, device=tokens)

    def revoke_token(self, tokens: AuthTokens) -> None:
        """Revoke the refresh token, and the access tokens that came of it.

        Args:
            tokens: The user's tokens, all of them.

        Raises:
            CognitoConfigurationError: The app client does not allow revocation.
        """
        self._api.call(
            "RevokeToken",
            Token=refresh_token_of(tokens),
            ClientId=self._config.client_id,
            ClientSecret=self._client_secret(),
        )

    def sign_out(self, tokens: AccessTokenLike) -> None:
        """Revoke every token of the user, on every device.

        An ID token keeps its signature until it expires: only Cognito knows of the sign-out.

        Args:
            tokens: The user's tokens, or the access token alone.

        Raises:
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "GlobalSignOut",
            refused=TokenVerificationError,
            already_done="Access Token has been revoked",
            AccessToken=access_token_of(tokens),
        )

    def admin_sign_out(self, username: str) -> None:
        """Revoke every token of a user, on every device, as an administrator.

        Raises:
            UserNotFoundError: There is no such user.
        """
        self._admin("AdminUserGlobalSignOut", username)

    def _refresh(self, refresh_token: str, tokens: AuthTokens) -> dict[str, Any]:
        parameters = {"REFRESH_TOKEN": refresh_token}
        if tokens.device_key is not None:
            parameters["DEVICE_KEY"] = tokens.device_key
        return self._api.call(
            "InitiateAuth",
            refused=RefreshTokenError,
            ClientId=self._config.client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            # The hash is of the real name, also where the user signed in by an alias.
            AuthParameters=self._with_hash(parameters, tokens.username),
        )

    def _rotate(self, refresh_token: str, tokens: AuthTokens) -> dict[str, Any]:
        """Exchange the refresh token; once only, because a second use of it counts as a theft."""
        return self._api.call(
            "GetTokensFromRefreshToken",
            once=True,
            refused=RefreshTokenError,
            RefreshToken=refresh_token,
            ClientId=self._config.client_id,
            ClientSecret=self._client_secret(),
            DeviceKey=tokens.device_key,
        )
