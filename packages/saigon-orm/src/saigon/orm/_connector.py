"""The database as one object: statements, transactions, pages, reflection, health."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeAlias, TypeVar, overload

from pydantic import BaseModel
from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, Insert, Row, event, text
from sqlalchemy.exc import InvalidRequestError

from saigon.model import PaginationTokenCodec
from saigon.model.interface import CredentialsProvider
from saigon.orm._engine import Address, EngineOptions, make_engine
from saigon.orm._errors import translated_errors
from saigon.orm._transaction import active_transaction, note_error
from saigon.orm.config import DbCredentials
from saigon.orm.exceptions import MultipleRowsError, TransactionUsageError
from saigon.orm.model import row_reader

__all__ = ["DbConnector", "ExecuteResult", "Parameters"]

ModelT = TypeVar("ModelT", bound=BaseModel)
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""The values of one execution, or of several."""

_COUNT_ROWS: Final = {"preserve_rowcount": True}
_STREAM_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ExecuteResult:
    """What a statement did, read to its end."""

    rowcount: int
    """How many rows it matched; ``-1`` where the driver does not know."""

    rows: tuple[Row[Any], ...] = ()
    """The rows that it returned."""

    inserted_primary_key: tuple[Any, ...] | None = None
    """The key of the row that a single ``insert()`` made, where it has no RETURNING of its own."""


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
    ) -> None:
        self._address = Address.of(credentials)
        self._provider = credentials_provider
        self._page_tokens = page_tokens
        self._options = EngineOptions(pool_size, max_overflow, pool_timeout, pool_recycle)
        # One engine per process: a child must not use, nor close, its parent's connections.
        self._engines: dict[int, Engine] = {}

    @property
    def dialect_name(self) -> str:
        """``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``; known without connecting."""
        return self._address.dialect_name

    @property
    def engine(self) -> Engine:
        """This process's SQLAlchemy engine, for migrations and ``MetaData.create_all``.

        Raises:
            MissingExtraError: The database's driver is not installed.
        """
        process = os.getpid()
        engine = self._engines.get(process)
        # An engine that lost the race of two threads has not connected, so it is just dropped.
        return engine or self._engines.setdefault(process, self._new_engine())

    def _new_engine(self) -> Engine:
        engine = make_engine(self._address, self._provider, self._options)
        event.listen(engine, "handle_error", note_error)
        return engine

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
        """
        _check_statement(statement)
        with self._connection(require_transaction=require_transaction) as connection:
            result = connection.execute(statement, parameters, execution_options=_COUNT_ROWS)
            key = _inserted_key(statement, parameters, result)
            rows = tuple(result.fetchall()) if result.returns_rows else ()
            return ExecuteResult(result.rowcount, rows, key)

    @contextmanager
    def _connection(self, *, require_transaction: bool = False) -> Iterator[Connection]:
        transaction = active_transaction(self)
        if transaction is None and require_transaction:
            raise TransactionUsageError(
                "expected to run inside 'with transaction_context(connector)'"
            )
        with translated_errors():
            if transaction is not None:
                yield transaction.connection
            else:
                with self.engine.begin() as connection:
                    yield connection

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
    ) -> Row[Any] | BaseModel | None:
        """Return the one row of a statement, as a model where one is given; ``None`` for none.

        Raises:
            MultipleRowsError: There is more than one.
            DbExecutionError: The database refused it, or could not be reached.
            pydantic.ValidationError: The row does not make a model.
        """
        _check_statement(statement)
        with self._connection() as connection:
            result = connection.execute(statement, parameters)
            keys, rows = result.keys(), result.fetchmany(2)
            result.close()
        if len(rows) > 1:
            raise MultipleRowsError(
                "expected at most one row; narrow the statement or use fetch_all"
            )
        if not rows or model is None:
            return rows[0] if rows else None
        return row_reader(model, tuple(keys), self.dialect_name)(rows[0])

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
            DbExecutionError: The database refused it, or could not be reached.
            pydantic.ValidationError: A row does not make a model.
        """
        _check_statement(statement)
        with self._connection() as connection:
            result = connection.execute(statement, parameters)
            keys, rows = result.keys(), result.fetchall()
        if model is None:
            return list(rows)
        return list(map(row_reader(model, tuple(keys), self.dialect_name), rows))

    def fetch_scalar(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the first column of the one row of a statement; ``None`` for no row.

        Raises:
            MultipleRowsError: There is more than one row.
            DbExecutionError: The database refused it, or could not be reached.
        """
        row = self.fetch_one(statement, parameters)
        return None if row is None else row[0]

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            DbExecutionError: It gives none.
        """
        with translated_errors(), self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close the connections that are not in use; a later call opens new ones."""
        engine = self._engines.pop(os.getpid(), None)
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


def _check_statement(statement: object) -> None:
    if isinstance(statement, str):
        raise TypeError("expected a statement, got a string; wrap it in sqlalchemy.text(…)")


def _inserted_key(
    statement: Executable, parameters: Parameters | None, result: CursorResult[Any]
) -> tuple[Any, ...] | None:
    is_single = parameters is None or isinstance(parameters, Mapping)
    if not isinstance(statement, Insert) or not is_single:
        return None
    try:
        key = result.inserted_primary_key
    except InvalidRequestError:  # it has a RETURNING of its own
        return None
    return None if key is None else tuple(key)
