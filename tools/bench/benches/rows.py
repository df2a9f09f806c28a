"""Reading rows of a SQLite table into models."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Date, Integer, MetaData, String, Table, select

from saigon.model import BaseModelNoExtra
from saigon.orm.connection import DbConnector
from tools.bench.registry import Pair, bench, same_result

_WANTED: Final = 7
_TABLE: Final = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("customer", String(40), nullable=False),
    Column("product", String(40), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("note", String(80)),
    Column("placed_on", Date, nullable=False),
)


class Order(BaseModelNoExtra):
    """A row of the table."""

    id: int
    customer: str
    product: str
    quantity: int
    note: str | None
    placed_on: date


@bench("rows-fetch-all", peer="model_validate(dict(row._mapping))", goal="at most 0.625")
@contextmanager
def fetch_all() -> Iterator[Pair]:
    """Compare 10,000 rows in a list of models, the query included."""
    with _connector(10_000) as connector:

        def by_hand() -> list[Order]:
            with connector.engine.begin() as connection:
                rows = connection.execute(select(_TABLE)).all()
            return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # SQLAlchemy's public name

        ours = lambda: connector.fetch_all(select(_TABLE), model=Order)  # noqa: E731
        yield same_result(Pair(ours=ours, peer=by_hand))


@bench("rows-fetch-one", peer="engine.begin() and model_validate", goal="at most 1.1")
@contextmanager
def fetch_one() -> Iterator[Pair]:
    """Compare one row by its key in a model."""
    one = select(_TABLE).where(_TABLE.c.id == _WANTED)
    with _connector(100) as connector:

        def by_hand() -> Order:
            with connector.engine.begin() as connection:
                row = connection.execute(one).one()
            return Order.model_validate(dict(row._mapping))  # noqa: SLF001  # as above

        ours = lambda: connector.fetch_one(one, model=Order)  # noqa: E731
        yield same_result(Pair(ours=ours, peer=by_hand))


@contextmanager
def _connector(count: int) -> Iterator[DbConnector]:
    rows = [
        {
            "id": n,
            "customer": f"customer {n % 100}",
            "product": f"product {n % 7}",
            "quantity": n % 9 + 1,
            "note": None,
            "placed_on": date.fromordinal(738_945 + n % 365),
        }
        for n in range(count)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        DbConnector(f"sqlite+pysqlite:///{Path(folder) / 'orders.db'}") as connector,
    ):
        _TABLE.metadata.create_all(connector.engine)
        connector.execute(_TABLE.insert(), rows)
        yield connector
