"""The database as one object: statements, transactions, pages, reflection, health."""

import os
import time
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar, overload

from pydantic import BaseModel
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    MetaData,
    Row,
    Select,
    SQLColumnExpression,
    text,
)

from saigon.model import PaginationTokenCodec, QueryDataParams, QueryDataResult
from saigon.model.interface import CredentialsProvider
from saigon.orm._engine.engine import Address, EngineOptions, Proxy, make_engine
from saigon.orm._errors import translated_errors
from saigon.orm._pages.plan import plan_page
from saigon.orm._reflection import reflect_tables, try_again
from saigon.orm._rows.fetching import (
    check_query,
    check_statement,
    fetch_at_most_one,
    fetch_every,
    in_turns,
    one_by_one,
    open_stream,
)
from saigon.orm._rows.reading import row_reader, rows_to_models
from saigon.orm._rows.results import ExecuteResult, Parameters, execute_buffered, row_keys
from saigon.orm._transactions.block import active_unit, own_connection
from saigon.orm._transactions.retry import run_in_transaction
from saigon.orm._transactions.transaction import Transaction, sync_transaction
from saigon.orm._transactions.unit import IsolationLevel, UnitOfWork
from saigon.orm._transactions.watch import watch
from saigon.orm.config import DbCredentials
from saigon.orm.exceptions import (
    PaginationError,
    TransactionUsageError,
)

__all__ = ["DbConnector"]

ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")


class DbConnector:
    """A database: a bounded pool of connections, made when first used, shared by all threads.

    Outside a ``transaction_context`` each call is a transaction of its own, committed on return;
    inside one it is part of it. A process forked from one that has connections makes its own.

    Args:
        credentials: Where the database is: credentials or SQLAlchemy's URL. A SQLite database in
            memory has a single connection, which its threads use in turn.
        credentials_provider: Who logs in, asked at each new connection; it is asked to refresh
            after a login was refused, up to four times in 3.5 seconds.
        page_tokens: Signs the tokens of ``fetch_page``, which refuses to work without.
        pool_size: How many connections are kept.
        max_overflow: How many more may be open at a time.
        pool_timeout: Seconds to wait for a free one.
        pool_recycle: Seconds after which one is replaced.
        ping_timeout: Seconds that a connection of the pool has to answer before it is used;
            after them it is replaced.
        connect_timeout: Seconds until an attempt to connect is given up; by default what the
            credentials or the URL say, or 10.
        proxy: What shares the server's sessions between clients: ``rds`` (RDS Proxy) or
            ``pgbouncer`` (in transaction pooling). Nothing is then set for a whole session.

    Raises:
        DbConfigurationError: The address is not one of PostgreSQL, MySQL, MariaDB or SQLite, or
            that database does not work through such a proxy.
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
        self._address = Address.of(credentials, proxy)
        self._provider = credentials_provider
        self._page_tokens = page_tokens
        self._options = EngineOptions(
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_recycle=pool_recycle,
            ping_timeout=ping_timeout,
            connect_timeout=connect_timeout,
            proxy=proxy,
        )
        # One engine per process: a child must not use, nor close, its parent's connections.
        self._engines: dict[Hashable, Engine] = {}

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
        """Return a connector for a function that is frozen between its calls.

        It has one connection, which is asked for an answer before each use: during a freeze the
        server, or a router on the way, may have given it up without a word.

        See Also:
            https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
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
        return self._address.dialect_name

    @property
    def proxy(self) -> Proxy | None:
        """What shares the server's sessions between clients, as it was given."""
        return self._options.proxy

    @property
    def engine(self) -> Engine:
        """This process's SQLAlchemy engine, for migrations and ``MetaData.create_all``.

        Raises:
            saigon.orm.exceptions.MissingExtraError: The database's driver is not installed.
        """
        home = self._home()
        engine = self._engines.get(home)
        # An engine that lost the race of two threads has not connected, so it is just dropped.
        return engine or self._engines.setdefault(home, self._new_engine())

    def _home(self) -> Hashable:
        return os.getpid()

    def _new_engine(self) -> Engine:
        engine = self._make_engine()
        watch(engine)
        return engine

    def _make_engine(self) -> Engine:
        return make_engine(self._address, self._provider, self._options)

    def execute(
        self,
        statement: Executable,
        parameters: Parameters | None = None,
        *,
        require_transaction: bool = False,
    ) -> ExecuteResult:
        """Execute a statement and return what it did, its rows included.

        Args:
            statement: SQLAlchemy's statement; SQL as text goes in as ``text("…")``.
            parameters: Its values, or a list of such: the statement runs once for each.
            require_transaction: Refuse to run outside a ``transaction_context``.

        Raises:
            DbExecutionError: The database refused it, or could not be reached.
            TransactionUsageError: ``require_transaction``, and there is none.
            TypeError: The statement is a plain string.
            ValueError: The rows to write have different columns.
        """
        check_statement(statement)
        if require_transaction and active_unit(self) is None:
            raise TransactionUsageError(
                "expected to run inside 'with transaction_context(connector)'"
            )
        with self._connection() as connection:
            return execute_buffered(connection, statement, parameters)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        unit = active_unit(self)
        with translated_errors():
            if unit is None:
                with own_connection(self.engine) as connection:
                    yield connection
            else:
                with unit.in_turn():
                    yield unit.connection

    @overload
    def fetch_one(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None: ...

    @overload
    def fetch_one(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> ModelT | None: ...

    def fetch_one(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> Any:
        """Return the one row of a statement, as a model where one is given; ``None`` for none.

        Raises:
            MultipleRowsError: There is more than one.
            NoRowsError: The statement returns no rows at all.
            DbExecutionError: The database refused it, or could not be reached.
            pydantic.ValidationError: The row does not make a model.
        """
        return self._fetch_row(statement, parameters, model)

    def _fetch_row(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None,
        model: type[BaseModel] | None,
    ) -> Any:
        check_query(statement)
        with self._connection() as connection:
            keys, rows = fetch_at_most_one(connection, statement, parameters)
        if not rows or model is None:
            return rows[0] if rows else None
        return row_reader(model, keys, self.dialect_name)(rows[0])

    @overload
    def fetch_all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> list[Row[Any]]: ...

    @overload
    def fetch_all(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> list[ModelT]: ...

    def fetch_all(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> list[Any]:
        """Return all rows of a statement, as models where one is given.

        Raises:
            NoRowsError: The statement returns no rows at all.
            DbExecutionError: The database refused it, or could not be reached.
            pydantic.ValidationError: A row does not make a model.
        """
        return self._fetch_rows(statement, parameters, model)

    def _fetch_rows(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None,
        model: type[BaseModel] | None,
    ) -> list[Any]:
        check_query(statement)
        with self._connection() as connection:
            keys, rows = fetch_every(connection, statement, parameters)
        return self._read(model, keys, rows)

    def _read(
        self, model: type[BaseModel] | None, keys: tuple[str, ...], rows: Sequence[Row[Any]]
    ) -> list[Any]:
        if model is None:
            return list(rows)
        return rows_to_models(model, keys, rows, self.dialect_name)

    def fetch_scalar(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the first column of the one row of a statement; ``None`` for no row.

        Raises:
            MultipleRowsError: There is more than one row.
            NoRowsError: The statement returns no rows at all.
            DbExecutionError: The database refused it, or could not be reached.
        """
        row = self.fetch_one(statement, parameters)
        return None if row is None else row[0]

    @overload
    def fetch_iter(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Generator[Row[Any], None, None]: ...

    @overload
    def fetch_iter(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[ModelT],
    ) -> Generator[ModelT, None, None]: ...

    def fetch_iter(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        model: type[BaseModel] | None = None,
    ) -> Generator[Any, None, None]:
        """Return the rows of a statement one after the other, in memory that does not grow.

        Outside a transaction it holds a connection until it is exhausted or closed. Inside one it
        ends with it, and on MySQL no other statement may run in that transaction meanwhile.

        Raises:
            DbExecutionError: The database refused it, or could not be reached; while iterating.
            TransactionUsageError: Its transaction ended; while iterating.
            NoRowsError: The statement returns no rows at all; while iterating.
            pydantic.ValidationError: A row does not make a model; while iterating.
        """
        return one_by_one(self._batches(statement, parameters, model))

    def _batches(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None,
        model: type[BaseModel] | None,
    ) -> Generator[list[Any], None, None]:
        check_query(statement)
        unit = active_unit(self)
        if unit is None and self._address.in_memory:
            # Its one connection stays free, and the rows are in memory anyway.
            return self._at_once(statement, parameters, model)
        return self._stream(unit, statement, parameters, model)

    def _at_once(self, *query: Any) -> Generator[list[Any], None, None]:
        yield self._fetch_rows(*query)

    def _stream(
        self,
        unit: UnitOfWork | None,
        statement: Executable,
        parameters: Mapping[str, Any] | None,
        model: type[BaseModel] | None,
    ) -> Generator[list[Any], None, None]:
        with translated_errors(), ExitStack() as stack:
            turn = nullcontext if unit is None else unit.in_turn
            with turn():
                connection = self._stream_connection(unit, stack)
                result = open_stream(connection, statement, parameters)
                if unit is not None:  # until it is closed, which on MySQL reads what is left
                    stack.enter_context(unit.streams.reading(result))
                stack.enter_context(result)
                keys = row_keys(result)
            for rows in in_turns(result.partitions(), turn):
                yield self._read(model, keys, rows)

    def _stream_connection(self, unit: UnitOfWork | None, stack: ExitStack) -> Connection:
        if unit is None:
            return stack.enter_context(own_connection(self.engine))
        return unit.connection

    def fetch_page(
        self,
        model: type[ModelT],
        select: Select[Any],
        params: QueryDataParams[Any],
        *,
        order_by: Sequence[SQLColumnExpression[Any]],
        with_total: bool = False,
        caller: str | None = None,
    ) -> QueryDataResult[ModelT]:
        """Return a page of a listing, at the same cost however far it is from the first.

        Rows that stay are neither lost nor repeated by what is inserted or deleted between two
        pages.

        Args:
            model: Its fields are the columns of the select.
            select: What is listed, with its filters, without order and limit.
            params: How much, and the token of the page before.
            order_by: Columns, ``asc(column)`` or ``desc(column)``, all NOT NULL; the primary key
                is appended in the last one's direction, which makes the order unique.
            with_total: Count all rows too, which reads them all.
            caller: Who asks, where a token should serve nobody else.

        Raises:
            saigon.orm.exceptions.PaginationError: The query cannot be paged without losing rows,
                or the connector has no ``page_tokens``.
            saigon.model.pagination.InvalidPaginationToken: The token is not of this query.
            DbExecutionError: The database refused it, or could not be reached.
        """
        if self._page_tokens is None:
            raise PaginationError(
                "pages need DbConnector(…, page_tokens=PaginationTokenCodec(…)), which signs tokens"
            )
        page = plan_page(
            model,
            select,
            params,
            order_by=order_by,
            caller=caller,
            codec=self._page_tokens,
            dialect=self.engine.dialect,
        )
        with self._connection() as connection:
            return page.read(connection, with_total=with_total)

    def run_in_transaction(
        self,
        fn: Callable[[Transaction], ResultT],
        *,
        retries: int = 0,
        isolation: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> ResultT:
        """Run a function as one unit of work and return what it returns.

        Args:
            fn: Called with the transaction, anew for each attempt.
            retries: How often it may run again after a serialization failure or a deadlock, after
                a random delay of at most 0.05 seconds, doubled each time up to 2.
            isolation: As of ``transaction_context``.
            read_only: As of ``transaction_context``.

        Raises:
            DbExecutionError: The last attempt failed.
            TransactionUsageError: Retries inside a surrounding transaction.
        """
        return run_in_transaction(
            self, fn, retries=retries, isolation=isolation, read_only=read_only
        )

    def _transaction(
        self, *, savepoint: bool, isolation: IsolationLevel | None, read_only: bool
    ) -> AbstractContextManager[Transaction]:
        return sync_transaction(self, savepoint=savepoint, isolation=isolation, read_only=read_only)

    def reflect(
        self,
        tables: Iterable[str] | None = None,
        *,
        schema: str | None = None,
        metadata: MetaData | None = None,
        retries: int = 0,
        backoff: float = 0.5,
    ) -> MetaData:
        """Read tables from the database.

        Args:
            tables: Their names, and those that they refer to; all by default.
            schema: Where they are, if not in the default schema.
            metadata: Where they go; a new one by default.
            retries: How often to ask again while the database cannot be reached; in a
                transaction, which is lost then, never.
            backoff: Seconds before the first such attempt, doubled each time up to 30; shortened
                at random by half of it at most.

        Raises:
            TableNotFoundError: A named table is not there.
            DbExecutionError: The database refused it, or could not be reached.
        """
        target = MetaData() if metadata is None else metadata
        only = None if tables is None else list(tables)

        def ask() -> MetaData:
            with self._connection() as connection:
                return reflect_tables(connection, target, only, schema)

        again = 0 if active_unit(self) else retries
        return try_again(ask, retries=again, backoff=backoff, wait=self._wait)

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def ping(self) -> None:
        """Ask the database for an answer; in a transaction, on its connection.

        Raises:
            DbExecutionError: It gives none.
        """
        with self._connection() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close the connections that are not in use; a later call opens new ones."""
        engine = self._engines.pop(self._home(), None)
        if engine is not None:
            engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.dispose()

    def __repr__(self) -> str:
        return f"DbConnector({self.dialect_name}, database={self._address.url.database!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a DbConnector is not pickled; make one in each process")
