"""As which of the logged-in users a client calls."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from saigon.rest._users.identity import UserIdentity

if TYPE_CHECKING:
    from saigon.rest._users.logins import UserLogins


class UserChoice:
    """What a client that logs users in says of them, and waits for nothing in."""

    _logins: "UserLogins"

    def as_user(self, user: UserIdentity | str) -> AbstractContextManager[UserIdentity]:
        """Call as a logged-in user within a ``with`` block.

        The choice holds for this thread or task alone, for the tasks that it starts and for
        ``asyncio.to_thread``. The threads of a ``ThreadPoolExecutor`` do not know of it: enter a
        block in what they run. A generator shares the blocks of whoever iterates it: yield
        outside of its own.

        Raises:
            NotLoggedInError: The user is not logged in.
        """
        return self._logins.users.acting_as(user)

    def switch_user(self, user: UserIdentity | str) -> None:
        """Call as a logged-in user from now on, in every thread that is in no ``as_user``.

        For programs that act as one user at a time; where several act at once, use ``as_user``.
        Calls that are under way end as the user that they began as. Once the user logs out,
        calls fail until another is chosen, or logs in alone.

        Raises:
            NotLoggedInError: The user is not logged in.
        """
        self._logins.users.choose(user)

    @property
    def current_user(self) -> UserIdentity | None:
        """The user that a call made here and now would be signed as; None if that is not known."""
        user = self._logins.users.current_or_none()
        return user.identity if user else None

    def logout(self, user: UserIdentity | str | None = None) -> None:
        """Forget a user's tokens and credentials; by default the current user's.

        Cognito is not told: the credentials expire, and the refresh token can be revoked with
        ``saigon.aws.cognito``.

        Raises:
            NotLoggedInError: No user was named, and there is no current one.
        """
        users = self._logins.users
        users.remove(users.current().identity if user is None else user)
