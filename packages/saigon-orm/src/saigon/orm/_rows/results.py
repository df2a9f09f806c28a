"""What a statement did, read to its end before its connection goes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, CursorResult, Executable, Insert, Row, UpdateBase
from sqlalchemy.exc import InvalidRequestError

from saigon.orm.exceptions import NoRowsError

__all__ = ["WITHOUT_ROWS", "ExecuteResult", "Parameters", "execute_buffered", "row_keys"]

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""The values of one execution, or of several."""

WITHOUT_ROWS: Final = (
    "expected a statement that returns rows; run it by 'execute', or add returning(…)"
)
_COUNT_ROWS: Final = {"preserve_rowcount": True}


@dataclass(frozen=True, slots=True)
class ExecuteResult:
    """What a statement did, read to its end."""

    rowcount: int
    """How many rows it matched; ``-1`` where the driver does not know."""

    rows: tuple[Row[Any], ...] = ()
    """The rows that it returned."""

    inserted_primary_key: tuple[Any, ...] | None = None
    """The key of the row that a single ``insert()`` made, where it has no RETURNING of its own."""


def execute_buffered(
    connection: Connection, statement: Executable, parameters: Parameters | None
) -> ExecuteResult:
    """Execute a statement and read all that it gives.

    Raises:
        ValueError: The rows to write have different columns.
    """
    if parameters is not None and not isinstance(parameters, Mapping) and not parameters:
        return ExecuteResult(rowcount=0)  # SQLAlchemy would insert a row of defaults
    if isinstance(statement, UpdateBase):
        _check_names(parameters)
    result = connection.execute(statement, parameters, execution_options=_COUNT_ROWS)
    key = _inserted_key(statement, parameters, result)
    rows = tuple(result.fetchall()) if result.returns_rows else ()
    return ExecuteResult(result.rowcount, rows, key)


def _check_names(parameters: Parameters | None) -> None:
    """Refuse rows of different columns: SQLAlchemy drops what the first one has not."""
    if parameters is None or isinstance(parameters, Mapping):
        return
    if any(row.keys() != parameters[0].keys() for row in parameters):
        raise ValueError(
            "expected rows of the same columns; execute the statement for each kind of row"
        )


def row_keys(result: CursorResult[Any]) -> tuple[str, ...]:
    """Return the names of a result's columns.

    Raises:
        NoRowsError: The statement gives no rows at all.
    """
    if not result.returns_rows:
        result.close()
        raise NoRowsError(WITHOUT_ROWS)
    return tuple(result.keys())


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
