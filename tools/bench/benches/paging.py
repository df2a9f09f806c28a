"""A page in the middle of a long listing: by its token, as the first page, and as others do it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import UnaryExpression, asc, desc, select

from saigon.model import PaginationTokenCodec, QueryDataParams
from saigon.model.pagination import PageValue
from saigon.orm.connection import DbConnector
from tools.bench.databases import KINDS, Kind
from tools.bench.orders import ORDERS, Order
from tools.bench.registry import Pair, Setup, Unavailable, bench, same_result
from tools.bench.run import current_run

_SIZE: Final = 50
_ID: Final = ORDERS.c.id
_ORDERS: Final[dict[str, tuple[UnaryExpression[Any], ...]]] = {
    "inserted": (asc(ORDERS.c.placed_on), asc(_ID)),
    "scattered": (asc(ORDERS.c.customer), asc(_ID)),
    "mixed": (desc(ORDERS.c.customer), asc(_ID)),
}
"""By their values rows lie in the table as they were inserted, or all over it."""


class _NotingCodec(PaginationTokenCodec):
    """Notes what a token is bound to, so that one of another place can be made."""

    query = ""

    def encode(self, values: Sequence[PageValue], *, query: str) -> str:
        self.query = query
        return super().encode(values, query=query)


@dataclass(frozen=True, slots=True)
class Listing:
    """The orders in an order, and the ways to a page of them."""

    connector: DbConnector
    order_by: tuple[UnaryExpression[Any], ...]
    skipped: int
    """The number of rows before the far page."""

    place: tuple[Any, ...]
    """The values of the order's columns in the last row before it."""

    token: str
    """The token of the far page."""

    def first_page(self) -> list[Order]:
        """Read the rows from the first on."""
        return self._page(QueryDataParams(max_count=_SIZE))

    def far_page(self) -> list[Order]:
        """Read the rows that the token leads to."""
        return self._page(QueryDataParams(max_count=_SIZE, page_token=self.token))

    def _page(self, params: QueryDataParams[Any]) -> list[Order]:
        page = self.connector.fetch_page(Order, select(ORDERS), params, order_by=self.order_by)
        return list(page.data)

    def offset_page(self) -> list[Order]:
        """Read the rows of the far page by their number, by hand."""
        page = select(ORDERS).order_by(*self.order_by).limit(_SIZE).offset(self.skipped)
        with self.connector.engine.begin() as connection:
            rows = connection.execute(page).all()
        return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # SQLAlchemy's public name

    def sqlakeyset_page(self) -> list[Order]:
        """Read the rows of the far page by sqlakeyset."""
        from sqlakeyset import select_page

        listing = select(ORDERS).order_by(*self.order_by)
        with self.connector.engine.begin() as connection:
            page = select_page(connection, listing, per_page=_SIZE, page=(self.place, False))
        _ = page.paging.bookmark_next
        return [Order.model_validate(dict(row._mapping)) for row in page]  # noqa: SLF001  # as above


_Peer = Callable[[Listing], list[Order]]


@contextmanager
def _listing(kind: Kind, order: str) -> Iterator[Listing]:
    run, order_by = current_run(), _ORDERS[order]
    skipped = run.rows // 2 // _SIZE * _SIZE - _SIZE
    codec = _NotingCodec([SecretStr("a key for one measurement")])
    with DbConnector(run.orders_url(kind), page_tokens=codec) as connector:
        params = QueryDataParams[Any](max_count=1)
        connector.fetch_page(Order, select(ORDERS), params, order_by=order_by)
        before = (
            select(*(each.element for each in order_by))
            .order_by(*order_by)
            .limit(1)
            .offset(skipped - 1)
        )
        place = tuple(connector.fetch_all(before)[0])
        token = codec.encode(place, query=codec.query)
        yield Listing(connector, order_by, skipped, place, token)


@contextmanager
def _against(peer: _Peer, kind: Kind, order: str) -> Iterator[Pair]:
    with _listing(kind, order) as listing:
        yield same_result(Pair(ours=listing.far_page, peer=partial(peer, listing)))


@contextmanager
def _against_first(kind: Kind, order: str) -> Iterator[Pair]:
    with _listing(kind, order) as listing:
        yield Pair(ours=listing.far_page, peer=listing.first_page)


@contextmanager
def _against_sqlakeyset(kind: Kind, order: str) -> Iterator[Pair]:
    if find_spec("sqlakeyset") is None:
        raise Unavailable(
            "sqlakeyset is not installed; the environment of 'hatch run bench' has it"
        )
    with _against(Listing.sqlakeyset_page, kind, order) as pair:
        yield pair


_PEERS: Final[tuple[tuple[str, str, str, Callable[[Kind, str], Any]], ...]] = (
    ("first", "page 1", "at most 2", _against_first),
    ("offset", "OFFSET", "at most 0.04 at page 10,000", partial(_against, Listing.offset_page)),
    ("sqlakeyset", "sqlakeyset", "below 1", _against_sqlakeyset),
)


def _register() -> None:
    for kind in KINDS:
        for order in _ORDERS:
            for name, peer, goal, against in _PEERS:
                setup: Setup = partial(against, kind, order)
                bench(f"paging-{kind}-{order}-{name}", peer=peer, goal=goal)(setup)


_register()
