"""Whether the server still has the transaction, as far as the driver has heard.

What it does not hear, MySQL is asked: a savepoint set as a mark is gone with its transaction.
"""

from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection

from saigon.orm._transactions.state import is_open

__all__ = ["Pulse"]


@dataclass(slots=True)
class Pulse:
    """What a transaction's driver has said of it, which must not end once it has begun."""

    _connection: Connection
    _has_begun: bool = False
    _is_marked: bool = False
    """There is a mark, set before a statement that may have ended it."""

    def has_stopped(self) -> bool:
        """Tell, after a statement, whether the transaction is over."""
        now = is_open(self._connection)
        self._has_begun = self._has_begun or bool(now)
        return not now and (self._has_begun or now is False)

    def had_stopped(self) -> bool:
        """Tell, before a statement or the commit, whether it is over or was in between."""
        was_marked, self._is_marked = self._is_marked, False
        if was_marked and not self._has_mark():
            return True
        return self.has_stopped()

    def set_mark(self) -> None:
        """Prepare to notice a commit that the next statement may hide."""
        self._send("SAVEPOINT saigon_mark")
        self._is_marked = True

    def _has_mark(self) -> bool:
        try:
            self._send("RELEASE SAVEPOINT saigon_mark")
        except self._connection.dialect.loaded_dbapi.Error:
            return False
        return True

    def _send(self, statement: str) -> None:
        with closing(self._connection.connection.cursor()) as cursor:
            cursor.execute(statement)
