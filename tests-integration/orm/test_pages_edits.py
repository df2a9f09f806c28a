"""Pages while rows come and go between them, compared with what a list in Python would give."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, select

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import DbConnector

TABLE = Table(
    "t",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("a", Integer, nullable=False),
    Column("b", Integer, nullable=False),
)


class Row(BaseModelNoExtra):
    id: int
    a: int
    b: int


rows = st.dictionaries(
    st.integers(1, 40), st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20
)
edits = st.tuples(st.sets(st.integers(1, 40), max_size=8), rows)
orders = st.lists(
    st.tuples(st.sampled_from(["a", "b", "id"]), st.booleans()),
    max_size=3,
    unique_by=lambda part: part[0],
)
Kept = dict[int, tuple[int, int]]


@pytest.fixture(scope="module")
def db(module_db: DbConnector) -> DbConnector:
    return module_db


@pytest.fixture
def table(db: DbConnector) -> Table:
    TABLE.metadata.create_all(db.engine)
    db.execute(delete(TABLE))
    return TABLE


def put(db: DbConnector, kept: Kept) -> None:
    if kept:
        db.execute(insert(TABLE), [{"id": at, "a": a, "b": b} for at, (a, b) in kept.items()])


def place(row: tuple[int, tuple[int, int]], order: list[tuple[str, bool]]) -> tuple[int, ...]:
    values = {"id": row[0], "a": row[1][0], "b": row[1][1]}
    last = order[-1][1] if order else False
    return tuple(-values[name] if down else values[name] for name, down in [*order, ("id", last)])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kept=rows, order=orders, size=st.integers(1, 6), changes=st.lists(edits, min_size=1, max_size=9)
)
def test_each_page_is_what_follows_the_page_before(
    *,
    db: DbConnector,
    table: Table,
    kept: Kept,
    order: list[tuple[str, bool]],
    size: int,
    changes: list[tuple[set[int], Kept]],
) -> None:
    db.execute(delete(table))
    put(db, kept)
    order_by: list[Any] = [table.c[name].desc() if down else table.c[name] for name, down in order]
    params = QueryDataParams[None](max_count=size)
    seen: list[int] = []
    stayed = set(kept)
    reached: tuple[int, ...] = ()
    for deleted, added in [*changes, *[(set[int](), Kept())] * 40]:
        page = db.fetch_page(Row, select(table), params, order_by=order_by)
        following = sorted((place(row, order), row[0]) for row in kept.items())
        rest = [(where, key) for where, key in following if where > reached]
        assert [row.id for row in page] == [key for _, key in rest[:size]]
        assert (page.page_token is None) == (len(rest) <= size)
        seen += [row.id for row in page]
        if page.page_token is None:
            break
        reached = rest[size - 1][0]
        params = params.model_copy(update={"page_token": page.page_token})

        if deleted:
            db.execute(delete(table).where(table.c.id.in_(deleted)))
        kept = {key: row for key, row in kept.items() if key not in deleted}
        stayed &= set(kept)
        new = {key: row for key, row in added.items() if key not in kept}
        put(db, new)
        kept |= new
    assert [key for key in seen if key in stayed] == [key for _, key in following if key in stayed]


@pytest.mark.parametrize("count", [9, 10, 11, 19, 20, 21])
def test_a_page_that_is_just_full_is_the_last(db: DbConnector, table: Table, count: int) -> None:
    put(db, dict.fromkeys(range(1, count + 1), (0, 0)))
    sizes = []
    params = QueryDataParams[None](max_count=10)
    while True:
        page = db.fetch_page(Row, select(table), params, order_by=[])
        sizes.append(len(page))
        if page.page_token is None:
            break
        params = params.model_copy(update={"page_token": page.page_token})
    assert sizes == [10] * ((count - 1) // 10) + [count - (count - 1) // 10 * 10]
