"""Orders from each kind of database into models on an event loop, by the connector and by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from saigon.orm.connection import AsyncDbConnector
from tools.bench.databases import KINDS, Kind
from tools.bench.orders import ORDERS, Order
from tools.bench.registry import Pair, bench, same_result
from tools.bench.run import current_run

_ONE: Final = select(ORDERS).where(ORDERS.c.id == 7)  # noqa: PLR2004  # any one
_MANY: Final = select(ORDERS).order_by(ORDERS.c.id).limit(10_000)


@contextmanager
def fetch_one(kind: Kind) -> Iterator[Pair]:
    """Compare one row by its key."""
    with asyncio.Runner() as runner, _connector(runner, kind) as (connector, engine):

        async def by_hand() -> Order:
            async with engine.begin() as connection:
                row = (await connection.execute(_ONE)).one()
            return Order.model_validate(dict(row._mapping))  # noqa: SLF001  # SQLAlchemy's public name

        yield same_result(
            Pair(
                ours=lambda: runner.run(connector.fetch_one(_ONE, model=Order)),
                peer=lambda: runner.run(by_hand()),
            )
        )


@contextmanager
def fetch_all(kind: Kind) -> Iterator[Pair]:
    """Compare 10,000 rows in a list."""
    with asyncio.Runner() as runner, _connector(runner, kind) as (connector, engine):

        async def by_hand() -> list[Order]:
            async with engine.begin() as connection:
                rows = (await connection.execute(_MANY)).all()
            return [Order.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001  # as above

        yield same_result(
            Pair(
                ours=lambda: runner.run(connector.fetch_all(_MANY, model=Order)),
                peer=lambda: runner.run(by_hand()),
            )
        )


@contextmanager
def _connector(
    runner: asyncio.Runner, kind: Kind
) -> Iterator[tuple[AsyncDbConnector, AsyncEngine]]:
    connector = AsyncDbConnector(current_run().orders_url(kind))

    async def engine() -> AsyncEngine:
        return connector.engine  # each event loop has its own

    yield connector, runner.run(engine())
    runner.run(connector.dispose())


for _kind in KINDS:
    bench(f"async-fetch-one-{_kind}", peer="AsyncEngine.begin() by hand", goal="at most 1.1")(
        partial(fetch_one, _kind)
    )
    bench(
        f"async-fetch-all-{_kind}", peer="model_validate(dict(row._mapping))", goal="at most 0.625"
    )(partial(fetch_all, _kind))
