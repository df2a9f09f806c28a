from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    desc,
    insert,
    select,
)

from saigon.model import (
    BaseModelNoExtra,
    InvalidPaginationToken,
    PaginationTokenCodec,
    QueryDataParams,
    QueryDataResult,
)
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import PaginationError

T = Table(
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


class Selection(BaseModelNoExtra):
    least: int = 0


Params = QueryDataParams[Selection]
COLUMNS = select(T.c.id, T.c.a, T.c.b)


@pytest.fixture
def filled(db: DbConnector) -> DbConnector:
    T.metadata.create_all(db.engine)
    db.execute(insert(T), [{"a": n % 3, "b": n % 5} for n in range(30)])
    return db


def page(db: DbConnector, params: Params, **options: Any) -> QueryDataResult[Row]:
    least = params.selection.least if params.selection else 0
    options.setdefault("order_by", [T.c.a])
    return db.fetch_page(Row, COLUMNS.where(T.c.a >= least), params, **options)


def test_without_a_codec_nothing_is_asked() -> None:
    nowhere = DbConnector("sqlite:////no/such/folder/x.db")
    with pytest.raises(PaginationError, match="page_tokens"):
        nowhere.fetch_page(Row, COLUMNS, QueryDataParams[None](), order_by=[])


@pytest.mark.parametrize("order_by", [T.c.a, "a", desc(T.c.a)], ids=str)
def test_a_column_instead_of_a_list_is_a_mistake(db: DbConnector, order_by: Any) -> None:
    with pytest.raises(TypeError, match="expected a list of columns as order_by"):
        page(db, Params(), order_by=order_by)


def test_the_last_page_has_no_token(filled: DbConnector) -> None:
    assert page(filled, Params(max_count=30)).page_token is None
    assert page(filled, Params(max_count=29)).page_token is not None
    assert len(page(filled, Params(max_count=29))) == 29


def test_a_token_is_of_its_query_only(filled: DbConnector) -> None:
    token = page(filled, Params(max_count=5)).page_token
    following = Params(max_count=7, page_token=token)
    assert len(page(filled, following)) == 7
    others: list[tuple[Params, dict[str, Any]]] = [
        (following.model_copy(update={"selection": Selection(least=1)}), {}),
        (following, {"order_by": [T.c.b]}),
        (following, {"order_by": [desc(T.c.a)]}),
        (following, {"caller": "ada"}),
        (following.model_copy(update={"page_token": f"{token}x"}), {}),
        (following.model_copy(update={"page_token": "nonsense"}), {}),
    ]
    for params, options in others:
        with pytest.raises(InvalidPaginationToken):
            page(filled, params, **options)


def test_a_token_serves_another_process_whether_connected_or_not(
    filled: DbConnector, db_url: str
) -> None:
    token = page(filled, Params(max_count=5)).page_token
    fresh = DbConnector(db_url, page_tokens=PaginationTokenCodec.unsigned())
    if filled.engine.url.database:  # a database in memory is empty there
        assert len(page(fresh, Params(max_count=5, page_token=token))) == 5
    fresh.dispose()


def test_a_token_grows_old(filled: DbConnector, db_url: str) -> None:
    now = 1_000.0
    codec = PaginationTokenCodec(["k" * 32], max_age=timedelta(seconds=60), clock=lambda: now)
    filled._page_tokens = codec
    token = page(filled, Params(max_count=5)).page_token
    page(filled, Params(max_count=5, page_token=token))
    now += 61
    with pytest.raises(InvalidPaginationToken):
        page(filled, Params(max_count=5, page_token=token))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=25),
    directions=st.lists(
        st.sampled_from(["a", "-a", "b", "-b"]), max_size=3, unique_by=lambda d: d[-1]
    ),
    size=st.integers(1, 7),
)
def test_pages_put_together_are_the_whole(
    rows: list[tuple[int, int]], directions: list[str], size: int
) -> None:
    table = Table(
        "g",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("a", Integer, nullable=False),
        Column("b", Integer, nullable=False),
    )
    order = [desc(table.c[d[1:]]) if d.startswith("-") else table.c[d] for d in directions]
    with DbConnector("sqlite://", page_tokens=PaginationTokenCodec.unsigned()) as db:
        table.metadata.create_all(db.engine)
        if rows:
            db.execute(insert(table), [{"a": a, "b": b} for a, b in rows])
        found: list[Row] = []
        token = None
        while True:
            params = QueryDataParams[None](max_count=size, page_token=token)
            result = db.fetch_page(Row, select(table), params, order_by=order)
            found.extend(result.data)
            token = result.page_token
            if token is None:
                break
        tie = desc(table.c.id) if directions and directions[-1].startswith("-") else table.c.id
        assert found == db.fetch_all(select(table).order_by(*order, tie), model=Row)


def test_an_alias_may_be_made_anew_for_each_page(filled: DbConnector) -> None:
    found: list[int] = []
    token = None
    while token is not None or not found:
        other = T.alias()
        params = QueryDataParams[None](max_count=7, page_token=token)
        listed = select(other.c.id, other.c.a, other.c.b)
        result = filled.fetch_page(Row, listed, params, order_by=[other.c.b.desc()])
        found += [row.id for row in result]
        token = result.page_token
    assert len(found) == len(set(found)) == 30


def test_joined_tables_are_paged_by_both_keys(filled: DbConnector) -> None:
    other = Table(
        "other",
        MetaData(),
        Column("code", String(5), primary_key=True),
        Column("a", Integer, nullable=False),
    )
    other.metadata.create_all(filled.engine)
    filled.execute(insert(other), [{"code": f"c{n}", "a": n % 3} for n in range(6)])

    class Pair(BaseModelNoExtra):
        id: int
        code: str

    joined = select(T.c.id, other.c.code).join_from(T, other, T.c.a == other.c.a)
    found: list[Pair] = []
    token = None
    while True:
        params = QueryDataParams[None](max_count=7, page_token=token)
        result = filled.fetch_page(Pair, joined, params, order_by=[other.c.a])
        found.extend(result.data)
        token = result.page_token
        if token is None:
            break
    assert len(found) == 60
    assert len({(pair.id, pair.code) for pair in found}) == 60
