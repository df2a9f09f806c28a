"""A transaction that begins and ends in worker threads and is lent to the code in between.

For frameworks: a service opens its transactions by ``transaction_context``, which never leaves the
thread or task that it began in.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass

from saigon.orm._connector import DbConnector
from saigon.orm._transactions.block import has_unit, lent, unit_of_work
from saigon.orm._transactions.place import Place
from saigon.orm._transactions.transaction import Transaction
from saigon.orm._transactions.turns import Turns
from saigon.orm._transactions.unit import IsolationLevel, UnitOfWork
from saigon.orm.exceptions import TransactionUsageError

__all__ = ["DetachedTransaction"]


@dataclass(frozen=True, slots=True, eq=False)
class _LentPlace(Place):
    """The task that the transaction is lent to, and the worker threads that it waits for."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Place) or other.process != os.getpid():
            return False
        its_own = other.thread is self.thread and other.task is self.task
        return its_own or (other.task is None and other.thread is not self.thread)

    __hash__ = None  # type: ignore[assignment]  # equal to many, so it has none


class DetachedTransaction:
    """One unit of work in three steps, each of which may run in another thread.

    ``begin`` and ``end`` wait for the database, so an event loop runs them in a worker thread.
    Between them, inside ``lent``, statements of the same task, and of the worker threads that it
    starts with its context, belong to the transaction. Those run one after the other: a connection
    serves one at a time. What runs outside a savepoint waits for its end, up to 30 seconds, and is
    refused on the event loop, which must not wait.

    Inside another transaction of the same connector it joins that.

    Args:
        connector: The database.
        isolation: The isolation level.
        read_only: Refuse to write.
    """

    def __init__(
        self,
        connector: DbConnector,
        *,
        isolation: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> None:
        self._connector = connector
        self._block = unit_of_work(connector, isolation=isolation, read_only=read_only)
        self._context = copy_context()
        self._joins = has_unit(connector)
        self._turns = Turns()
        self._unit: UnitOfWork | None = None

    @property
    def joins(self) -> bool:
        """Tell whether it joins a surrounding transaction, so that no step of it waits."""
        return self._joins

    def begin(self) -> None:
        """Connect and begin.

        Raises:
            DbExecutionError: The database could not be reached, or refused.
        """
        self._unit = self._context.run(self._block.__enter__)

    @contextmanager
    def lent(self) -> Iterator[Transaction]:
        """Let statements of this context belong to the transaction.

        Raises:
            TransactionUsageError: It has not begun.
        """
        if self._unit is None:
            raise TransactionUsageError("the detached transaction has not begun")
        if not self._joins:
            here = Place.here()
            self._unit.lend(_LentPlace(here.process, here.thread, here.task), self._turns)
        with lent(self._connector, self._unit):
            yield Transaction(self._unit)

    def end(self, error: BaseException | None = None) -> None:
        """Commit, or roll back for the error that the block left with.

        Raises:
            DbExecutionError: The commit failed, or an error had ended the transaction before.
        """
        with self._turns.whole():  # a worker thread that was given up may still be in a statement
            self._context.run(self._end, error)

    def _end(self, error: BaseException | None) -> None:
        if self._unit is not None and not self._joins:
            self._unit.move_here()
        if error is None:
            self._block.__exit__(None, None, None)
        else:
            self._leave_with(error)

    def _leave_with(self, error: BaseException) -> None:
        try:
            self._block.__exit__(type(error), error, error.__traceback__)
        except BaseException as exc:
            if exc is not error:
                raise
