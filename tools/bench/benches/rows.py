"""Rows that have been read already, into models."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from saigon.orm._rows.reading import rows_to_models
from saigon.orm.connection import DbConnector
from tools.bench.orders import ORDERS, Order
from tools.bench.registry import Pair, bench, same_result
from tools.bench.run import current_run


@bench("rows-to-models", peer="model_validate(dict(row._mapping))", goal="at most 0.5")
@contextmanager
def rows_in_models() -> Iterator[Pair]:
    """Compare the conversion of 10,000 rows alone."""
    with DbConnector(current_run().orders_url("sqlite")) as connector:
        rows = connector.fetch_all(select(ORDERS).limit(10_000))

    def by_hand() -> list[Order]:
        return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # SQLAlchemy's public name

    def ours() -> list[Order]:
        return rows_to_models(Order, tuple(ORDERS.c.keys()), rows, "sqlite")

    yield same_result(Pair(ours=ours, peer=by_hand))
