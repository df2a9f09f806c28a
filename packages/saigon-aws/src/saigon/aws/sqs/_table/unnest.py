"""PostgreSQL: many rows in one statement, with a typed array for each column."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import ColumnClause, Insert, Table, bindparam, column, func, select, types
from sqlalchemy.dialects.postgresql import insert

from saigon.aws.sqs._table.arrays import ArrayLiteral, array_literal
from saigon.aws.sqs._table.columns import of_each_column
from saigon.aws.sqs._table.on_conflict import execute_rows, upserting
from saigon.aws.sqs._table.rows import Values, grouped_by_names
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

__all__ = ["write_unnested"]

_SECOND_OF_A_KEY: Final = "21000"


def write_unnested(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    """Write rows, those of the same columns in one statement; return how many are new or newer.

    Raises:
        MessageRejectedError: The database calls keys equal that are not, as ``citext`` does.
    """
    try:
        groups = grouped_by_names(rows, keeps_order=write.keeps_order)
        return sum(_write_group(connector, write, group) for group in groups)
    except DbExecutionError as error:
        if error.sqlstate != _SECOND_OF_A_KEY:
            raise
    raise MessageRejectedError("two keys that the database calls equal")


def _write_group(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    names = tuple(rows[0])
    arrays = _arrays(connector, write.table, names, rows)
    if arrays is None:
        return execute_rows(connector, upserting(insert(write.table), write, names), rows)
    statement = _unnesting(write, names, tuple(array.element_type for array in arrays))
    texts = {_parameter(number): array.text for number, array in enumerate(arrays)}
    return connector.execute(statement, texts).rowcount


def _arrays(
    connector: DbConnector, table: Table, names: Sequence[str], rows: Sequence[Values]
) -> list[ArrayLiteral] | None:
    """Return an array for each column; None where each row has to be a statement of its own."""
    if _makes_values(table, names):
        return None
    dialect = connector.engine.dialect
    return of_each_column(table, names, rows, partial(array_literal, dialect=dialect))


def _makes_values(table: Table, names: Sequence[str]) -> bool:
    """Tell whether a column that is left out calls Python for the value of each row."""
    defaults = (col.default for col in table.columns if col.key not in names)
    return any(default is not None and default.is_callable for default in defaults)


@lru_cache(maxsize=256)
def _unnesting(write: TableWrite, names: tuple[str, ...], element_types: tuple[str, ...]) -> Insert:
    arrays = [
        bindparam(_parameter(number), type_=_ArrayText(element_type))
        for number, element_type in enumerate(element_types)
    ]
    columns: list[ColumnClause[Any]] = [column(f"value_{number}") for number in range(len(names))]
    given = func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    statement = insert(write.table).from_select(names, select(*given.columns))
    return upserting(statement, write, names).inline()


def _parameter(number: int) -> str:
    return f"array_{number}"


class _ArrayText(types.UserDefinedType[str]):
    """An array that is given as its literal."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, element_type: str) -> None:
        self.element_type = element_type

    def get_col_spec(self, **_options: Any) -> str:
        return f"{self.element_type}[]"
