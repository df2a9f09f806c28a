"""The unit of work as its user sees it, over a connector of either kind."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from sqlalchemy import Connection

from saigon.orm._greenlets import in_greenlet, to_the_end
from saigon.orm._transactions.block import active_unit, forget, unit_of_work
from saigon.orm._transactions.unit import IsolationLevel, UnitOfWork

if TYPE_CHECKING:
    from saigon.orm._async_connector import AsyncDbConnector
    from saigon.orm._connector import DbConnector

__all__ = [
    "AsyncTransaction",
    "Transaction",
    "async_transaction",
    "sync_transaction",
    "transaction_context",
]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class _AnyTransaction:
    _unit: UnitOfWork = field(repr=False)

    @property
    def isolation(self) -> IsolationLevel | None:
        """The isolation level that was asked for, ``None`` for the database's default."""
        return self._unit.isolation

    @property
    def read_only(self) -> bool:
        """Whether it refuses to write."""
        return self._unit.read_only


class Transaction(_AnyTransaction):
    """One open transaction of a ``DbConnector``, from ``transaction_context``."""

    __slots__ = ()

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, for what the connector has no method for.

        Raises:
            TransactionUsageError: The block has ended, or this is another thread or task.
            DbExecutionError: Of the kind ``aborted``, after an error that ended the transaction.
        """
        return self._unit.connection


class AsyncTransaction(_AnyTransaction):
    """One open transaction of an ``AsyncDbConnector``, from ``transaction_context``."""

    __slots__ = ()

    async def run_sync(
        self,
        fn: Callable[Concatenate[Connection, P], ResultT],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> ResultT:
        """Call a function with SQLAlchemy's connection, for what the connector has no method for.

        Raises:
            TransactionUsageError: The block has ended, or this is another thread or task.
            DbExecutionError: Of the kind ``aborted``, after an error that ended the transaction.
        """
        return await in_greenlet(fn, self._unit.connection, *args, **kwargs)


@overload
def transaction_context(
    connector: "DbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> AbstractContextManager[Transaction]: ...


@overload
def transaction_context(
    connector: "AsyncDbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> AbstractAsyncContextManager[AsyncTransaction]: ...


def transaction_context(
    connector: "DbConnector | AsyncDbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Any:
    """Run a block as one unit of work: committed at its end, rolled back when an error leaves it.

    It is ``with`` over a ``DbConnector`` and ``async with`` over an ``AsyncDbConnector``.

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
        ValueError: There is no such isolation level.
    """
    return connector._transaction(  # noqa: SLF001  # not for users
        savepoint=savepoint, isolation=isolation, read_only=read_only
    )


class _Block(AbstractContextManager[Transaction]):
    # Not contextlib's: that decorates too, generator functions as well, and ends before they begin.
    def __init__(self, block: AbstractContextManager[UnitOfWork]) -> None:
        self._block = block

    def __enter__(self) -> Transaction:
        return Transaction(self._block.__enter__())

    def __exit__(self, *error: Any) -> None:  # noqa: PYI036  # handed on as they are
        self._block.__exit__(*error)


def sync_transaction(
    connector: "DbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> AbstractContextManager[Transaction]:
    """Return a block as ``transaction_context`` says, over a connector for threads."""
    return _Block(
        unit_of_work(connector, savepoint=savepoint, isolation=isolation, read_only=read_only)
    )


@asynccontextmanager
async def async_transaction(
    core: "DbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> AsyncIterator[AsyncTransaction]:
    """Run a block as ``transaction_context`` says, over a core that runs in greenlets."""
    is_outermost = active_unit(core) is None
    block = unit_of_work(core, savepoint=savepoint, isolation=isolation, read_only=read_only)
    unit = await in_greenlet(block.__enter__)
    try:
        yield AsyncTransaction(unit)
    except BaseException as exc:
        leaving = in_greenlet(block.__exit__, type(exc), exc, exc.__traceback__)
        await (_rolled_back(leaving, unit) if is_outermost else leaving)
        raise
    await in_greenlet(block.__exit__, None, None, None)


async def _rolled_back(leaving: Coroutine[Any, Any, object], unit: UnitOfWork) -> None:
    try:
        await to_the_end(leaving)
    finally:
        forget(unit)  # it was left in a task, and in a context, of its own
