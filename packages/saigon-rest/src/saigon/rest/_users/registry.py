"""Who is logged in, and as whom a call is made."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from saigon.rest._users.identity import UserIdentity
from saigon.rest.exceptions import NotLoggedInError

if TYPE_CHECKING:
    from saigon.rest._users.user import LoggedInUser


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A ``with`` block that acts as a user."""

    users: "LoggedInUsers"
    identity: UserIdentity


# Per context, and so per task and per thread: the blocks that it is in, innermost last.
_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("saigon_rest_acting", default=())


class LoggedInUsers:
    """The users logged in to one client."""

    def __init__(self) -> None:
        self._lock = Lock()
        # By their ids. Replaced and never changed, so that it is read without the lock.
        self._users: Mapping[str, LoggedInUser] = {}
        self._chosen: UserIdentity | None = None

    def add(self, user: "LoggedInUser") -> UserIdentity:
        """Take a user in, in the place of an earlier login of the user or of the name."""
        with self._lock:
            if not self._users:
                self._chosen = None
            others = self._all_but(user.identity.username)
            self._users = {**others, user.identity.sub: user}
        return user.identity

    def remove(self, user: UserIdentity | str) -> None:
        """Forget a user.

        Who was chosen stays so: the calls of a program that was switched to a user who is gone
        are not made as the one who is left.
        """
        with self._lock:
            self._users = self._all_but(user)

    def choose(self, user: UserIdentity | str) -> None:
        """Make the calls of every context as this user, where it has not chosen its own."""
        with self._lock:
            self._chosen = self._known(user).identity

    @contextmanager
    def acting_as(self, user: UserIdentity | str) -> Iterator[UserIdentity]:
        """Make the calls of this context as this user."""
        block = _Block(self, self._known(user).identity)
        _blocks.set((*_blocks.get(), block))
        try:
            yield block.identity
        finally:
            # Not by a token: blocks in generators end in any order, and in any context.
            _blocks.set(tuple(other for other in _blocks.get() if other is not block))

    def current(self) -> "LoggedInUser":
        """Return the user to call as.

        Raises:
            NotLoggedInError: There is none, or there are several and none was chosen.
        """
        choice = self._choice()
        if choice is not None:
            return self._known(choice)
        users = tuple(self._users.values())
        if len(users) == 1:
            return users[0]
        raise NotLoggedInError(
            "several users are logged in: say which by as_user or switch_user"
            if users
            else "nobody is logged in: call login first"
        )

    def current_or_none(self) -> "LoggedInUser | None":
        """Return the user to call as, or None if that is not known."""
        try:
            return self.current()
        except NotLoggedInError:
            return None

    def hold(self) -> Callable[[], AbstractContextManager[UserIdentity]]:
        """Remember the user to call as, for what is called later on.

        Returns:
            A function that gives a block, of any context, to call as that user in.

        Raises:
            NotLoggedInError: It is not known whom to call as.
        """
        return partial(self.acting_as, self.current().identity)

    def _choice(self) -> UserIdentity | None:
        own = (block.identity for block in reversed(_blocks.get()) if block.users is self)
        return next(own, self._chosen)

    def _known(self, user: UserIdentity | str) -> "LoggedInUser":
        if isinstance(user, UserIdentity):
            known = self._users.get(user.sub)
        else:
            known = next((each for each in self._users.values() if _is(each, user)), None)
        if known is None:
            name = user if isinstance(user, str) else user.username
            raise NotLoggedInError(f"the user {name!r} is not logged in: call login first")
        return known

    def _all_but(self, user: UserIdentity | str) -> "Mapping[str, LoggedInUser]":
        return {sub: known for sub, known in self._users.items() if not _is(known, user)}


def _is(known: "LoggedInUser", user: UserIdentity | str) -> bool:
    if isinstance(user, str):
        return known.identity.username == user
    # A name may pass to another user, and a user have several names; an id never changes.
    return known.identity.sub == user.sub
