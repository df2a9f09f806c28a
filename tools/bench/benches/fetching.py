"""Orders from each kind of database into models, by the connector and by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from sqlalchemy import select

from saigon.orm.connection import DbConnector
from tools.bench.databases import KINDS, Kind
from tools.bench.orders import ORDERS, Order
from tools.bench.registry import Pair, bench, same_result
from tools.bench.run import current_run

_ONE: Final = select(ORDERS).where(ORDERS.c.id == 7)  # noqa: PLR2004  # any one
_MANY: Final = select(ORDERS).limit(10_000)


@contextmanager
def fetch_one(kind: Kind) -> Iterator[Pair]:
    """Compare one row by its key."""
    with DbConnector(current_run().orders_url(kind)) as connector:

        def by_hand() -> Order:
            with connector.engine.begin() as connection:
                return Order.model_validate(dict(connection.execute(_ONE).one()._mapping))  # noqa: SLF001  # SQLAlchemy's public name

        yield same_result(Pair(partial(connector.fetch_one, _ONE, model=Order), by_hand))


@contextmanager
def fetch_all(kind: Kind) -> Iterator[Pair]:
    """Compare 10,000 rows in a list."""
    with DbConnector(current_run().orders_url(kind)) as connector:

        def by_hand() -> list[Order]:
            with connector.engine.begin() as connection:
                rows = connection.execute(_MANY).all()
            return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # as above

        yield same_result(Pair(partial(connector.fetch_all, _MANY, model=Order), by_hand))


for _kind in KINDS:
    bench(f"fetch-one-{_kind}", peer="engine.begin() by hand", goal="at most 1.1")(
        partial(fetch_one, _kind)
    )
    bench(f"fetch-all-{_kind}", peer="model_validate(dict(row._mapping))", goal="at most 0.625")(
        partial(fetch_all, _kind)
    )
