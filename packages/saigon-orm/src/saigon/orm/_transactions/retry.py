"""The unit of work as a function: run again where that helps."""

import inspect
import logging
import random
import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from saigon.orm._transactions.block import active_unit
from saigon.orm._transactions.transaction import (
    AsyncTransaction,
    Transaction,
    async_transaction,
    sync_transaction,
)
from saigon.orm.exceptions import DbExecutionError, TransactionUsageError

if TYPE_CHECKING:
    from saigon.orm._connector import DbConnector

__all__ = ["run_in_async_transaction", "run_in_transaction"]

ResultT = TypeVar("ResultT")

_FIRST_DELAY: Final = 0.05
_LONGEST_DELAY: Final = 2.0
_logger = logging.getLogger(__name__)


def run_in_transaction(
    connector: "DbConnector", fn: Callable[[Transaction], ResultT], *, retries: int, **options: Any
) -> ResultT:
    """Run a function as a unit of work, again after a serialization failure or a deadlock."""
    _check_retries(connector, retries)
    for attempt in range(retries):
        try:
            return _run_once(connector, fn, **options)
        except DbExecutionError as exc:
            _check_retryable(exc, attempt)
        time.sleep(_jittered_delay(attempt))
    return _run_once(connector, fn, **options)


async def run_in_async_transaction(
    core: "DbConnector",
    fn: Callable[[AsyncTransaction], Awaitable[ResultT]],
    *,
    retries: int,
    **options: Any,
) -> ResultT:
    """Run a coroutine function as ``run_in_transaction`` does a function."""
    _check_retries(core, retries)
    for attempt in range(retries):
        try:
            return await _await_once(core, fn, **options)
        except DbExecutionError as exc:
            _check_retryable(exc, attempt)
        await sleep(_jittered_delay(attempt))
    return await _await_once(core, fn, **options)


def _check_retries(connector: "DbConnector", retries: int) -> None:
    if retries < 0:
        raise ValueError(f"expected retries >= 0, got {retries}")
    if retries and active_unit(connector) is not None:
        raise TransactionUsageError(
            "retries inside a transaction: what failed was all of it, so only the outermost "
            "unit of work can run again; give the retries there"
        )


def _check_retryable(error: DbExecutionError, attempt: int) -> None:
    if not error.retryable:
        raise error
    _logger.info("transaction runs again after %s, attempt %s", error.kind, attempt + 1)


def _run_once(
    connector: "DbConnector", fn: Callable[[Transaction], ResultT], **options: Any
) -> ResultT:
    with sync_transaction(connector, **options) as transaction:
        result = fn(transaction)
        if isinstance(result, Generator | Coroutine):
            result.close()
            raise TypeError(
                "expected a plain function; the body of a coroutine, or of a generator, would run "
                "after the commit"
            )
        return result


async def _await_once(
    core: "DbConnector", fn: Callable[[AsyncTransaction], Awaitable[ResultT]], **options: Any
) -> ResultT:
    async with async_transaction(core, **options) as transaction:
        result = fn(transaction)
        if not inspect.isawaitable(result):
            raise TypeError("expected a coroutine function: over an AsyncDbConnector, async def")
        return await result


def _jittered_delay(attempt: int) -> float:
    # "Full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    return random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempt, 64)))  # noqa: S311  # no secret
