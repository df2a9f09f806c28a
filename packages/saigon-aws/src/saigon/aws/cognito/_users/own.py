"""What signed-in users see and change of themselves, by their access token."""

from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import (
    code_delivery,
    code_delivery_from_answer,
    user_from_answer,
)
from saigon.aws.cognito._calls.checks import (
    checked_attribute_names,
    checked_changes,
    checked_code,
    checked_name,
)
from saigon.aws.cognito._calls.token_arguments import access_token_of
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import TokenVerificationError
from saigon.aws.cognito.models import AccessTokenLike, CodeDelivery, CognitoUser


class OwnProfile(UserPoolBase):
    """The user's own record; what sends or uses up a code is sent once only.

    Where a method takes tokens, the access token alone will do. Cognito does not accept one after a
    sign-out: TokenVerificationError.
    """

    def get_user(self, tokens: AccessTokenLike) -> CognitoUser:
        """Return the signed-in user as the user may see it: without status and dates.

        Args:
            tokens: The user's tokens, or the access token alone.

        Raises:
            TokenVerificationError: Cognito does not accept the access token, as after a sign-out.
        """
        answer = self._api.call(
            "GetUser", refused=TokenVerificationError, AccessToken=access_token_of(tokens)
        )
        return user_from_answer(answer)

    def delete_own_user(self, tokens: AccessTokenLike) -> None:
        """Remove the signed-in user.

        Args:
            tokens: The user's tokens, or the access token alone.

        Raises:
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "DeleteUser",
            refused=TokenVerificationError,
            already_done="UserNotFoundException",
            AccessToken=access_token_of(tokens),
        )

    def update_user_attributes(
        self, tokens: AccessTokenLike, attributes: Mapping[str, str]
    ) -> list[CodeDelivery]:
        """Change attributes of the signed-in user; return where codes were sent to confirm them.

        Args:
            tokens: The user's tokens, or the access token alone.
            attributes: Such as ``{"email": "ada@example.com"}``; the others stay as they are.

        Raises:
            UserExistsError: The e-mail address or phone number is another user's alias.
            TokenVerificationError: Cognito does not accept the access token.
        """
        answer = self._api.call(
            "UpdateUserAttributes",
            once=True,
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
            UserAttributes=checked_changes("attributes", attributes),
        )
        return [code_delivery(each) for each in answer.get("CodeDeliveryDetailsList", ())]

    def delete_user_attributes(self, tokens: AccessTokenLike, names: Iterable[str]) -> None:
        """Remove attributes of the signed-in user.

        Args:
            tokens: The user's tokens, or the access token alone.
            names: At least one.

        Raises:
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "DeleteUserAttributes",
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
            UserAttributeNames=checked_attribute_names("names", names),
        )

    def send_attribute_code(self, tokens: AccessTokenLike, attribute: str) -> CodeDelivery | None:
        """Send a code to confirm an attribute with, and return where to.

        Args:
            tokens: The user's tokens, or the access token alone.
            attribute: ``"email"`` or ``"phone_number"``.

        Raises:
            TooManyRequestsError: The limit of codes is reached.
            TokenVerificationError: Cognito does not accept the access token.
        """
        answer = self._api.call(
            "GetUserAttributeVerificationCode",
            once=True,
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
            AttributeName=checked_name("attribute", attribute, max_length=32),
        )
        return code_delivery_from_answer(answer)

    def verify_user_attribute(
        self, tokens: AccessTokenLike, attribute: str, code: str | SecretStr
    ) -> None:
        """Confirm an attribute with the code that the user received.

        Args:
            tokens: The user's tokens, or the access token alone.
            attribute: ``"email"`` or ``"phone_number"``.
            code: What was sent.

        Raises:
            CodeMismatchError: The code is wrong.
            CodeExpiredError: The code is too old.
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "VerifyUserAttribute",
            once=True,
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
            AttributeName=checked_name("attribute", attribute, max_length=32),
            Code=checked_code("code", code),
        )
