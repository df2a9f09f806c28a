"""Let users sign up and mind their own passwords; none of this needs AWS credentials."""

from collections.abc import Mapping

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import code_delivery_from_answer, sign_up_from_answer
from saigon.aws.cognito._calls.checks import (
    checked_attributes,
    checked_code,
    checked_name,
    checked_password,
)
from saigon.aws.cognito._calls.token_arguments import access_token_of
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import InvalidCredentialsError
from saigon.aws.cognito.models import AccessTokenLike, CodeDelivery, SignUpResult


class SelfService(UserPoolBase):
    """Sign-up, confirmation, and the user's own password."""

    def sign_up(
        self,
        username: str,
        password: str | SecretStr,
        *,
        attributes: Mapping[str, str] | None = None,
    ) -> SignUpResult:
        """Register a user, who has to be confirmed before signing in, as the pool says.

        Args:
            username: The name to sign in with.
            password: The password, which is taken exactly as it is.
            attributes: Such as ``{"email": "ada@example.com"}``.

        Raises:
            CodeDeliveryError: The code could not be sent; the user may be there.
            UserExistsError: The name or an alias is taken.
            PasswordPolicyError: The password is too weak.
        """
        answer = self._api.call(
            "SignUp",
            once=True,
            ClientId=self._config.client_id,
            Username=checked_name("username", username),
            Password=checked_password("password", password),
            UserAttributes=checked_attributes("attributes", attributes),
            SecretHash=self._secret_hash(username),
        )
        return sign_up_from_answer(answer)

    def confirm_sign_up(self, username: str, confirmation_code: str | SecretStr) -> None:
        """Confirm a sign-up with the code that the user received.

        Args:
            username: The user's name.
            confirmation_code: What was sent.

        Raises:
            CodeMismatchError: The code is wrong.
            CodeExpiredError: The code is too old.
        """
        self._api.call(
            "ConfirmSignUp",
            once=True,
            ClientId=self._config.client_id,
            Username=checked_name("username", username),
            ConfirmationCode=checked_code("confirmation_code", confirmation_code),
            SecretHash=self._secret_hash(username),
        )

    def resend_confirmation_code(self, username: str) -> CodeDelivery | None:
        """Send the code of a sign-up again, and return where to.

        Raises:
            TooManyRequestsError: The limit of codes is reached.
        """
        return self._send_code("ResendConfirmationCode", username)

    def forgot_password(self, username: str) -> CodeDelivery | None:
        """Send a code to reset the password with, and return where to.

        Raises:
            TooManyRequestsError: The limit of codes is reached.
        """
        return self._send_code("ForgotPassword", username)

    def confirm_forgot_password(
        self,
        username: str,
        confirmation_code: str | SecretStr,
        new_password: str | SecretStr,
    ) -> None:
        """Set a new password with the code that the user received.

        Args:
            username: The user's name.
            confirmation_code: What was sent.
            new_password: The password to come, which is taken exactly as it is.

        Raises:
            CodeMismatchError: The code is wrong.
            CodeExpiredError: The code is too old.
            PasswordPolicyError: The password is too weak.
        """
        self._api.call(
            "ConfirmForgotPassword",
            once=True,
            ClientId=self._config.client_id,
            Username=checked_name("username", username),
            ConfirmationCode=checked_code("confirmation_code", confirmation_code),
            Password=checked_password("new_password", new_password),
            SecretHash=self._secret_hash(username),
        )

    def change_password(
        self,
        tokens: AccessTokenLike,
        old_password: str | SecretStr,
        new_password: str | SecretStr,
    ) -> None:
        """Change the password of a signed-in user.

        Args:
            tokens: The user's tokens, or the access token alone.
            old_password: The password that the user has.
            new_password: The one to come, which is taken exactly as it is.

        Raises:
            InvalidCredentialsError: The old password is wrong.
            PasswordPolicyError: The new password is too weak.
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "ChangePassword",
            once=True,
            refused=InvalidCredentialsError,
            AccessToken=access_token_of(tokens),
            PreviousPassword=checked_password("old_password", old_password),
            ProposedPassword=checked_password("new_password", new_password),
        )

    def _send_code(self, operation: str, username: str) -> CodeDelivery | None:
        answer = self._api.call(
            operation,
            once=True,
            ClientId=self._config.client_id,
            Username=checked_name("username", username),
            SecretHash=self._secret_hash(username),
        )
        return code_delivery_from_answer(answer)
