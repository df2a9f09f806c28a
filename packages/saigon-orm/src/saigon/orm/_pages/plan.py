"""One page of a listing: planned before anything is asked, then read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import Connection, Dialect, Select, SQLColumnExpression, func
from sqlalchemy import select as sqlalchemy_select

from saigon.model import PaginationTokenCodec, QueryDataParams, QueryDataResult
from saigon.orm._pages.fingerprint import listing_of
from saigon.orm._pages.keyset import page_statement, without_entities
from saigon.orm._rows.reading import rows_to_models
from saigon.orm.exceptions import PaginationError

__all__ = ["PagePlan", "plan_page"]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PagePlan(Generic[ModelT]):
    """A page that is known to be sound and whose token, if it had one, was genuine."""

    model: type[ModelT]
    select: Select[Any]
    statement: Select[Any]
    size: int
    key_width: int
    query: str
    codec: PaginationTokenCodec
    dialect_name: str

    def read(self, connection: Connection, *, with_total: bool) -> QueryDataResult[ModelT]:
        """Ask for the page and, where wanted, for the number of all rows."""
        result = connection.execute(self.statement)
        keys, rows = tuple(result.keys()), result.fetchall()
        width = len(keys) - self.key_width
        page, following = rows[: self.size], rows[self.size :]
        shown = (row[:width] for row in page)
        page_type = QueryDataResult.__class_getitem__(self.model)
        return cast("type[QueryDataResult[ModelT]]", page_type)(
            data=rows_to_models(self.model, keys[:width], shown, self.dialect_name),
            page_token=self._token(page[-1][width:], following[0][width:]) if following else None,
            total=self._total(connection) if with_total else None,
        )

    def _token(self, last: Sequence[Any], following: Sequence[Any]) -> str:
        if last == following:
            raise PaginationError(
                "two rows have one key, so the next page would not have the second: expected a "
                "primary key that is unique, and no function that gives many rows, such as unnest"
            )
        try:
            return self.codec.encode(last, query=self.query)
        except (TypeError, ValueError) as exc:
            raise PaginationError(f"the last row has no place in a token: {exc}") from exc

    def _total(self, connection: Connection) -> int:
        statement = sqlalchemy_select(func.count()).select_from(self.select.subquery())
        return int(connection.execute(statement).scalar_one())


def plan_page(
    model: type[ModelT],
    select: Select[Any],
    params: QueryDataParams[Any],
    *,
    order_by: Sequence[SQLColumnExpression[Any]],
    caller: str | None,
    codec: PaginationTokenCodec,
    dialect: Dialect,
) -> PagePlan[ModelT]:
    """Check a query and its token.

    Raises:
        PaginationError: The query cannot be paged without losing rows.
        TypeError: ``order_by`` is not a list.
        saigon.model.pagination.InvalidPaginationToken: The token is not of this query.
    """
    if not isinstance(order_by, list | tuple):
        raise TypeError(f"expected a list of columns as order_by, got a {type(order_by).__name__}")
    select = without_entities(select)
    listing = listing_of(select, order_by, dialect)
    query = listing.fingerprint(params, caller)
    after = None if params.page_token is None else codec.decode(params.page_token, query=query)
    return PagePlan(
        model=model,
        select=select,
        statement=page_statement(select, listing.orders, after, params.max_count, dialect),
        size=params.max_count,
        key_width=len(listing.orders),
        query=query,
        codec=codec,
        dialect_name="mysql" if dialect.name == "mariadb" else dialect.name,
    )
