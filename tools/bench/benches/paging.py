"""A page far into a listing of a SQLite table, by its token and by OFFSET."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text

from saigon.model import BaseModelNoExtra, PaginationTokenCodec, QueryDataParams
from saigon.orm.connection import DbConnector
from tools.bench.registry import Pair, bench, same_result

_ROWS: Final = 200_000
_SIZE: Final = 50
_SKIPPED: Final = 150_000
"""The number of rows before the far page."""

_TABLE: Final = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("customer", String(40), nullable=False),
)
_FILL: Final = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
    "INSERT INTO orders (id, customer) SELECT n, 'customer ' || (n % 1000) FROM numbers"
)


class Order(BaseModelNoExtra):
    """A row of the table."""

    id: int
    customer: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The table, and three ways to a page of it."""

    connector: DbConnector
    token: str
    """The token of the far page."""

    def first_page(self) -> list[Order]:
        """Read the rows from the first on."""
        return self._page(QueryDataParams(max_count=_SIZE))

    def far_page(self) -> list[Order]:
        """Read the rows that the token leads to."""
        return self._page(QueryDataParams(max_count=_SIZE, page_token=self.token))

    def offset_page(self) -> list[Order]:
        """Read the same rows by their number."""
        page = select(_TABLE).order_by(_TABLE.c.id).limit(_SIZE).offset(_SKIPPED)
        return self.connector.fetch_all(page, model=Order)

    def _page(self, params: QueryDataParams[None]) -> list[Order]:
        page = self.connector.fetch_page(Order, select(_TABLE), params, order_by=[_TABLE.c.id])
        return list(page.data)


@bench("paging-far-page", peer="page 1", goal="at most 2")
@contextmanager
def far_page_against_the_first() -> Iterator[Pair]:
    """Compare a far page with the first one."""
    with _listing() as listing:
        yield Pair(ours=listing.far_page, peer=listing.first_page)


@bench("paging-far-page-offset", peer="OFFSET", goal="at most 0.04 at 500,000 rows before it")
@contextmanager
def far_page_against_offset() -> Iterator[Pair]:
    """Compare a far page with the same page by OFFSET, both read into models."""
    with _listing() as listing:
        yield same_result(Pair(ours=listing.far_page, peer=listing.offset_page))


@contextmanager
def _listing() -> Iterator[Listing]:
    codec = PaginationTokenCodec([SecretStr("a key for one measurement")])
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+pysqlite:///{Path(folder) / 'orders.db'}"
        with DbConnector(url, page_tokens=codec) as connector:
            _TABLE.metadata.create_all(connector.engine)
            connector.execute(_FILL, {"count": _ROWS})
            params = QueryDataParams[None](max_count=_SKIPPED)
            far = connector.fetch_page(Order, select(_TABLE), params, order_by=[_TABLE.c.id])
            yield Listing(connector, str(far.page_token))
