from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.bench.databases import KINDS, Kind, fresh_database
from tools.bench.orders import ORDERS
from tools.bench.run import Run, start_run

Skipping = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize("kind", KINDS)
def test_table_has_as_many_rows_as_the_run(kind: Kind, run: Run, skipping: Skipping) -> None:
    with skipping():
        url = run.orders_url(kind)
    found = select(func.count(), func.min(ORDERS.c.id), func.max(ORDERS.c.id))
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert tuple(connection.execute(found).one()) == (run.rows, 1, run.rows)


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_a_listing_is_not_unique_without_the_key(
    kind: Kind, run: Run, skipping: Skipping
) -> None:
    with skipping():
        url = run.orders_url(kind)
    groups = select(
        func.count(ORDERS.c.placed_on.distinct()), func.count(ORDERS.c.customer.distinct())
    )
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert tuple(connection.execute(groups).one()) == (2, 1_000)


def test_database_is_filled_once_in_a_run() -> None:
    with start_run(100) as run:
        assert run.orders_url("sqlite") == run.orders_url("sqlite")


def test_file_goes_away_at_the_end_of_the_run() -> None:
    with start_run(100) as run:
        path = Path(str(make_url(run.orders_url("sqlite")).database))
        assert path.is_file()
    assert not path.exists()


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_database_on_a_server_is_dropped_though_a_bench_fails(
    kind: Kind, skipping: Skipping
) -> None:
    with skipping(), pytest.raises(ZeroDivisionError), fresh_database(kind) as url:
        _ = 1 / 0
    engine = create_engine(url, poolclass=NullPool)
    with pytest.raises(DBAPIError, match=str(make_url(url).database)), engine.connect():
        pass
