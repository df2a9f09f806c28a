"""Pools that tell who holds their connections, and that end with the last of them."""

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from saigon.orm._engine.holders import Holders
from saigon.orm.exceptions import DbExecutionError

__all__ = ["pool_class"]


def pool_class(base: type[QueuePool], holders: Holders) -> type[QueuePool]:
    """Return a class of pools whose time-out tells who holds the connections."""

    class WatchedPool(base):  # type: ignore[valid-type,misc]  # a base that is a variable
        _is_disposed = False

        def connect(self) -> PoolProxiedConnection:
            try:
                fairy: PoolProxiedConnection = super().connect()
            except PoolTimeoutError as exc:
                raise DbExecutionError(holders.message(), kind="timeout") from exc
            return fairy

        def dispose(self) -> None:
            super().dispose()
            self._is_disposed = True

        def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
            # A disposed pool has no other end than the garbage collector's. Who waits for a
            # connection still gets the place.
            if self._is_disposed:
                record.close()
            super()._do_return_conn(record)

    # Its logger is SQLAlchemy's, named after the class.
    WatchedPool.__module__, WatchedPool.__name__ = base.__module__, base.__name__
    return WatchedPool
