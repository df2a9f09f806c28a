"""The data layer of a service."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, SQLColumnExpression, Table

from saigon.model import QueryDataParams, QueryDataResult
from saigon.orm._async_manager import AbstractAsyncDbManager
from saigon.orm._connector import DbConnector
from saigon.orm._entities import delete_entity_statement, select_entity_statement
from saigon.orm._tables import ReflectedTables
from saigon.orm._transactions.transaction import Transaction, transaction_context
from saigon.orm._transactions.unit import IsolationLevel

__all__ = ["AbstractAsyncDbManager", "AbstractDbManager"]

ModelT = TypeVar("ModelT", bound=BaseModel)


class AbstractDbManager:
    """The base of a service's data layer: derive from it and add the service's own queries.

    Its tables are read from the database when they are first used, so that making a manager
    does not connect. Methods may be made units of work by ``@transactional()``.

    Args:
        db_connector: The database.
        schema: Where its tables are, if not in the default schema.
        reflect_retries: How often a table is asked for again while the database cannot be
            reached, because it is still starting for instance.
        reflect_backoff: Seconds before the first such attempt, as of ``DbConnector.reflect``: by
            default a table is given up after 8 to 16 seconds.
    """

    def __init__(
        self,
        db_connector: DbConnector,
        *,
        schema: str | None = None,
        reflect_retries: int = 5,
        reflect_backoff: float = 0.5,
    ) -> None:
        self._db_connector = db_connector
        self._tables = ReflectedTables(schema)
        self._reflect_retries = reflect_retries
        self._reflect_backoff = reflect_backoff

    @property
    def db_connector(self) -> DbConnector:
        """The database."""
        return self._db_connector

    def table(self, name: str) -> Table:
        """Return a table as the database describes it, read once.

        Raises:
            TableNotFoundError: It is not there.
            DbExecutionError: The database could not be reached.
        """
        found = self._tables.get(name)
        if found is not None:
            return found
        read = self.db_connector.reflect(
            [name],
            schema=self._tables.schema,
            retries=self._reflect_retries,
            backoff=self._reflect_backoff,
        )
        return self._tables.add(name, read)

    def transaction(
        self,
        *,
        savepoint: bool = False,
        isolation: IsolationLevel | None = None,
        read_only: bool = False,
    ) -> AbstractContextManager[Transaction]:
        """Return the ``transaction_context`` of this database."""
        return transaction_context(
            self.db_connector, savepoint=savepoint, isolation=isolation, read_only=read_only
        )

    def paginate(
        self,
        model: type[ModelT],
        statement: Select[Any],
        params: QueryDataParams[Any],
        *,
        order_by: Sequence[SQLColumnExpression[Any]],
        with_total: bool = False,
        caller: str | None = None,
    ) -> QueryDataResult[ModelT]:
        """Return a page of a listing, as ``DbConnector.fetch_page`` does."""
        return self.db_connector.fetch_page(
            model, statement, params, order_by=order_by, with_total=with_total, caller=caller
        )

    def get_entity(self, model: type[ModelT], table: Table | str, key: Any) -> ModelT | None:
        """Return the row of a primary key as a model, ``None`` if there is none.

        Args:
            model: Its fields are the table's columns.
            table: The table, or its name.
            key: The value of the primary key, a tuple for one of several columns.

        Raises:
            ValueError: The key has another number of columns.
        """
        found = self._table(table)
        return self.db_connector.fetch_one(select_entity_statement(found, key), model=model)

    def delete_entity(self, table: Table | str, key: Any) -> bool:
        """Delete the row of a primary key and tell whether it was there.

        Raises:
            ValueError: The key has another number of columns.
            DbExecutionError: Of the kind ``foreign_key``, where another row refers to it.
        """
        found = self._table(table)
        return self.db_connector.execute(delete_entity_statement(found, key)).rowcount > 0

    def _table(self, table: Table | str) -> Table:
        return self.table(table) if isinstance(table, str) else table
