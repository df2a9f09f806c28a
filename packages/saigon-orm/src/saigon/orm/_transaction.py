"""The unit of work: one transaction per connector and context, or a clear error."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, CursorResult, NestedTransaction, RootTransaction
from sqlalchemy.exc import ResourceClosedError, SQLAlchemyError

from saigon.orm._errors import execution_error, translated_errors
from saigon.orm._sqlite import BEGIN_OPTION, QUERY_ONLY_OPTION
from saigon.orm._state import Damage, damage_of
from saigon.orm.exceptions import DbExecutionError, SaigonOrmError, TransactionUsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

    from saigon.orm._connector import DbConnector

__all__ = [
    "IsolationLevel",
    "Transaction",
    "active_transaction",
    "note_error",
    "transaction_context",
]

IsolationLevel: TypeAlias = Literal[
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"
]

_TRANSACTION_OPTION: Final = "saigon_transaction"
_logger = logging.getLogger(__name__)
_active: ContextVar[Mapping["DbConnector", "Transaction"]] = ContextVar(
    "saigon_orm_transactions", default=MappingProxyType({})
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where code runs: a transaction is used where it began and nowhere else."""

    process: int
    thread: threading.Thread
    task: "asyncio.Task[Any] | None"

    @classmethod
    def here(cls) -> "_Place":
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no event loop runs in this thread
            task = None
        return cls(os.getpid(), threading.current_thread(), task)


@dataclass(slots=True)
class _Abort:
    """What ended the transaction's hope of a commit, and how deep in savepoints."""

    cause: BaseException
    depth: int
    by_server: bool
    """It is the server that refuses to go on, until something rolls back to a savepoint."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One open transaction of one connector, from ``transaction_context``."""

    isolation: IsolationLevel | None
    """The isolation level that was asked for, ``None`` for the database's default."""

    read_only: bool
    """Whether it refuses to write."""

    _connection: Connection = field(repr=False)
    _place: _Place = field(default_factory=_Place.here, repr=False)
    _depth: int = field(default=0, repr=False)
    _abort: _Abort | None = field(default=None, repr=False)
    _ended: bool = field(default=False, repr=False)
    _streams: set[CursorResult[Any]] = field(default_factory=set, repr=False)
    _turns: "threading.RLock | None" = field(default=None, repr=False)
    """Taken for each statement by the threads that a detached transaction is lent to."""

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, for what the connector has no method for.

        Raises:
            TransactionUsageError: The block has ended, or this is another thread or task.
            DbExecutionError: Of the kind ``aborted``, after an error that ended the transaction.
        """
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
        if self._place != _Place.here():
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
        if not self._turns.acquire(blocking=_Place.here().task is None):
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


def note_error(context: "ExceptionContext") -> None:
    """Mark the transaction of a connection on which an error has just been raised."""
    connection, error = context.connection, context.sqlalchemy_exception
    if connection is None or error is None:
        return
    transaction = connection.get_execution_options().get(_TRANSACTION_OPTION)
    if not isinstance(transaction, Transaction):
        return
    cause = execution_error(error)
    cause.__cause__ = context.original_exception
    if context.is_disconnect:
        transaction.abort(cause, depth=0)
    else:
        transaction.check_damage(cause)


def active_transaction(connector: "DbConnector") -> Transaction | None:
    """Return the transaction that statements of this context belong to.

    Raises:
        TransactionUsageError: The context was inherited: its transaction has ended, or belongs
            to another process, thread or task.
    """
    transaction = _active.get().get(connector)
    if transaction is not None:
        transaction.check_place()
    return transaction


@contextmanager
def transaction_context(
    connector: "DbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Iterator[Transaction]:
    """Run a block as one unit of work: committed at its end, rolled back when an error leaves it.

    A block inside a block of the same connector joins it. An error that leaves the inner block
    lets the outer one end in a rollback only, even if it is caught in between, unless the inner
    one has a savepoint. Two connectors have two transactions.

    Args:
        connector: The database.
        savepoint: Make an inner block one that can fail by itself; no difference for the outermost.
        isolation: The isolation level; SQLite's is always SERIALIZABLE, which serves them all.
        read_only: Refuse to write. On SQLite, blocks that may write run one after the other,
            read-only ones do not wait.

    Raises:
        DbExecutionError: The commit failed, or an error of the database was not handled; of the
            kind ``aborted`` where an error was handled that the transaction did not survive.
        TransactionUsageError: The surrounding transaction is of another thread or task, or has
            other properties than the ones asked for here.
    """
    current = active_transaction(connector)
    if current is None:
        with _outermost(connector, isolation, read_only=read_only) as transaction:
            yield transaction
        return
    _check_join(current, isolation, read_only=read_only)
    with current.savepoint() if savepoint else current.joined():
        yield current


def _check_join(current: Transaction, isolation: IsolationLevel | None, *, read_only: bool) -> None:
    current.check_usable()
    if isolation not in {None, current.isolation}:
        raise TransactionUsageError(
            f"expected to join a transaction of isolation {isolation}, "
            f"the surrounding one has {current.isolation or 'the default'}"
        )
    if read_only and not current.read_only:
        raise TransactionUsageError("a read-only block inside a transaction that may write")


@contextmanager
def _outermost(
    connector: "DbConnector", isolation: IsolationLevel | None, *, read_only: bool
) -> Iterator[Transaction]:
    with translated_errors():
        connection = connector.engine.connect()
    with connection:
        transaction = Transaction(isolation, read_only, connection)
        root = _begin(connection, transaction)
        with _registered(connector, transaction):
            try:
                with translated_errors(), transaction.closing_streams():
                    yield transaction
                transaction.finish(root)
            except BaseException:
                _roll_back(root)
                raise


def _begin(connection: Connection, transaction: Transaction) -> RootTransaction:
    with translated_errors():
        connection.execution_options(**_options(connection.dialect.name, transaction))
        root = connection.begin()
        if transaction.read_only and connection.dialect.name in {"mysql", "mariadb"}:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
        return root


def _options(dialect_name: str, transaction: Transaction) -> dict[str, Any]:
    options: dict[str, Any] = {_TRANSACTION_OPTION: transaction}
    if dialect_name == "sqlite":
        # A deferred transaction that reads first cannot wait for its turn to write any more.
        begin = "DEFERRED" if transaction.read_only else "IMMEDIATE"
        return {**options, BEGIN_OPTION: begin, QUERY_ONLY_OPTION: transaction.read_only}
    if transaction.isolation is not None:
        options["isolation_level"] = transaction.isolation
    if dialect_name == "postgresql" and transaction.read_only:
        options["postgresql_readonly"] = True
    return options


def _roll_back(root: RootTransaction) -> None:
    try:
        if root.is_active:
            root.rollback()
    except SQLAlchemyError as exc:
        # The error that led here says more; a connection that cannot roll back is given up.
        _logger.warning("rollback failed: %s", type(exc).__name__)
        with suppress(SQLAlchemyError):
            root.connection.invalidate()


@contextmanager
def _registered(connector: "DbConnector", transaction: Transaction) -> Iterator[None]:
    _active.set(MappingProxyType({**_active.get(), connector: transaction}))
    try:
        yield
    finally:
        transaction.end()
        # Not by a token: blocks held open by generators need not end in the order they began.
        rest = {key: tx for key, tx in _active.get().items() if tx is not transaction}
        _active.set(MappingProxyType(rest))
