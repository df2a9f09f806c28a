"""What tells the rows of a select apart: columns never NULL and never equal in two rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

from sqlalchemy import (
    BinaryExpression,
    BooleanClauseList,
    Column,
    ColumnElement,
    FromClause,
    Join,
    Label,
    Select,
    TableClause,
    types,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import AliasedReturnsRows

from saigon.orm.exceptions import PaginationError

__all__ = ["Rows", "rows_of"]

_EQUAL_ONCE: Final = (types.Integer, types.Uuid)  # text may be equal under a join's own collation


@dataclass(frozen=True, slots=True)
class Rows:
    """What a select reads.

    Attributes:
        key: No two rows have the same values in these columns.
        tables: Those that have a row in each row.
        optional: Those that an outer join may leave without one.
    """

    key: tuple[ColumnElement[Any], ...] = ()
    tables: tuple[FromClause, ...] = ()
    optional: tuple[FromClause, ...] = ()

    def beside(self, other: "Rows") -> "Rows":
        """Return the rows of both, each with each."""
        return Rows(
            self.key + other.key, self.tables + other.tables, self.optional + other.optional
        )

    def never_null(self, column: ColumnElement[Any]) -> bool:
        """Tell whether a column has a value in each row."""
        return getattr(column, "table", None) in self.tables and not _nullable(column)


def rows_of(select: Select[Any]) -> Rows:
    """Return what a select reads.

    Raises:
        PaginationError: Nothing is known that tells its rows apart.
    """
    rows = reduce(Rows.beside, map(_rows, select.get_final_froms()), Rows())
    if select._group_by_clauses:  # noqa: SLF001  # there is no public way to ask
        rows = replace(rows, key=tuple(select._group_by_clauses))  # noqa: SLF001
    if not rows.key:
        raise PaginationError("no table is read whose primary key could make the order unique")
    return rows


def _rows(source: FromClause) -> Rows:
    match source:
        case Join():
            return _joined(source, _rows(source.left), _rows(source.right))
        case AliasedReturnsRows():
            return Rows(tuple(_renamed_key(source)), (source,))
        case TableClause() if source.primary_key:
            return Rows(tuple(source.primary_key), (source,))
        case _:
            raise PaginationError(f"no primary key to make the order unique: {source}")


def _joined(join: Join, left: Rows, right: Rows) -> Rows:
    if join.full:
        raise PaginationError("a full outer join has rows without a key on either side")
    at_most_one = _determined(right, join.onclause)
    if at_most_one:
        right = replace(right, key=())
    elif join.isouter:
        raise PaginationError(
            "an outer join repeats rows unless its ON clause gives the whole primary key, of "
            "integers or UUIDs, of the table that it joins; read others by scalar subqueries"
        )
    elif _determined(left, join.onclause):
        left = replace(left, key=())
    if join.isouter:
        right = Rows(optional=right.tables + right.optional)
    return left.beside(right)


def _determined(rows: Rows, on: Any) -> bool:
    """Tell whether a join's condition leaves at most one of these rows for each of the others."""
    own = (*rows.tables, *rows.optional)
    given = {
        column
        for pair in _equal_columns(on)
        for column, other in (pair, pair[::-1])
        if column.table in own and other.table not in own
    }
    return bool(rows.key) and given.issuperset(rows.key)


def _equal_columns(on: Any) -> Iterator[tuple[Column[Any], Column[Any]]]:
    match on:
        case Grouping():
            yield from _equal_columns(on.element)
        case BooleanClauseList(operator=operators.and_):
            for clause in on.clauses:
                yield from _equal_columns(clause)
        case BinaryExpression(
            operator=operators.eq, left=Column() as left, right=Column() as right
        ):
            sides = left.type, right.type
            if any(all(isinstance(side, kind) for side in sides) for kind in _EQUAL_ONCE):
                yield left, right
        case _:
            return


def _renamed_key(source: AliasedReturnsRows) -> Iterator[ColumnElement[Any]]:
    if isinstance(source.element, Select) and source.element._distinct:  # noqa: SLF001
        raise PaginationError("a subquery with DISTINCT has no key; use GROUP BY instead")
    for column in _rows_within(source).key:
        outer = next((outer for inner, outer in _columns(source) if _same(inner, column)), None)
        if outer is None:
            raise PaginationError(
                f"the subquery {source.name} has to select {column}: it tells its rows apart"
            )
        yield outer


def _rows_within(source: AliasedReturnsRows) -> Rows:
    match source.element:
        case Select():
            return rows_of(source.element)
        case FromClause():
            return _rows(source.element)
        case _:
            raise PaginationError(f"no primary key to make the order unique: {source.name}")


def _columns(source: AliasedReturnsRows) -> Iterator[tuple[ColumnElement[Any], ColumnElement[Any]]]:
    """Give the columns of an alias, each behind what it stands for."""
    element: Any = source.element
    inner = element.selected_columns if isinstance(element, Select) else element.c
    for column, outer in zip(inner, source.c, strict=True):
        yield (column.element if isinstance(column, Label) else column), outer


def _same(one: ColumnElement[Any], other: ColumnElement[Any]) -> bool:
    return hash(one) == hash(other)  # as SQLAlchemy compares what the ORM has annotated


def _nullable(column: ColumnElement[Any]) -> bool:
    if not isinstance(column, Column):
        return True
    source: FromClause = column.table
    if isinstance(source, AliasedReturnsRows):
        inner = next(inner for inner, outer in _columns(source) if _same(outer, column))
        return not _rows_within(source).never_null(inner)
    return bool(column.nullable) and not _is_row_id(column)


def _is_row_id(column: Column[Any]) -> bool:
    # SQLite has INTEGER PRIMARY KEY declared without NOT NULL, though it never is NULL.
    return tuple(column.table.primary_key) == (column,) and isinstance(column.type, types.Integer)
