"""The data layer of an asyncio service."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, SQLColumnExpression, Table

from saigon.model import QueryDataParams, QueryDataResult
from saigon.orm._async_connector import AsyncDbConnector
from saigon.orm._entities import delete_entity_statement, select_entity_statement
from saigon.orm._tables import ReflectedTables
from saigon.orm._transactions.transaction import AsyncTransaction, transaction_context
from saigon.orm._transactions.unit import IsolationLevel

__all__ = ["AbstractAsyncDbManager"]

ModelT = TypeVar("ModelT", bound=BaseModel)


class AbstractAsyncDbManager:
    """The base of an asyncio service's data layer: what ``AbstractDbManager`` is for threads.

    Its tables are read from the database when they are first used, so that making a manager
    does not connect. Methods, each an ``async def``, may be made units of work by
    ``@transactional()``.

    Args:
        db_connector: The database.
        schema: Where its tables are, if not in the default schema.
        reflect_retries: As of ``AbstractDbManager``.
        reflect_backoff: As of ``AbstractDbManager``.
    """

    def __init__(
        self,
        db_connector: AsyncDbConnector,
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
    def db_connector(self) -> AsyncDbConnector:
        """The database."""
        return self._db_connector

    async def table(self, name: str) -> Table:
        """Return a table as the database describes it, read once.

        Raises:
            TableNotFoundError: It is not there.
            DbExecutionError: The database could not be reached.
        """
        found = self._tables.get(name)
        if found is not None:
            return found
        read = await self.db_connector.reflect(
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
    ) -> AbstractAsyncContextManager[AsyncTransaction]:
        """Return the ``transaction_context`` of this database."""
        return transaction_context(
            self.db_connector, savepoint=savepoint, isolation=isolation, read_only=read_only
        )

    async def paginate(
        self,
        model: type[ModelT],
        statement: Select[Any],
        params: QueryDataParams[Any],
        *,
        order_by: Sequence[SQLColumnExpression[Any]],
        with_total: bool = False,
        caller: str | None = None,
    ) -> QueryDataResult[ModelT]:
        """Return a page of a listing, as ``AsyncDbConnector.fetch_page``."""
        return await self.db_connector.fetch_page(
            model, statement, params, order_by=order_by, with_total=with_total, caller=caller
        )

    async def get_entity(self, model: type[ModelT], table: Table | str, key: Any) -> ModelT | None:
        """Return the row of a primary key as a model, as ``AbstractDbManager.get_entity``."""
        found = await self._table(table)
        return await self.db_connector.fetch_one(select_entity_statement(found, key), model=model)

    async def delete_entity(self, table: Table | str, key: Any) -> bool:
        """Delete the row of a primary key and tell whether it was there."""
        found = await self._table(table)
        done = await self.db_connector.execute(delete_entity_statement(found, key))
        return done.rowcount > 0

    async def _table(self, table: Table | str) -> Table:
        return await self.table(table) if isinstance(table, str) else table
