"""Whether the server still has the transaction, as far as the driver has heard."""

from dataclasses import dataclass

from sqlalchemy import Connection

from saigon.orm._transactions.calls import mark_call, outlived_call
from saigon.orm._transactions.state import is_open

__all__ = ["Pulse"]


@dataclass(slots=True)
class Pulse:
    """What a transaction's driver has said of it, which must not end once it has begun."""

    _connection: Connection
    _has_begun: bool = False
    _is_marked: bool = False
    """A procedure has been called, which may have ended it."""

    def has_stopped(self) -> bool:
        """Tell, after a statement, whether the transaction is over."""
        now = is_open(self._connection)
        self._has_begun = self._has_begun or bool(now)
        return not now and (self._has_begun or now is False)

    def had_stopped(self) -> bool:
        """Tell, before a statement or the commit, whether it is over or was in between."""
        was_marked, self._is_marked = self._is_marked, False
        if was_marked and not outlived_call(self._connection):
            return True
        return self.has_stopped()

    def mark_call(self) -> None:
        """Prepare to notice what a procedure does to the transaction."""
        mark_call(self._connection)
        self._is_marked = True
