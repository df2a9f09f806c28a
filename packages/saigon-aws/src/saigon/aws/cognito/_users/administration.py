"""Administer the users of a pool; these operations need AWS credentials."""

from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import user_from_answer
from saigon.aws.cognito._calls.checks import (
    checked_attribute_names,
    checked_changes,
    checked_flag,
    checked_password,
)
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import UserNotFoundError
from saigon.aws.cognito.models import CognitoUser


class UserAdministration(UserPoolBase):
    """Find, change and remove single users."""

    def delete_user(self, username: str, *, missing_ok: bool = False) -> None:
        """Remove a user.

        Where the answer is lost and the second attempt finds nobody, the first has done it.

        Args:
            username: The user's name.
            missing_ok: Whether a user who does not exist is no error.

        Raises:
            UserNotFoundError: There is no such user, and ``missing_ok`` is false.
        """
        try:
            self._admin("AdminDeleteUser", username, already_done="UserNotFoundException")
        except UserNotFoundError:
            if not missing_ok:
                raise

    def set_user_password(
        self, username: str, password: str | SecretStr, *, permanent: bool = True
    ) -> None:
        """Give a user a password.

        Args:
            username: The user's name.
            password: The new password, which is taken exactly as it is.
            permanent: Otherwise the user must change it at the next sign-in.

        Raises:
            PasswordPolicyError: The password is too weak.
            UserNotFoundError: There is no such user.
        """
        self._admin(
            "AdminSetUserPassword",
            username,
            once=True,
            Password=checked_password("password", password),
            Permanent=checked_flag("permanent", permanent),
        )

    def admin_get_user(self, username: str) -> CognitoUser:
        """Return a user by name or alias.

        Raises:
            UserNotFoundError: There is no such user.
        """
        return user_from_answer(self._admin("AdminGetUser", username))

    def enable_user(self, username: str) -> None:
        """Let a disabled user sign in again.

        Raises:
            UserNotFoundError: There is no such user.
        """
        self._admin("AdminEnableUser", username)

    def disable_user(self, username: str) -> None:
        """Keep a user from signing in, and revoke the user's tokens.

        Raises:
            UserNotFoundError: There is no such user.
        """
        self._admin("AdminDisableUser", username)

    def admin_update_user_attributes(self, username: str, attributes: Mapping[str, str]) -> None:
        """Change attributes of a user.

        Args:
            username: The user's name.
            attributes: Such as ``{"email": "ada@example.com", "email_verified": "true"}``; the
                others stay as they are.

        Raises:
            UserExistsError: The e-mail address or phone number is another user's alias.
            UserNotFoundError: There is no such user.
        """
        self._admin(
            "AdminUpdateUserAttributes",
            username,
            UserAttributes=checked_changes("attributes", attributes),
        )

    def admin_delete_user_attributes(self, username: str, names: Iterable[str]) -> None:
        """Remove attributes of a user.

        Args:
            username: The user's name.
            names: At least one.

        Raises:
            UserNotFoundError: There is no such user.
        """
        self._admin(
            "AdminDeleteUserAttributes",
            username,
            UserAttributeNames=checked_attribute_names("names", names),
        )
