"""How a message becomes rows: the protocols, and the builder for one table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel
from sqlalchemy import Column, Executable, Null, Table, insert

from saigon.aws.sqs._database.fit import check_fit, names_of, stored_fields
from saigon.aws.sqs._table.writing import TableWrite, write_table_rows
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector
from saigon.orm.model import row_values_writer

__all__ = ["BatchStatementBuilder", "SqlStatementBuilder", "TableStatementBuilder"]

ModelT_contra = TypeVar("ModelT_contra", bound=BaseModel, contravariant=True)


@runtime_checkable
class SqlStatementBuilder(Protocol[ModelT_contra]):
    """Gives the statement that stores messages, and its parameters for each message.

    Messages come more than once, so the statement must do nothing when a row with the same key
    is stored already. The key's names are given to the forwarder, or as an attribute ``key``.
    """

    def prepare(self, message_type: type[ModelT_contra]) -> Executable:
        """Return the statement; called once, when the forwarder is made.

        Raises:
            ForwarderConfigError: Messages of this type can not be stored.
        """
        ...

    def get_statement_params(
        self, message: ModelT_contra
    ) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        """Return the parameters of one message: of one row, or of several stored together.

        Raises:
            MessageRejectedError: The message is bad; ValueError, TypeError, LookupError,
                ArithmeticError and AttributeError say the same.
        """
        ...


@runtime_checkable
class BatchStatementBuilder(SqlStatementBuilder[ModelT_contra], Protocol[ModelT_contra]):
    """A builder that writes many rows at once in its own way."""

    @property
    def key(self) -> tuple[str, ...]:
        """The names that tell rows apart."""
        ...

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        """Write rows in the transaction that is open, all of them or none.

        Raises:
            MessageRejectedError: A row is bad; the rows are tried again in smaller numbers.
            DbExecutionError: The database refused a row or the statement.
        """
        ...


class TableStatementBuilder:
    """Stores each message as one row of a table, fields into columns of the same name.

    A field that a message leaves out, and whose value is then None, is left to the default of
    its column where it has one.

    Args:
        table: The table; it has a unique constraint on exactly the key.
        key: The column or columns that identify a message's row.
        on_conflict: What happens when the key is stored already.
        newer_by: With UPDATE, the column by which the newer row wins: a version or a time.
        dialect_name: The connector's, so that a time without offset is refused where it would be
            read back as another instant: on MySQL and SQLite.
        keeps_order: Write rows in the order of their messages, for a FIFO queue, instead of the
            order of their keys, which keeps two workers from deadlocks.
    """

    def __init__(
        self,
        table: Table,
        *,
        key: str | Sequence[str],
        on_conflict: OnConflict = OnConflict.IGNORE,
        newer_by: str | None = None,
        dialect_name: str | None = None,
        keeps_order: bool = False,
    ) -> None:
        self._write = TableWrite(
            table, names_of(key), on_conflict, newer_by, keeps_order=keeps_order
        )
        make_writer = partial(row_values_writer, table=table, dialect_name=dialect_name)
        self._writer = lru_cache(maxsize=16)(make_writer)
        self._defaulted = {column.key for column in table.columns if _has_default(column)}

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return self._write.key

    def prepare(self, message_type: type[BaseModel]) -> Executable:
        """Compare the model with the table; return the insert without its conflict clause."""
        check_fit(
            self._write.table,
            message_type,
            key=self._write.key,
            on_conflict=self._write.on_conflict,
            newer_by=self._write.newer_by,
        )
        stored = {name for name, _ in stored_fields(self._write.table, message_type)}
        self._write = replace(self._write, defaulted=frozenset(self._defaulted & stored))
        return insert(self._write.table)

    def get_statement_params(self, message: BaseModel) -> dict[str, Any]:
        """Return the message's row.

        Raises:
            ModelMappingError: A value has no exact form in its column.
            MessageRejectedError: The version is NaN, which no other is newer than.
        """
        values = self._writer(type(message))(message)
        version = values.get(self._write.newer_by or "")
        if version != version:  # noqa: PLR0124  # as NaN alone does
            raise MessageRejectedError(f"{self._write.newer_by} is not a number")
        for name in self._defaulted - message.model_fields_set if self._defaulted else ():
            if name in values and _is_nothing(values[name]):
                del values[name]
        return values

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        """Write rows in the transaction that is open, in the way of its database.

        Raises:
            MessageRejectedError: MySQL left a row out because of a clash on another unique key.
            DbExecutionError: The database refused a row or the statement.
        """
        return write_table_rows(db_connector, self._write, rows)


def _has_default(column: Column[Any]) -> bool:
    is_numbered = column.table.autoincrement_column is column
    return is_numbered or column.default is not None or column.server_default is not None


def _is_nothing(value: Any) -> bool:
    return value is None or isinstance(value, Null)  # which a JSON column is given
