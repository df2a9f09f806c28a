"""Administer the users of a pool; these operations need AWS credentials."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import user_from_answer
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito._calls.checks import (
    checked_attributes,
    checked_name,
    checked_names,
    checked_page_size,
    checked_password,
    user_filter,
)
from saigon.aws.cognito.exceptions import (
    CognitoError,
    InvalidInputError,
    TooManyRequestsError,
    UserExistsError,
    UserNotFoundError,
)
from saigon.aws.cognito.models import CognitoUser

_NEW_STATUS: Final = "FORCE_CHANGE_PASSWORD"
# The Date header, which shows how far the clocks are apart, has whole seconds.
_CLOCK_GRAIN: Final = timedelta(seconds=2)


class UserAdministration(UserPoolBase):
    """Make, find, change and remove users."""

    def create_user(
        self,
        username: str,
        password: str | SecretStr | None = None,
        *,
        attributes: Mapping[str, str] | None = None,
        groups: Sequence[str] = (),
        notify_user: bool = False,
        temporary: bool = False,
        exist_ok: bool = False,
    ) -> CognitoUser:
        """Make a user with password and groups as one; whichever step fails, none stays behind.

        Args:
            username: The name, or an e-mail address or phone number where the pool takes these.
            password: The password; without one the user has none that anybody knows.
            attributes: Such as ``{"email": "ada@example.com", "email_verified": "true"}``.
            groups: Groups of the pool that the user joins.
            notify_user: Whether Cognito sends its invitation, with a temporary password in it.
            temporary: Whether the user must change the password at the first sign-in.
            exist_ok: Whether a user who exists is returned, exactly as found, and not an error.

        Raises:
            UserExistsError: The name or an alias is taken.
            PasswordPolicyError: The password is too weak.
            CognitoConnectionError: Cognito did not answer, and no user of this call was found.
        """
        request = {
            "UserPoolId": self._config.user_pool_id,
            "Username": checked_name("username", username),
            "UserAttributes": checked_attributes("attributes", attributes or {}),
            "MessageAction": None if notify_user else "SUPPRESS",
        }
        group_names = checked_names("groups", groups)
        text = None if password is None else checked_password("password", password)
        if notify_user and text is not None and not temporary:
            raise InvalidInputError(
                "notify_user",
                "temporary=True or no password with it, because the invitation carries a "
                "temporary password",
            )
        if temporary:
            request["TemporaryPassword"] = text
        try:
            user = self._create(request)
        except UserExistsError as error:
            if not exist_ok:
                raise
            return self._existing(username, error)
        return self._finish(user, None if temporary else text, group_names)

    def delete_user(self, username: str, *, missing_ok: bool = False) -> None:
        """Remove a user.

        Raises:
            UserNotFoundError: There is no such user, and ``missing_ok`` is false.
        """
        try:
            self._admin("AdminDeleteUser", username)
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
            Permanent=permanent,
        )

    def admin_get_user(self, username: str) -> CognitoUser:
        """Return a user by name or alias.

        Raises:
            UserNotFoundError: There is no such user.
        """
        return user_from_answer(self._admin("AdminGetUser", username))

    def list_users(
        self,
        attribute: str | None = None,
        *,
        equals: str | None = None,
        starts_with: str | None = None,
        page_size: int = 60,
    ) -> Iterator[CognitoUser]:
        """Iterate over the pool's users, past the 60 that the API gives at a time.

        Args:
            attribute: The standard attribute to filter by, such as ``"email"``.
            equals: The value that the attribute has.
            starts_with: What the attribute's value begins with.
            page_size: Users asked for at a time, from 1 to 60.
        """
        request = {
            "UserPoolId": self._config.user_pool_id,
            "Filter": user_filter(attribute, equals=equals, starts_with=starts_with),
            "Limit": checked_page_size("page_size", page_size),
        }
        return self._pages(request)

    def enable_user(self, username: str) -> None:
        """Let a disabled user sign in again."""
        self._admin("AdminEnableUser", username)

    def disable_user(self, username: str) -> None:
        """Keep a user from signing in, and revoke the user's tokens."""
        self._admin("AdminDisableUser", username)

    def add_user_to_group(self, username: str, group: str) -> None:
        """Add a user to a group; nothing happens where the user is in it."""
        self._admin("AdminAddUserToGroup", username, GroupName=checked_name("group", group))

    def remove_user_from_group(self, username: str, group: str) -> None:
        """Take a user out of a group; nothing happens where the user is not in it."""
        self._admin("AdminRemoveUserFromGroup", username, GroupName=checked_name("group", group))

    def _admin(
        self, operation: str, username: str, *, once: bool = False, **parameters: Any
    ) -> dict[str, Any]:
        return self._api.call(
            operation,
            once=once,
            UserPoolId=self._config.user_pool_id,
            Username=checked_name("username", username),
            **parameters,
        )

    def _pages(self, request: Mapping[str, Any]) -> Iterator[CognitoUser]:
        token: str | None = None
        while True:
            page = self._api.call("ListUsers", PaginationToken=token, **request)
            yield from map(user_from_answer, page.get("Users", ()))
            token = page.get("PaginationToken")
            if not token:
                return

    def _existing(self, username: str, error: UserExistsError) -> CognitoUser:
        try:
            return self.admin_get_user(username)
        except UserNotFoundError:
            # Not the name is taken, but an e-mail address or the like, by somebody else.
            raise error from None

    def _create(self, request: Mapping[str, Any]) -> CognitoUser:
        """Send AdminCreateUser once: it is not idempotent, and a second would find the first."""
        started = datetime.now(UTC)
        try:
            answer = self._api.call("AdminCreateUser", once=True, **request)
        except TooManyRequestsError:
            raise
        except CognitoError as error:
            user = self._made_since(started, request["Username"]) if error.retryable else None
            if user is None:
                raise
            return user
        except BaseException as interruption:
            user = self._made_since(started, request["Username"])
            if user is not None:
                self._remove_half_made(user.username, interruption)
            raise
        return user_from_answer(answer["User"])

    def _made_since(self, started: datetime, username: str) -> CognitoUser | None:
        """Return the user that a lost answer was about, if it can only be of this call."""
        try:
            answer = self._admin("AdminGetUser", username)
        except CognitoError:
            return None
        user = user_from_answer(answer)
        is_own = user.status == _NEW_STATUS and _is_within(user.created_at, started, answer)
        return user if is_own else None

    def _finish(
        self, user: CognitoUser, password: str | None, groups: Sequence[str]
    ) -> CognitoUser:
        try:
            if password is not None:
                self.set_user_password(user.username, password)
            for group in groups:
                self.add_user_to_group(user.username, group)
        except BaseException as error:
            self._remove_half_made(user.username, error)
            raise
        return user if password is None else user.model_copy(update={"status": "CONFIRMED"})

    def _remove_half_made(self, username: str, error: BaseException) -> None:
        """Remove the user; a failure to do so is told with the first error, which stays."""
        try:
            self.delete_user(username, missing_ok=True)
        except CognitoError as failure:
            error.add_note(f"the half-made user could not be removed: {failure}")


def _is_within(created_at: datetime | None, started: datetime, answer: Mapping[str, Any]) -> bool:
    """Tell whether a user was created since a moment, by the clock of the service."""
    if created_at is None:
        return False
    return created_at >= started + _clock_ahead(answer) - _CLOCK_GRAIN


def _clock_ahead(answer: Mapping[str, Any]) -> timedelta:
    """Return how far the clock of the service is ahead, and nothing where it does not say."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date) - datetime.now(UTC)
    except (TypeError, ValueError):
        return timedelta()
