"""Keyset pagination: the next page begins behind the last row's key, not after an offset.

See Also:
    https://use-the-index-luke.com/no-offset
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Dialect,
    Over,
    Select,
    SQLColumnExpression,
    UnaryExpression,
    and_,
    literal,
    or_,
    tuple_,
    type_coerce,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.types import NULLTYPE

from saigon.orm._pages.carried import has_exact_order
from saigon.orm._pages.identity import Rows, rows_of
from saigon.orm.exceptions import PaginationError

__all__ = ["KEY_PREFIX", "Order", "keyset_order", "page_statement", "without_entities"]

KEY_PREFIX: Final = "saigon_key_"


@dataclass(frozen=True, slots=True)
class Order:
    """One column of an order.

    Its values are read and bound as the driver has them: the database orders by nothing else,
    whatever type is declared.
    """

    column: ColumnElement[Any]
    descending: bool = False

    def expression(self) -> ColumnElement[Any]:
        """Return what stands in ORDER BY."""
        return self.column.desc() if self.descending else self.column.asc()

    def key(self) -> ColumnElement[Any]:
        """Return what is compared, and read for the token."""
        return type_coerce(self.column, NULLTYPE)

    def bound(self, value: Any) -> ColumnElement[Any]:
        """Return a value as a parameter, which the database gives the column's type."""
        return literal(value, NULLTYPE)

    def behind(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the comparison with what stands before it in the order."""
        return self.key() < value if self.descending else self.key() > value

    def not_before(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the comparison with what stands before it, or equal to it."""
        return self.key() <= value if self.descending else self.key() >= value


def keyset_order(
    select: Select[Any], order_by: Sequence[SQLColumnExpression[Any]], dialect: Dialect
) -> tuple[Order, ...]:
    """Return an order in which no two rows are equal, by appending the primary key.

    Raises:
        PaginationError: Rows could be lost or come twice.
    """
    _check_select(select)
    rows = rows_of(select)
    given = [_direction(element) for element in order_by]
    descending = bool(given) and given[-1][1]
    keys = [(key, descending) for key in rows.key]
    unique: dict[int, Order] = {}  # what comes again decides nothing any more
    for column, down in (*given, *keys):
        if hash(column) not in unique:
            _check_column(column, rows, dialect)
            unique[hash(column)] = Order(column, down)
    return tuple(unique.values())


def without_entities(select: Any) -> Select[Any]:
    """Return a select with the columns of the mapped classes in it.

    The ORM would join what a class wants loaded with it, and repeat rows; models take columns.

    Raises:
        PaginationError: It is no select.
    """
    if not isinstance(select, Select):
        raise PaginationError(
            f"expected a select(…), got a {type(select).__name__}; a union has no key by which to "
            "page: page each part of it"
        )
    if all(map(_is_column, select.column_descriptions)):
        return select
    return select.with_only_columns(*select.selected_columns, maintain_column_froms=True)


def _is_column(described: Mapping[str, Any]) -> bool:
    return isinstance(described["expr"], ClauseElement | SQLColumnExpression)


def _check_select(select: Select[Any]) -> None:
    clauses = {
        "ORDER BY": select._order_by_clauses,  # noqa: SLF001  # there is no public way to ask
        "GROUP BY": select._group_by_clauses,  # noqa: SLF001
        "DISTINCT": select._distinct,  # noqa: SLF001
        "LIMIT or OFFSET": select._has_row_limiting_clause,  # noqa: SLF001
        "a window function": any(map(_has_window, select.selected_columns)),
    }
    present = [name for name, clause in clauses.items() if clause]
    if present:
        raise PaginationError(
            f"a select with {', '.join(present)} cannot be paged; give the order as order_by and "
            "put the rest into a subquery, which selects the columns it groups by"
        )


def _has_window(column: ColumnElement[Any]) -> bool:
    # It would see what follows the page before, not the whole.
    return any(isinstance(part, Over) for part in visitors.iterate(column))


def _direction(element: Any) -> tuple[ColumnElement[Any], bool]:
    # An attribute of a mapped class stands for a column; sqlalchemy.orm is slow to import.
    if hasattr(element, "__clause_element__"):
        element = element.__clause_element__()
    if not isinstance(element, UnaryExpression):
        return element, False
    if element.modifier not in {operators.asc_op, operators.desc_op}:
        raise PaginationError(
            f"expected columns, asc(column) or desc(column) in order_by, got {element}; as they "
            "are NOT NULL, it need not be said where NULL goes"
        )
    return element.element, element.modifier is operators.desc_op


def _why_not(column: Any, rows: Rows) -> str:
    if not isinstance(column, Column):
        return f"expected a table's column in order_by, got the expression {column}"
    if column.table in rows.optional:
        return f"order column {column} is of an outer join's other side, where it may be NULL"
    if column.table not in rows.tables:
        return f"order column {column} is of no table that the select reads"
    return (
        f"order column {column} may be NULL: no comparison finds such rows again; declare it NOT "
        "NULL, or order by a column that is"
    )


def _check_column(column: ColumnElement[Any], rows: Rows, dialect: Dialect) -> None:
    if not rows.never_null(column):
        raise PaginationError(_why_not(column, rows))
    if not has_exact_order(column.type, dialect):
        raise PaginationError(
            f"order column {column} of type {column.type!r} has no exact order in a token; "
            "expected integers, decimals, text, dates, UUIDs, bytes or booleans, on MySQL of at "
            "most 256 characters (21 where a collation has levels) or 1,024 bytes, which is what "
            "it sorts by"
        )


def page_statement(
    select: Select[Any],
    orders: Sequence[Order],
    after: Sequence[Any] | None,
    limit: int,
    dialect: Dialect,
) -> Select[Any]:
    """Return the statement of a page and one row more, which tells whether another follows.

    The values of the order columns are added under names that begin with ``KEY_PREFIX``.
    """
    keys = [order.key().label(f"{KEY_PREFIX}{i}") for i, order in enumerate(orders)]
    page = select.add_columns(*keys).order_by(*(order.expression() for order in orders))
    if after is not None:
        page = page.where(_behind(orders, after, dialect))
    return page.limit(limit + 1)


def _behind(
    orders: Sequence[Order], values: Sequence[Any], dialect: Dialect
) -> ColumnElement[bool]:
    bounds = [order.bound(value) for order, value in zip(orders, values, strict=True)]
    one_direction = len({order.descending for order in orders}) == 1
    # MySQL reads row values without using the index for more than equality.
    if one_direction and dialect.name in {"postgresql", "sqlite"}:
        row = tuple_(*(order.key() for order in orders))
        place = tuple_(*bounds)
        return row < place if orders[0].descending else row > place
    return _expanded(orders, bounds)


def _expanded(orders: Sequence[Order], bounds: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    """Write the comparison out: ``a >= :a AND (a > :a OR (a = :a AND …))``.

    The first term is implied by the second; it is what lets the planner enter the index there.
    """
    order, bound = orders[0], bounds[0]
    if len(orders) == 1:
        return order.behind(bound)
    rest = and_(order.key() == bound, _expanded(orders[1:], bounds[1:]))
    return and_(order.not_before(bound), or_(order.behind(bound), rest))
