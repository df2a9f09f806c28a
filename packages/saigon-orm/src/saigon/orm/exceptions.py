"""The errors of ``saigon.orm``.

::

    SaigonOrmError
     +-- DbExecutionError        what the database answered, or that it did not answer
     +-- DbConfigurationError    (also ValueError) the address or the credentials cannot be used
     +-- TransactionUsageError   (also RuntimeError) the unit of work is used where it may not be
     +-- MultipleRowsError       one row was expected and more came
     +-- NoRowsError             (also TypeError) rows were expected of a statement that has none
     +-- TableNotFoundError      (also LookupError) the database has no such table
     +-- PaginationError         (also ValueError) the query cannot be paged without losing rows
     +-- ModelMappingError       (also ValueError) a model's value does not fit the column

    ImportError
     +-- MissingExtraError
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, TypeAlias

from saigon.model import extras

__all__ = [
    "DbConfigurationError",
    "DbErrorKind",
    "DbExecutionError",
    "MissingExtraError",
    "ModelMappingError",
    "MultipleRowsError",
    "NoRowsError",
    "PaginationError",
    "SaigonOrmError",
    "TableNotFoundError",
    "TransactionUsageError",
]

DbErrorKind: TypeAlias = Literal[
    "unique",
    "foreign_key",
    "not_null",
    "check",
    "serialization",
    "deadlock",
    "timeout",
    "connection",
    "read_only",
    "auth",
    "aborted",
    "other",
]


class SaigonOrmError(Exception):
    """The root of what ``saigon.orm`` raises of its own."""


class DbExecutionError(SaigonOrmError):
    """The database refused a statement, or could not be reached.

    Its text holds no parameters and no address. ``__cause__`` is the driver's error, whose text
    may quote values; for the kind ``aborted`` it is the error that aborted the transaction.

    Attributes:
        kind: What happened, the same word on every database.
        sqlstate: The five characters of the SQL standard, where the driver gives them.
        error_code: MySQL's error number, or SQLite's extended result code.
        constraint: The name of the violated constraint; SQLite names the columns instead, as
            ``table.column``.
        retryable: Nothing of the transaction was kept, and the same again may succeed.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: DbErrorKind,
        sqlstate: str | None = None,
        error_code: int | None = None,
        constraint: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: DbErrorKind = kind
        self.sqlstate: str | None = sqlstate
        self.error_code: int | None = error_code
        self.constraint: str | None = constraint
        self.retryable: bool = retryable

    def __reduce__(self) -> tuple[Callable[[str], "DbExecutionError"], tuple[str]]:
        """Let the error cross process boundaries, without its cause."""
        rebuild = partial(
            type(self),
            kind=self.kind,
            sqlstate=self.sqlstate,
            error_code=self.error_code,
            constraint=self.constraint,
            retryable=self.retryable,
        )
        return rebuild, (str(self),)


class DbConfigurationError(SaigonOrmError, ValueError):
    """The address or the credentials cannot be used; the message never quotes a password."""


class TransactionUsageError(SaigonOrmError, RuntimeError):
    """A transaction is used after its end, or elsewhere than where it began."""


class MultipleRowsError(SaigonOrmError):
    """A statement that may give one row gave more."""


class NoRowsError(SaigonOrmError, TypeError):
    """A statement that returns no rows, such as an INSERT without RETURNING, was to be fetched."""


class TableNotFoundError(SaigonOrmError, LookupError):
    """The database has no table of the given name, or it is not visible to this user."""


class PaginationError(SaigonOrmError, ValueError):
    """The query cannot be paged by key without losing or repeating rows."""


class ModelMappingError(SaigonOrmError, ValueError):
    """A model's field has no column, or its value has no exact form there."""


class MissingExtraError(extras.MissingExtraError):
    """A database driver is not installed; the message names the extra that brings it."""

    distribution: ClassVar[str] = "saigon-orm"
