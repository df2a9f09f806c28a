"""The database as one object for asyncio: what ``DbConnector`` is for threads, awaited."""

import asyncio
import os
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, overload

from pydantic import BaseModel
from sqlalchemy import URL, Engine, Executable, MetaData, Row, Select, SQLColumnExpression

from saigon.model import PaginationTokenCodec, QueryDataParams, QueryDataResult
from saigon.model.interface import CredentialsProvider
from saigon.orm._connector import DbConnector
from saigon.orm._engine.engine import Proxy, make_async_engine
from saigon.orm._greenlets import in_greenlet, to_the_end, wait_for
from saigon.orm._rows.results import ExecuteResult, Parameters
from saigon.orm._transactions.retry import run_in_async_transaction
from saigon.orm._transactions.transaction import AsyncTransaction, async_transaction
from saigon.orm._transactions.unit import IsolationLevel
from saigon.orm.config import DbCredentials
from saigon.orm.exceptions import TransactionUsageError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["AsyncDbConnector"]

ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")


class AsyncDbConnector:
    """A database for asyncio: a bounded pool of connections, shared by the tasks of an event loop.

    It has the rules of ``DbConnector``. A transaction belongs to the task that began it; a task
    started inside, by ``asyncio.gather`` for instance, cannot use it. An event loop has its own
    connections: await ``dispose()`` before it ends.

    Args:
        credentials: As of ``DbConnector``, with the same URLs: the driver for asyncio is chosen
            here.
        credentials_provider: As of ``DbConnector``; asked in a worker thread.
        page_tokens: As of ``DbConnector``, like all that follow.
        pool_size: How many connections are kept.
        max_overflow: How many more may be open at a time.
        pool_timeout: Seconds to wait for a free one.
        pool_recycle: Seconds after which one is replaced.
        ping_timeout: Seconds that a connection of the pool has to answer before it is used.
        connect_timeout: Seconds until an attempt to connect is given up.
        proxy: What stands between.

    Raises:
        DbConfigurationError: The address is not one of PostgreSQL, MySQL, MariaDB or SQLite.
    """

    def __init__(
        self,
        credentials: DbCredentials | URL | str,
        *,
        credentials_provider: CredentialsProvider | None = None,
        page_tokens: PaginationTokenCodec | None = None,
        pool_size: int = 5,
        max_overflow: int = 5,
        pool_timeout: float = 30.0,
        pool_recycle: int = 1_800,
        ping_timeout: float = 5.0,
        connect_timeout: int | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self._core = _Core(
            credentials,
            credentials_provider=credentials_provider,
            page_tokens=page_tokens,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_recycle=pool_recycle,
            ping_timeout=ping_timeout,
            connect_timeout=connect_timeout,
            proxy=proxy,
        )

    @classmethod
    def for_lambda(
        cls,
        credentials: DbCredentials | URL | str,
        *,
        credentials_provider: CredentialsProvider | None = None,
        page_tokens: PaginationTokenCodec | None = None,
        pool_timeout: float = 5.0,
        ping_timeout: float = 2.0,
        connect_timeout: int = 3,
        proxy: Proxy | None = None,
    ) -> Self:
        """Return a connector for a function that is frozen, as ``DbConnector.for_lambda``.

        Its calls have to share an event loop: ``asyncio.run`` in each would connect in each.
        """
        return cls(
            credentials,
            credentials_provider=credentials_provider,
            page_tokens=page_tokens,
            pool_size=1,
            max_overflow=0,
            pool_timeout=pool_timeout,
            ping_timeout=ping_timeout,
            connect_timeout=connect_timeout,
            proxy=proxy,
        )

    @property
    def dialect_name(self) -> str:
        """``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``; known without connecting."""
        return self._core.dialect_name

    @property
    def proxy(self) -> Proxy | None:
        """What shares the server's sessions between clients, as it was given."""
        return self._core.proxy

    @property
    def engine(self) -> "AsyncEngine":
        """The running event loop's SQLAlchemy engine, for migrations.

        Raises:
            saigon.orm.exceptions.MissingExtraError: A driver for asyncio is not installed.
        """
        engine = self._core.engine
        from sqlalchemy.ext.asyncio import AsyncEngine

        return AsyncEngine(engine)

    async def execute(
        self,
        statement: Executable,
        parameters: Parameters | None = None,
        *,
        require_transaction: bool = False,
    ) -> ExecuteResult:
        """Execute a statement and return what it did, as ``DbConnector.execute``."""
        return await in_greenlet(
            self._core.execute, statement, parameters, require_transaction=require_transaction
        )

    @overload
    async def fetch_one(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None: ...

    @overload
    async def fetch_one(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> ModelT | None: ...

    async def fetch_one(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> Any:
        """Return the one row of a statement, as ``DbConnector.fetch_one``."""
        return await in_greenlet(self._core.fetch_row, statement, parameters, model)

    @overload
    async def fetch_all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> list[Row[Any]]: ...

    @overload
    async def fetch_all(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> list[ModelT]: ...

    async def fetch_all(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> list[Any]:
        """Return all rows of a statement, as ``DbConnector.fetch_all``."""
        return await in_greenlet(self._core.fetch_rows, statement, parameters, model)

    async def fetch_scalar(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the first column of the one row, as ``DbConnector.fetch_scalar``."""
        return await in_greenlet(self._core.fetch_scalar, statement, parameters)

    @overload
    def fetch_iter(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Row[Any], None]: ...

    @overload
    def fetch_iter(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> AsyncGenerator[ModelT, None]: ...

    def fetch_iter(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Return the rows one after the other, as ``DbConnector.fetch_iter``.

        A loop that may end early closes it by ``contextlib.aclosing``, which gives back the
        connection at once.
        """
        return _one_by_one(self._core.batches(statement, parameters, model))

    async def fetch_page(
        self,
        model: type[ModelT],
        select: Select[Any],
        params: QueryDataParams[Any],
        *,
        order_by: Sequence[SQLColumnExpression[Any]],
        with_total: bool = False,
        caller: str | None = None,
    ) -> QueryDataResult[ModelT]:
        """Return a page of a listing, as ``DbConnector.fetch_page``; tokens fit both."""
        return await in_greenlet(
            self._core.fetch_page,
            model,
            select,
            params,
            order_by=order_by,
            with_total=with_total,
            caller=caller,
        )

    async def run_in_transaction(
        self,
        fn: Callable[[AsyncTransaction], Awaitable[ResultT]],
        *,
        retries: int = 0,
        isolation: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> ResultT:
        """Run a coroutine function as one unit of work, as ``DbConnector.run_in_transaction``."""
        return await run_in_async_transaction(
            self._core, fn, retries=retries, isolation=isolation, read_only=read_only
        )

    def _transaction(
        self, *, savepoint: bool, isolation: IsolationLevel | None, read_only: bool
    ) -> AbstractAsyncContextManager[AsyncTransaction]:
        return async_transaction(
            self._core, savepoint=savepoint, isolation=isolation, read_only=read_only
        )

    async def reflect(
        self,
        tables: Iterable[str] | None = None,
        *,
        schema: str | None = None,
        metadata: MetaData | None = None,
        retries: int = 0,
        backoff: float = 0.5,
    ) -> MetaData:
        """Read tables from the database, as ``DbConnector.reflect``."""
        return await in_greenlet(
            self._core.reflect,
            tables,
            schema=schema,
            metadata=metadata,
            retries=retries,
            backoff=backoff,
        )

    async def ping(self) -> None:
        """Ask the database for an answer, as ``DbConnector.ping``."""
        await in_greenlet(self._core.ping)

    async def dispose(self) -> None:
        """Close this event loop's connections that are not in use; a later call opens new ones."""
        await in_greenlet(self._core.dispose)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.dispose()

    def __repr__(self) -> str:
        return f"Async{self._core!r}"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncDbConnector is not pickled; make one in each process")


class _Core(DbConnector):
    """The connector as it runs in greenlets, with an engine for each event loop."""

    def fetch_row(self, *args: Any) -> Any:
        """Do what ``fetch_one`` does, whatever the model is."""
        return self._fetch_row(*args)

    def fetch_rows(self, *args: Any) -> list[Any]:
        """Do what ``fetch_all`` does, whatever the model is."""
        return self._fetch_rows(*args)

    def batches(self, *args: Any) -> Generator[list[Any], None, None]:
        """Do what ``fetch_iter`` does, some rows at a time."""
        return self._batches(*args)

    def _home(self) -> Hashable:
        try:
            return os.getpid(), asyncio.get_running_loop()
        except RuntimeError:
            raise TransactionUsageError(
                "expected a running event loop of asyncio; use the connector inside asyncio.run(…)"
            ) from None

    def _make_engine(self) -> Engine:
        for home in list(self._engines):
            if _is_over(home):
                self._engines.pop(home, None)
        return make_async_engine(self._address, self._provider, self._options)

    def _wait(self, seconds: float) -> None:
        wait_for(asyncio.sleep(seconds))


def _is_over(home: Any) -> bool:
    _, loop = home
    return bool(loop.is_closed())


async def _one_by_one(batches: Generator[list[Any], None, None]) -> AsyncGenerator[Any, None]:
    try:
        while (items := await in_greenlet(next, batches, None)) is not None:
            for item in items:
                yield item
    finally:
        await to_the_end(in_greenlet(batches.close))
