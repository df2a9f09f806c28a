"""Make a user as one: name, password and groups, or nobody."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import field_of, user_from_answer
from saigon.aws.cognito._calls.checks import (
    checked_attributes,
    checked_flag,
    checked_name,
    checked_names,
    checked_password,
)
from saigon.aws.cognito._users.administration import UserAdministration
from saigon.aws.cognito._users.groups import GroupAdministration
from saigon.aws.cognito.exceptions import (
    CognitoError,
    InvalidInputError,
    TooManyRequestsError,
    UserExistsError,
    UserNotFoundError,
)
from saigon.aws.cognito.models import CognitoUser

_NEW_STATUS: Final = "FORCE_CHANGE_PASSWORD"
_MEDIUMS: Final = {"email": "EMAIL", "phone_number": "SMS"}


class UserCreation(UserAdministration, GroupAdministration):
    """Make users; whichever step fails, no half-made one stays behind."""

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
        request: dict[str, Any] = {
            "UserPoolId": self._config.user_pool_id,
            "Username": checked_name("username", username),
            "UserAttributes": checked_attributes("attributes", attributes),
            "MessageAction": None if checked_flag("notify_user", notify_user) else "SUPPRESS",
        }
        checked_flag("temporary", temporary)
        group_names = checked_names("groups", groups)
        text = None if password is None else checked_password("password", password)
        if notify_user and text is not None and not temporary:
            raise InvalidInputError(
                "notify_user",
                "temporary=True or no password with it, because the invitation carries a "
                "temporary password",
            )
        if notify_user:
            request["DesiredDeliveryMediums"] = _mediums(username, attributes or {})
        if temporary:
            request["TemporaryPassword"] = text
        try:
            user = self._create(request)
        except UserExistsError as error:
            if not exist_ok:
                raise
            return self._existing(username, error)
        return self._finish(user, None if temporary else text, group_names)

    def _existing(self, username: str, error: UserExistsError) -> CognitoUser:
        try:
            return self.admin_get_user(username)
        except UserNotFoundError:
            # Not the name is taken, but an e-mail address or the like, by somebody else.
            raise error from None

    def _create(self, request: Mapping[str, Any]) -> CognitoUser:
        """Send AdminCreateUser once: it is not idempotent, and a second would find the first."""
        started = time.monotonic()
        try:
            answer = self._api.call("AdminCreateUser", once=True, **request)
            return user_from_answer(field_of(answer, "User"))
        except BaseException as error:
            may_be_made = _may_have_made_a_user(error)
            user = self._made_since(started, request["Username"], error) if may_be_made else None
            if user is None:
                raise
            if isinstance(error, CognitoError) and error.retryable:
                return user  # all is well but for the answer, which was lost
            self._remove_half_made(user.username, error)
            raise

    def _made_since(
        self, started: float, username: str, error: BaseException
    ) -> CognitoUser | None:
        """Return the user that a lost answer was about, if it can only be of this call."""
        try:
            answer = self._admin("AdminGetUser", username)
            user = user_from_answer(answer)
        except UserNotFoundError:
            return None
        except CognitoError as failure:
            error.add_note(f"whether the user was made cannot be said: {failure}")
            return None
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
        except Exception as failure:  # noqa: BLE001  # none may take the place of the first error
            told = failure if isinstance(failure, CognitoError) else type(failure).__name__
            error.add_note(f"the half-made user could not be removed: {told}")


def _may_have_made_a_user(error: BaseException) -> bool:
    """Tell whether the user may exist although AdminCreateUser failed."""
    if isinstance(error, TooManyRequestsError):
        return False
    if isinstance(error, CognitoError):
        return error.retryable or _is_after_the_fact(error)
    return True


def _is_after_the_fact(error: CognitoError) -> bool:
    """Tell whether the name was free: the invitation comes last, and the trigger that words it.

    The other trigger, PreSignUp, fails before: a user of this name is somebody else's then.
    """
    return error.code == "CodeDeliveryFailureException" or "CustomMessage" in str(error)


def _mediums(username: str, attributes: Mapping[str, str]) -> list[str] | None:
    """Return how to send the invitation: Cognito would choose text messages, whatever is known."""
    known = {medium for name, medium in _MEDIUMS.items() if name in attributes}
    if "@" in username:
        known.add("EMAIL")
    return sorted(known) or None


def _is_within(created_at: datetime | None, started: float, answer: Mapping[str, Any]) -> bool:
    """Tell whether a user was created since a moment, by the clock of the service alone.

    Its Date header has whole seconds, so up to a second before the moment counts, too.
    """
    if created_at is None:
        return False
    return created_at >= _time_of(answer) - timedelta(seconds=time.monotonic() - started)


def _time_of(answer: Mapping[str, Any]) -> datetime:
    """Return when the service answered, or the time here where it does not say."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return datetime.now(UTC)
    return datetime.now(UTC) if moment.tzinfo is None else moment
