"""An endpoint as one database transaction; needs the extra ``[orm]``."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import anyio.to_thread
from anyio import CancelScope, CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import Depends

from saigon.fastapi.exceptions import MissingExtraError

if TYPE_CHECKING:
    from saigon.orm.connection import (
        AsyncDbConnector,
        AsyncTransaction,
        DbConnector,
        IsolationLevel,
        Transaction,
    )

__all__ = ["db_transaction"]

_MAX_WAITING: Final = 40  # threads; as many as AnyIO gives to endpoints
_waiting: Final[RunVar["WeakKeyDictionary[DbConnector, CapacityLimiter]"]] = RunVar(
    "saigon_transactions_waiting"
)


def db_transaction(
    connector: "DbConnector | AsyncDbConnector",
    *,
    isolation: "IsolationLevel | None" = None,
    read_only: bool = False,
) -> Any:
    """Make a dependency that puts the endpoint into one transaction.

    It is committed when the endpoint has returned and its answer is serialised, before anything of
    the answer is sent; so a commit that fails is answered as an error. It is rolled back when the
    endpoint raises, an ``HTTPException`` too. Sync and async endpoints and the dependencies after
    it belong to the transaction; background tasks and the chunks of a streamed answer do not. Over
    an ``AsyncDbConnector`` it is for async endpoints.

    Example:
        ``@router.post("/orders", dependencies=[db_transaction(connector)])``, or
        ``Annotated[Transaction, db_transaction(connector)]`` for the transaction itself (an
        ``AsyncTransaction`` over an ``AsyncDbConnector``).

    Args:
        connector: The database.
        isolation: The isolation level, where it is not the database's default.
        read_only: Refuse to write.

    Raises:
        MissingExtraError: ``saigon-fastapi[orm]`` is not installed.
    """
    try:
        from saigon.orm.connection import AsyncDbConnector, transaction_context
        from saigon.orm.detached import DetachedTransaction
    except ModuleNotFoundError as exc:
        raise MissingExtraError("orm", exc.name) from exc

    if isinstance(connector, AsyncDbConnector):

        async def async_transaction() -> AsyncIterator["AsyncTransaction"]:
            async with transaction_context(
                connector, isolation=isolation, read_only=read_only
            ) as lent:
                yield lent

        return Depends(async_transaction, scope="function")

    async def transaction() -> AsyncIterator["Transaction"]:
        detached = DetachedTransaction(connector, isolation=isolation, read_only=read_only)
        if detached.joins:  # nothing to wait for; in the queue its own connection would be stuck
            detached.begin()
        else:
            await _run(detached.begin, limiter=_waiting_limiter(connector))
        try:
            with detached.lent() as lent:
                yield lent
        except BaseException as exc:
            await _run(detached.end, exc, limiter=CapacityLimiter(1))
            raise
        await _run(detached.end, limiter=CapacityLimiter(1))

    return Depends(transaction, scope="function")


def _waiting_limiter(connector: "DbConnector") -> CapacityLimiter:
    # Not the endpoints' limiter: requests that wait for a connection would take all its threads,
    # and the endpoints that hold the connections would find none to finish in. Nor that of another
    # connector, whose queue the holder of a connection may have to pass.
    try:
        limiters = _waiting.get()
    except LookupError:
        limiters = WeakKeyDictionary()
        _waiting.set(limiters)
    return limiters.setdefault(connector, CapacityLimiter(_MAX_WAITING))


async def _run(step: Callable[..., None], *args: object, limiter: CapacityLimiter) -> None:
    # Not to be cancelled halfway: a connection would be left in its transaction.
    with CancelScope(shield=True):
        await anyio.to_thread.run_sync(step, *args, limiter=limiter)
