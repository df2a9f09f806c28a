"""The state of one open transaction: where it may be used, and whether it may be committed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, CursorResult, NestedTransaction, RootTransaction
from sqlalchemy.exc import ResourceClosedError

from saigon.orm._errors import translated_errors
from saigon.orm._place import Place
from saigon.orm._state import Damage, damage_of
from saigon.orm.exceptions import DbExecutionError, SaigonOrmError, TransactionUsageError

__all__ = ["IsolationLevel", "UnitOfWork"]

IsolationLevel: TypeAlias = Literal[
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"
]


@dataclass(slots=True)
class _Abort:
    """What ended the transaction's hope of a commit, and how deep in savepoints."""

    cause: BaseException
    depth: int
    by_server: bool
    """It is the server that refuses to go on, until something rolls back to a savepoint."""


@dataclass(slots=True, eq=False)
class UnitOfWork:
    """One open transaction of one connector."""

    isolation: IsolationLevel | None
    read_only: bool
    _connection: Connection
    _place: Place = field(default_factory=Place.here)
    _depth: int = 0
    _abort: _Abort | None = None
    _ended: bool = False
    _streams: set[CursorResult[Any]] = field(default_factory=set)
    _turns: "threading.RLock | None" = None
    """Taken for each statement by the threads that a detached transaction is lent to."""

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, where it may be used."""
        self.check_place()
        self.check_usable()
        return self._connection

    def check_place(self) -> None:
        """Refuse use after the end, and from another process, thread or task."""
        if self._ended:
            raise TransactionUsageError(
                "the transaction has ended; a task or thread that outlives its block needs a "
                "context of its own (contextvars.Context())"
            )
        if self._place != Place.here():
            raise TransactionUsageError(
                "the transaction began in another process, thread or task; a connection serves "
                "one at a time: open a transaction there, in a context of its own"
            )

    def check_usable(self) -> None:
        """Refuse statements that could not be committed, or that would cut off a stream."""
        self._check_not_aborted()
        if self._streams and self._connection.dialect.name in {"mysql", "mariadb"}:
            raise TransactionUsageError(
                "a fetch_iter of this transaction is not read to its end; MySQL sends nothing "
                "else on the connection until it is: exhaust or close it first"
            )

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Use the connection while no other thread that the transaction is lent to does."""
        self.check_place()
        if self._turns is None:
            yield
            return
        # An event loop must not wait for a thread, which may be waiting for the loop.
        if not self._turns.acquire(blocking=Place.here().task is None):
            raise TransactionUsageError(
                "a worker thread is using the transaction; await it before the next statement"
            )
        try:
            self.check_place()  # it may have ended meanwhile
            yield
        finally:
            self._turns.release()

    @contextmanager
    def streaming(self, result: CursorResult[Any]) -> Iterator[None]:
        """Note that a result is being read row by row."""
        self._streams.add(result)
        try:
            yield
        except ResourceClosedError as exc:
            raise TransactionUsageError(
                "there are no more rows to read: the statement gives none, or the block in which "
                "fetch_iter was called has ended"
            ) from exc
        finally:
            self._streams.discard(result)

    @contextmanager
    def closing_streams(self) -> Iterator[None]:
        """Close at the end what the block left unread: MySQL can end nothing before."""
        earlier = frozenset(self._streams)
        try:
            yield
        finally:
            for result in self._streams - earlier:
                result.close()
            self._streams &= earlier

    def abort(
        self, cause: BaseException, *, depth: int | None = None, by_server: bool = False
    ) -> None:
        """Note that no commit may follow; the first cause stays.

        Args:
            cause: The error.
            depth: How many savepoints are not touched by it; by default all that there are.
            by_server: The server refuses to go on.
        """
        depth = self._depth if depth is None else depth
        if self._abort is None:
            self._abort = _Abort(cause, depth, by_server)
        self._abort.depth = min(self._abort.depth, depth)
        self._abort.by_server = self._abort.by_server and by_server

    def check_damage(self, cause: BaseException) -> None:
        """Ask the driver whether an error has cost more than its statement."""
        match damage_of(self._connection, cause):
            case Damage.SAVEPOINT:
                self.abort(cause, by_server=True)
            case Damage.WHOLE:
                self.abort(cause, depth=0)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Run an inner block: what fails in it can only be undone with the whole."""
        depth = self._depth
        try:
            with translated_errors():
                yield
        except BaseException as exc:
            self.abort(exc, depth=depth)
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run an inner block that can be undone by itself."""
        with translated_errors(), self.in_turn():
            nested = self.connection.begin_nested()
            self._depth += 1
            depth = self._depth
        try:
            with translated_errors(), self.closing_streams():
                yield
            with self.in_turn():
                self._check_innermost(depth)
                self._check_committable()
        except BaseException:
            self._undo(nested, depth)
            raise
        with self.in_turn():
            self._depth -= 1
            self._end_savepoint(nested.commit)

    def _check_innermost(self, depth: int) -> None:
        if self._depth != depth:
            raise TransactionUsageError("savepoints of two threads overlap in one transaction")

    def _undo(self, nested: NestedTransaction, depth: int) -> None:
        """Roll back to the savepoint, which heals what broke behind it."""
        try:
            with self.in_turn():
                self._check_innermost(depth)
                self._roll_back_to(nested)
        except TransactionUsageError as exc:  # it is not undone, so it must not be committed
            self.abort(exc, depth=0)

    def _roll_back_to(self, nested: NestedTransaction) -> None:
        if self._abort is not None and self._abort.depth >= self._depth:
            self._abort = None
        self._depth -= 1
        if self._abort is None:
            self._end_savepoint(nested.rollback)

    def _end_savepoint(self, step: Callable[[], None]) -> None:
        try:
            with translated_errors():
                step()
        except DbExecutionError as exc:  # the savepoint is gone, and who knows what with it
            self.abort(exc, depth=0)
            raise

    def _check_committable(self) -> None:
        if self._abort is None:
            self.check_damage(TransactionUsageError("the driver reports no open transaction"))
        self._check_not_aborted()

    def _check_not_aborted(self) -> None:
        if self._abort is None:
            return
        if self._abort.by_server and damage_of(self._connection) is Damage.STATEMENT:
            self._abort = None  # a savepoint made on the connection itself has healed it
        else:
            raise _aborted(self._abort.cause)

    def finish(self, root: RootTransaction) -> None:
        """Commit, or roll back and say why."""
        self.check_place()
        self._check_committable()
        if not root.is_active:
            raise TransactionUsageError("the transaction was ended by hand inside its block")
        with translated_errors():
            root.commit()

    def end(self) -> None:
        """Let nothing use it any more."""
        self._ended = True

    def move_here(self) -> None:
        """Let it be used in this thread and task from now on."""
        self._place = Place.here()

    def lend(self, place: Place, turns: "threading.RLock") -> None:
        """Let it be used at the places that equal this one, by one at a time."""
        self._place, self._turns = place, turns


def _aborted(cause: BaseException) -> DbExecutionError:
    error = DbExecutionError(
        f"the transaction was aborted earlier and can only be rolled back: {_summary(cause)}",
        kind="aborted",
        sqlstate=getattr(cause, "sqlstate", None),
        error_code=getattr(cause, "error_code", None),
        constraint=getattr(cause, "constraint", None),
        retryable=getattr(cause, "retryable", False),
    )
    error.__cause__ = cause
    return error


def _summary(cause: BaseException) -> str:
    # Foreign texts may hold values.
    return str(cause) if isinstance(cause, SaigonOrmError) else type(cause).__name__
