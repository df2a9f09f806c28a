"""The unit of work as a function: run again where that helps, or wrapped around a function."""

import functools
import inspect
import logging
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar, runtime_checkable

from saigon.orm._transaction import (
    IsolationLevel,
    Transaction,
    active_transaction,
    transaction_context,
)
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError

if TYPE_CHECKING:
    from saigon.orm._connector import DbConnector

__all__ = ["run_in_transaction", "transactional"]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 2.0
_logger = logging.getLogger(__name__)


@runtime_checkable
class HasDbConnector(Protocol):
    """An object with a database, such as an ``AbstractDbManager``."""

    @property
    def db_connector(self) -> "DbConnector":
        """The database."""
        ...


def run_in_transaction(
    connector: "DbConnector",
    fn: Callable[[Transaction], ResultT],
    *,
    retries: int,
    isolation: IsolationLevel | None,
    read_only: bool,
) -> ResultT:
    """Run a function as a unit of work, again after a serialization failure or a deadlock."""
    if retries < 0:
        raise ValueError(f"expected retries >= 0, got {retries}")
    if retries and active_transaction(connector) is not None:
        raise TransactionUsageError(
            "retries inside a transaction: what failed was all of it, so only the outermost "
            "unit of work can run again; give the retries there"
        )
    for attempt in range(retries):
        try:
            return _run_once(connector, fn, isolation, read_only=read_only)
        except DbExecutionError as exc:
            if not exc.retryable:
                raise
            _logger.info("transaction runs again after %s, attempt %s", exc.kind, attempt + 1)
        time.sleep(_jittered_delay(attempt))
    return _run_once(connector, fn, isolation, read_only=read_only)


def _run_once(
    connector: "DbConnector",
    fn: Callable[[Transaction], ResultT],
    isolation: IsolationLevel | None,
    *,
    read_only: bool,
) -> ResultT:
    with transaction_context(connector, isolation=isolation, read_only=read_only) as transaction:
        result = fn(transaction)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(
                "expected a plain function; a coroutine's body would run after the commit"
            )
        return result


def _jittered_delay(attempt: int) -> float:
    # "Full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    return random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt))  # noqa: S311  # no secret


def transactional(
    connector: "DbConnector | None" = None,
    *,
    retries: int = 0,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Callable[[Callable[P, ResultT]], Callable[P, ResultT]]:
    """Make a function, or a method of a manager, one unit of work.

    Args:
        connector: The database; left out on a method of an object with a ``db_connector``, such
            as an ``AbstractDbManager``.
        retries: How often it may run again after a serialization failure or a deadlock; it must
            not be called inside a transaction then.
        isolation: As of ``transaction_context``.
        read_only: As of ``transaction_context``.

    Raises:
        TypeError: The function is a coroutine or generator function: it would return before its
            work begins.
    """

    def decorate(function: Callable[P, ResultT]) -> Callable[P, ResultT]:
        _check_plain(function)

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> ResultT:
            return run_in_transaction(
                connector or _connector_of(args),
                lambda _: function(*args, **kwargs),
                retries=retries,
                isolation=isolation,
                read_only=read_only,
            )

        return wrapper

    return decorate


def _check_plain(function: Callable[..., object]) -> None:
    is_lazy = (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )
    if is_lazy:
        raise TypeError(
            f"expected a plain function, got {function!r}: its body would run after the commit"
        )


def _connector_of(args: tuple[object, ...]) -> "DbConnector":
    if args and isinstance(args[0], HasDbConnector):
        return args[0].db_connector
    raise TypeError(
        "expected transactional(connector), or a method of an object with a db_connector"
    )
