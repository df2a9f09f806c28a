"""Users of a user pool: made, signed in, verified."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from pydantic import SecretStr

from saigon.aws.cognito._sign_in.devices import DeviceTracking
from saigon.aws.cognito._sign_in.flows import SignIn
from saigon.aws.cognito._sign_in.renewal import TokenRenewal
from saigon.aws.cognito._text import plain_text
from saigon.aws.cognito._tokens.verifier import TokenVerifier
from saigon.aws.cognito._users.creation import UserCreation
from saigon.aws.cognito._users.listing import UserListing
from saigon.aws.cognito._users.own import OwnProfile
from saigon.aws.cognito._users.self_service import SelfService
from saigon.aws.cognito.config import CognitoIdpConfig
from saigon.aws.cognito.models import (
    AccessTokenClaims,
    AccessTokenLike,
    AuthTokens,
    IdTokenClaims,
    IdTokenLike,
)

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

__all__ = ["CognitoIdp"]


class CognitoIdp(
    SignIn, TokenRenewal, DeviceTracking, SelfService, OwnProfile, UserCreation, UserListing
):
    """A user pool, seen through one app client.

    Holds no user's state, so that one serves all users and threads: tokens are handed in. Making
    one sends nothing and needs no AWS credentials; only the administration of users does.

    Args:
        config: The user pool and app client.
        client: A ready boto3 client, whose retries apply to reading and administration alone; two
            are made otherwise, of which one needs no AWS credentials.
        session: The boto3 session to make clients from.
    """

    def __init__(
        self,
        config: CognitoIdpConfig,
        *,
        client: "CognitoIdentityProviderClient | None" = None,
        session: "Session | None" = None,
    ) -> None:
        super().__init__(config, client=client, session=session)
        self._verifier = TokenVerifier(config)

    def confirm_user(self, username: str, confirmation_code: str | SecretStr | None = None) -> None:
        """Confirm a sign-up: with the code as the user, without one as an administrator.

        Args:
            username: The user's name.
            confirmation_code: What was sent; an administrator needs none.

        Raises:
            CodeMismatchError: The code is wrong.
            CodeExpiredError: The code is too old.
            UserNotFoundError: There is no such user.
        """
        if confirmation_code is None:
            self._admin("AdminConfirmSignUp", username, already_done="Current status is CONFIRMED")
        else:
            self.confirm_sign_up(username, confirmation_code)

    def verify_id_token(
        self,
        token: IdTokenLike,
        *,
        nonce: str | None = None,
        access_token: AccessTokenLike | None = None,
        groups: Collection[str] = (),
    ) -> IdTokenClaims:
        """Return the claims of an ID token that this pool gave to this app client.

        Args:
            token: The ID token, or the tokens that hold it.
            nonce: What the token's ``nonce`` has to be.
            access_token: The access token that ``at_hash`` has to be of.
            groups: Groups that the user has to be in, all of them.

        Raises:
            TokenVerificationError: The token proves nothing; its children say why.
            JwksUnavailableError: The pool's keys are out of reach, so the token cannot be judged.
        """
        text = token.id_token if isinstance(token, AuthTokens) else token
        access = access_token.access_token if isinstance(access_token, AuthTokens) else access_token
        return self._verifier.verify_id_token(
            plain_text(text),
            nonce=nonce,
            access_token=None if access is None else plain_text(access),
            groups=groups,
        )

    def verify_access_token(
        self,
        token: AccessTokenLike,
        *,
        scopes: Collection[str] = (),
        groups: Collection[str] = (),
    ) -> AccessTokenClaims:
        """Return the claims of an access token that this pool gave to this app client.

        A sign-out is not seen here: the signature is good until the token expires.

        Args:
            token: The access token, or the tokens that hold it.
            scopes: Scopes that the token has to have, all of them.
            groups: Groups that the user has to be in, all of them.

        Raises:
            TokenVerificationError: The token proves nothing; its children say why.
            JwksUnavailableError: The pool's keys are out of reach, so the token cannot be judged.
        """
        text = token.access_token if isinstance(token, AuthTokens) else token
        return self._verifier.verify_access_token(plain_text(text), scopes=scopes, groups=groups)
