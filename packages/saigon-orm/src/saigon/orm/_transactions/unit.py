"""The state of one open transaction: where it may be used, and whether it may be committed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, NestedTransaction, RootTransaction

from saigon.orm._errors import translated_errors
from saigon.orm._transactions.abort import Abort
from saigon.orm._transactions.place import Place
from saigon.orm._transactions.pulse import Pulse
from saigon.orm._transactions.state import Damage, damage_of
from saigon.orm._transactions.streams import OpenStreams
from saigon.orm._transactions.turns import Level, Turns
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError

__all__ = ["IsolationLevel", "UnitOfWork"]

IsolationLevel: TypeAlias = Literal[
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"
]
_ALONE: Final = nullcontext()


@dataclass(slots=True, eq=False)
class UnitOfWork:
    """One open transaction of one connector."""

    isolation: IsolationLevel | None
    read_only: bool
    _connection: Connection
    pulse: Pulse = field(init=False)
    streams: OpenStreams = field(default_factory=OpenStreams)
    _place: Place = field(default_factory=Place.here)
    _depth: int = 0
    _inner_blocks: set[object] = field(default_factory=set)
    _abort: Abort | None = None
    _is_ending: bool = False
    _ended: bool = False
    _turns: Turns | None = None
    """Taken for each statement by the threads that a detached transaction is lent to."""

    def __post_init__(self) -> None:
        self.pulse = Pulse(self._connection)

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, where it may be used."""
        self.check_place()
        self.check_usable()
        return self._connection

    def check_place(self) -> None:
        """Refuse use after the end, and from another process, thread or task."""
        self._check_not_ended()
        if self._place != Place.here():
            raise TransactionUsageError(
                "the transaction began in another process, thread or task; a connection serves "
                "one at a time: open a transaction there, in a context of its own"
            )

    def _check_not_ended(self) -> None:
        if self._ended:
            raise TransactionUsageError(
                "the transaction has ended; a task or thread that outlives its block needs a "
                "context of its own (contextvars.Context())"
            )

    def check_usable(self) -> None:
        """Refuse statements that could not be committed, or that would cut off a stream."""
        self._check_not_aborted()
        self.streams.check_free(self._connection)

    def in_turn(self, level: Level | None = None) -> AbstractContextManager[None]:
        """Use the connection while no other thread that the transaction is lent to does."""
        self.check_place()
        return _ALONE if self._turns is None else self._taken(self._turns, level)

    @contextmanager
    def _taken(self, turns: Turns, level: Level | None) -> Iterator[None]:
        with turns.taken(level):
            self.check_place()  # it may have ended meanwhile
            yield

    @property
    def is_ending(self) -> bool:
        """Whether the block itself is committing."""
        return self._is_ending

    def note_end(self) -> None:
        """Note that the transaction was ended by something other than its block."""
        cause = TransactionUsageError(
            "its transaction was ended inside the block, by hand or as DDL does on MySQL"
        )
        self.abort(cause, depth=0)

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
            self._abort = Abort(cause, depth, by_server)
        self._abort.widen(depth, by_server=by_server)

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
        with self.in_turn():  # the depth is another one while a thread has a savepoint open
            depth = self._depth
        try:
            with translated_errors(), self._counted():
                yield
            self._check_not_ended()
        except BaseException as exc:
            self.abort(exc, depth=depth)
            raise

    @contextmanager
    def _counted(self) -> Iterator[None]:
        block = object()
        self._inner_blocks.add(block)
        try:
            yield
        finally:
            self._inner_blocks.discard(block)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run an inner block that can be undone by itself."""
        with translated_errors(), self.in_turn():
            nested = self.connection.begin_nested()
            self._depth += 1
            depth = self._depth
            level = None if self._turns is None else self._turns.enter()
        try:
            with self._counted():
                yield from self._inside(nested, depth, level)
        finally:
            if self._turns is not None and level is not None:
                self._turns.leave(level)

    def _inside(self, nested: NestedTransaction, depth: int, level: Level | None) -> Iterator[None]:
        try:
            with translated_errors(), self.streams.closing():
                yield
            with self.in_turn(level):
                self._check_innermost(depth)
                self._check_committable()
        except BaseException:
            self._undo(nested, depth, level)
            raise
        with self.in_turn(level):
            self._depth -= 1
            self._end_savepoint(nested.commit)

    def _check_innermost(self, depth: int) -> None:
        if self._depth != depth:
            raise TransactionUsageError("two savepoints overlap: the inner one has to end first")

    def _undo(self, nested: NestedTransaction, depth: int, level: Level | None) -> None:
        """Roll back to the savepoint, which heals what broke behind it."""
        try:
            with self.in_turn(level):
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
        if self._abort is None and self.pulse.had_stopped():
            self.note_end()
        self._check_not_aborted()

    def _check_not_aborted(self) -> None:
        if self._abort is None:
            return
        if self._abort.by_server and damage_of(self._connection) is Damage.STATEMENT:
            self._abort = None  # a savepoint made on the connection itself has healed it
        else:
            raise self._abort.error()

    def finish(self, root: RootTransaction) -> None:
        """Commit, or roll back and say why."""
        self.check_place()
        self._check_committable()
        if self._inner_blocks:
            raise TransactionUsageError(
                "a block inside this one, held by a thread or a generator, has not ended: half "
                "of its work would be committed"
            )
        self._is_ending = True
        with translated_errors():
            root.commit()

    def end(self) -> None:
        """Let nothing use it any more."""
        self._ended = True

    def move_here(self) -> None:
        """Let it be used in this thread and task from now on."""
        self._place = Place.here()

    def lend(self, place: Place, turns: Turns) -> None:
        """Let it be used at the places that equal this one, by one at a time."""
        self._place, self._turns = place, turns
