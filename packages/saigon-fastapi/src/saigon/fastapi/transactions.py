"""An endpoint as one database transaction; needs the extra ``[orm]``."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from anyio import CancelScope, CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import Depends

from saigon.fastapi.exceptions import MissingExtraError

if TYPE_CHECKING:
    from saigon.orm.connection import DbConnector, IsolationLevel, Transaction

__all__ = ["db_transaction"]

_MAX_WAITING: Final = 40  # threads; as many as AnyIO gives to endpoints
_waiting: Final[RunVar[CapacityLimiter]] = RunVar("saigon_transactions_waiting")


def db_transaction(
    connector: "DbConnector",
    *,
    isolation: "IsolationLevel | None" = None,
    read_only: bool = False,
) -> Any:
    """Make a dependency that puts the endpoint into one transaction.

    It is committed when the endpoint has returned and its answer is serialised, before anything of
    the answer is sent; so a commit that fails is answered as an error. It is rolled back when the
    endpoint raises, an ``HTTPException`` too. Sync and async endpoints and the dependencies after
    it belong to the transaction; background tasks and the chunks of a streamed answer do not.

    Example:
        ``@router.post("/orders", dependencies=[db_transaction(connector)])``, or
        ``Annotated[Transaction, db_transaction(connector)]`` for the transaction itself.

    Args:
        connector: The database.
        isolation: The isolation level, where it is not the database's default.
        read_only: Refuse to write.

    Raises:
        MissingExtraError: ``saigon-fastapi[orm]`` is not installed.
    """
    try:
        from saigon.orm.detached import DetachedTransaction
    except ModuleNotFoundError as exc:
        raise MissingExtraError("orm", purpose="a transaction for an endpoint") from exc

    async def transaction() -> AsyncIterator["Transaction"]:
        detached = DetachedTransaction(connector, isolation=isolation, read_only=read_only)
        # Not to be cancelled halfway: a connection would be left in its transaction.
        with CancelScope(shield=True):
            await anyio.to_thread.run_sync(detached.begin, limiter=_waiting_limiter())
        try:
            with detached.lent() as lent:
                yield lent
        except BaseException as exc:
            await _end(detached.end, exc)
            raise
        await _end(detached.end, None)

    return Depends(transaction, scope="function")


def _waiting_limiter() -> CapacityLimiter:
    # Not the endpoints' limiter: requests that wait for a connection would take all its threads,
    # and the endpoints that hold the connections would find none to finish in.
    try:
        return _waiting.get()
    except LookupError:
        limiter = CapacityLimiter(_MAX_WAITING)
        _waiting.set(limiter)
        return limiter


async def _end(end: Any, error: BaseException | None) -> None:
    with CancelScope(shield=True):
        await anyio.to_thread.run_sync(end, error, limiter=CapacityLimiter(1))
