"""Orders from each kind of database into models, by the connector and by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from sqlalchemy import Engine, select

from saigon.orm.connection import DbConnector
from tools.bench.databases import KINDS, Kind
from tools.bench.orders import ORDERS, Order
from tools.bench.plain import plain_engine
from tools.bench.registry import Pair, bench, same_result
from tools.bench.run import current_run

_ONE: Final = select(ORDERS).where(ORDERS.c.id == 7)  # noqa: PLR2004  # any one
_MANY: Final = select(ORDERS).order_by(ORDERS.c.id).limit(10_000)


def _one_by_hand(engine: Engine) -> Order:
    with engine.begin() as connection:
        row = connection.execute(_ONE).one()
    return Order.model_validate(dict(row._mapping))  # noqa: SLF001  # SQLAlchemy's public name


def _many_by_hand(engine: Engine) -> list[Order]:
    with engine.begin() as connection:
        rows = connection.execute(_MANY).all()
    return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # as above


@contextmanager
def fetch_one(kind: Kind) -> Iterator[Pair]:
    """Compare one row by its key with the same over the connector's own engine."""
    with DbConnector(current_run().orders_url(kind)) as connector:
        ours = partial(connector.fetch_one, _ONE, model=Order)
        yield same_result(Pair(ours, partial(_one_by_hand, connector.engine)))


@contextmanager
def fetch_one_plain(kind: Kind) -> Iterator[Pair]:
    """Compare one row by its key with the same over an engine that has nothing of ours."""
    url = current_run().orders_url(kind)
    with DbConnector(url) as connector, plain_engine(url) as engine:
        ours = partial(connector.fetch_one, _ONE, model=Order)
        yield same_result(Pair(ours, partial(_one_by_hand, engine)))


@contextmanager
def fetch_all(kind: Kind) -> Iterator[Pair]:
    """Compare 10,000 rows in a list."""
    with DbConnector(current_run().orders_url(kind)) as connector:
        ours = partial(connector.fetch_all, _MANY, model=Order)
        yield same_result(Pair(ours, partial(_many_by_hand, connector.engine)))


def _register(kind: Kind) -> None:
    one = bench(f"fetch-one-{kind}", peer="its engine.begin() by hand", goal="at most 1.1")
    plain = bench(f"fetch-one-plain-{kind}", peer="a plain engine.begin()", goal="at most 1.1")
    many = bench(
        f"fetch-all-{kind}", peer="model_validate(dict(row._mapping))", goal="at most 0.625"
    )
    one(partial(fetch_one, kind))
    plain(partial(fetch_one_plain, kind))
    many(partial(fetch_all, kind))


for _kind in KINDS:
    _register(_kind)
