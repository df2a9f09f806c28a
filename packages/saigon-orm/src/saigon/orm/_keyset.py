"""Keyset pagination: the next page begins behind the last row's key, not after an offset.

See Also:
    https://use-the-index-luke.com/no-offset
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import (
    ColumnElement,
    Dialect,
    FromClause,
    Join,
    Label,
    Select,
    UnaryExpression,
    and_,
    literal,
    or_,
    tuple_,
    types,
)
from sqlalchemy.sql import operators

from saigon.model import QueryDataParams
from saigon.orm.exceptions import PaginationError

__all__ = ["KEY_PREFIX", "Order", "keyset_order", "page_statement", "query_fingerprint"]

KEY_PREFIX: Final = "saigon_key_"
_NO_KEYS: Final = (
    types.Float,
    types.JSON,
    types.ARRAY,
    types.Enum,
    types.Time,
    types.Interval,
)


@dataclass(frozen=True, slots=True)
class Order:
    """One column of an order."""

    column: ColumnElement[Any]
    descending: bool = False

    def expression(self) -> ColumnElement[Any]:
        """Return what stands in ORDER BY."""
        return self.column.desc() if self.descending else self.column.asc()

    def behind(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the comparison with what stands before it in the order."""
        return self.column < value if self.descending else self.column > value

    def not_before(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the comparison with what stands before it, or equal to it."""
        return self.column <= value if self.descending else self.column >= value

    def bound(self, value: Any) -> ColumnElement[Any]:
        """Return a value as a parameter of the column's type."""
        return literal(value, self.column.type)


def keyset_order(select: Select[Any], order_by: Sequence[ColumnElement[Any]]) -> tuple[Order, ...]:
    """Return an order in which no two rows are equal, by appending the primary key.

    Raises:
        PaginationError: Rows could be lost or come twice.
    """
    _check_select(select)
    sources = list(_sources(select.get_final_froms()))
    given = tuple(map(_order, order_by))
    descending = bool(given) and given[-1].descending
    seen = {order.column for order in given}
    appended = (Order(key, descending) for key in _primary_key(sources) if key not in seen)
    orders = (*given, *appended)
    for order in orders:
        _check_column(order.column, sources)
    return orders


def _check_select(select: Select[Any]) -> None:
    clauses = {
        "ORDER BY": select._order_by_clauses,  # noqa: SLF001  # there is no public way to ask
        "GROUP BY": select._group_by_clauses,  # noqa: SLF001
        "DISTINCT": select._distinct,  # noqa: SLF001
        "LIMIT or OFFSET": select._has_row_limiting_clause,  # noqa: SLF001
    }
    present = [name for name, clause in clauses.items() if clause]
    if present:
        raise PaginationError(
            f"a select with {', '.join(present)} cannot be paged; give the order as order_by and "
            "put the rest into a subquery with a key of its own"
        )


def _order(element: ColumnElement[Any]) -> Order:
    if isinstance(element, UnaryExpression):
        if element.modifier is operators.desc_op:
            return Order(element.element, descending=True)
        if element.modifier is operators.asc_op:
            return Order(element.element)
        raise PaginationError("expected columns, asc(column) or desc(column) in order_by")
    return Order(element)


def _primary_key(sources: Sequence[FromClause]) -> list[ColumnElement[Any]]:
    keyless = [str(source) for source in sources if not source.primary_key]
    if keyless or not sources:
        raise PaginationError(f"no primary key to make the order unique: {', '.join(keyless)}")
    return [column for source in sources for column in source.primary_key]


def _sources(froms: Sequence[FromClause]) -> Iterator[FromClause]:
    for source in froms:
        if not isinstance(source, Join):
            yield source
        elif source.isouter or source.full:
            raise PaginationError(
                "an outer join has rows without a key on one side; page over the inner side and "
                "read the other by scalar subqueries"
            )
        else:
            yield from _sources([source.left, source.right])


def _check_column(column: ColumnElement[Any], sources: Sequence[FromClause]) -> None:
    nullable = getattr(column, "nullable", None)
    if nullable is None or isinstance(column, Label):
        raise PaginationError(f"expected a table's column in order_by, got the expression {column}")
    if nullable:
        raise PaginationError(
            f"order column {column} may be NULL: no comparison finds such rows again; declare it "
            "NOT NULL, or order by a column that is"
        )
    if getattr(column, "table", None) not in sources:
        raise PaginationError(f"order column {column} is of no table that the select reads")
    if isinstance(column.type, _NO_KEYS):
        raise PaginationError(f"order column {column} has no exact order in a token")


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
    keys = [order.column.label(f"{KEY_PREFIX}{i}") for i, order in enumerate(orders)]
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
        row = tuple_(*(order.column for order in orders))
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
    rest = and_(order.column == bound, _expanded(orders[1:], bounds[1:]))
    return and_(order.not_before(bound), or_(order.behind(bound), rest))


def query_fingerprint(
    select: Select[Any],
    orders: Sequence[Order],
    params: QueryDataParams[Any],
    dialect: Dialect,
    caller: str | None,
) -> str:
    """Return what a page token is bound to: statement, filters, order, selection and caller."""
    ordered = select.order_by(*(order.expression() for order in orders))
    dialect_class: Any = type(dialect)
    compiled = ordered.compile(dialect=_unconnected(dialect_class))
    values = sorted((name, repr(value)) for name, value in compiled.params.items())
    selection = params.selection
    chosen = selection.model_dump_json() if isinstance(selection, BaseModel) else repr(selection)
    return json.dumps([str(compiled), values, chosen, caller])


@lru_cache
def _unconnected(make_dialect: Callable[[], Dialect]) -> Dialect:
    # A dialect writes some things differently once it has met its server.
    return make_dialect()
