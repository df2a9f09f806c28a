from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Enum,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Time,
    asc,
    desc,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import registry

from saigon.model import (
    BaseModelNoExtra,
    InvalidPaginationToken,
    PaginationTokenCodec,
    QueryDataParams,
    QueryDataResult,
)
from saigon.orm._keyset import keyset_order, page_statement
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import PaginationError

T = Table(
    "t",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("a", Integer, nullable=False),
    Column("b", Integer, nullable=False),
    Column("maybe", Integer),
    Column("measure", Float, nullable=False),
    Column("mood", Enum("up", "down"), nullable=False),
    Column("hour", Time, nullable=False),
)
KEYLESS = Table("keyless", MetaData(), Column("a", Integer, nullable=False))


class Row(BaseModelNoExtra):
    id: int
    a: int
    b: int


class Selection(BaseModelNoExtra):
    least: int = 0


Params = QueryDataParams[Selection]
DIALECTS: dict[str, Any] = {
    name: registry.load(name)() for name in ("postgresql", "mysql", "sqlite")
}
COLUMNS = select(T.c.id, T.c.a, T.c.b)


@pytest.fixture
def filled(db: DbConnector) -> DbConnector:
    T.metadata.create_all(db.engine)
    rows = [
        {"a": n % 3, "b": n % 5, "measure": 1.0, "mood": "up", "hour": time(n % 24)}
        for n in range(30)
    ]
    db.execute(insert(T), rows)
    return db


def page(db: DbConnector, params: Params, **options: Any) -> QueryDataResult[Row]:
    least = params.selection.least if params.selection else 0
    options.setdefault("order_by", [T.c.a])
    return db.fetch_page(Row, COLUMNS.where(T.c.a >= least), params, **options)


def where(order_by: list[Any], values: tuple[int, ...], dialect: Any) -> str:
    statement = page_statement(COLUMNS, keyset_order(COLUMNS, order_by), values, 10, dialect)
    compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return " ".join(str(compiled).split("WHERE ")[1].split("ORDER BY")[0].split())


def test_one_direction_is_a_row_comparison_where_that_is_fast() -> None:
    up, down = [asc(T.c.a), T.c.b], [desc(T.c.a), desc(T.c.b)]
    for dialect in (DIALECTS["postgresql"], DIALECTS["sqlite"]):
        assert where(up, (1, 2, 3), dialect) == "(t.a, t.b, t.id) > (1, 2, 3)"
        assert where(down, (1, 2, 3), dialect) == "(t.a, t.b, t.id) < (1, 2, 3)"


def test_mysql_and_mixed_directions_are_written_out() -> None:
    assert (
        where([T.c.a], (1, 2), DIALECTS["mysql"])
        == "t.a >= 1 AND (t.a > 1 OR t.a = 1 AND t.id > 2)"
    )
    assert (
        where([desc(T.c.a), asc(T.c.b)], (1, 2, 3), DIALECTS["postgresql"])
        == "t.a <= 1 AND (t.a < 1 OR t.a = 1 AND t.b >= 2 AND (t.b > 2 OR t.b = 2 AND t.id > 3))"
    )


def test_the_primary_key_is_appended_once() -> None:
    def keys(order_by: list[Any]) -> list[tuple[str, bool]]:
        return [(o.column.name, o.descending) for o in keyset_order(COLUMNS, order_by)]

    assert keys([]) == [("id", False)]
    assert keys([desc(T.c.a)]) == [("a", True), ("id", True)]
    assert keys([desc(T.c.id), T.c.a]) == [("id", True), ("a", False)]


@pytest.mark.parametrize(
    ("statement", "order_by", "reason"),
    [
        (COLUMNS, [T.c.maybe], "may be NULL"),
        (COLUMNS, [func.abs(T.c.a)], "expression"),
        (COLUMNS, [T.c.a.label("x")], "expression"),
        (COLUMNS, [T.c.a.nulls_first()], "asc"),
        (COLUMNS, [T.c.measure], "exact"),
        (COLUMNS, [T.c.mood], "exact"),
        (COLUMNS, [T.c.hour], "exact"),
        (COLUMNS, [T.alias().c.a], "no table that the select reads"),
        (COLUMNS, [KEYLESS.c.a], "no table that the select reads"),
        (select(KEYLESS), [KEYLESS.c.a], "no primary key"),
        (COLUMNS.order_by(T.c.a), [], "ORDER BY"),
        (COLUMNS.limit(3), [], "LIMIT"),
        (COLUMNS.distinct(), [], "DISTINCT"),
        (COLUMNS.group_by(T.c.a), [], "GROUP BY"),
        (COLUMNS.outerjoin_from(T, KEYLESS, T.c.a == KEYLESS.c.a), [], "outer join"),
    ],
)
def test_a_query_that_could_lose_rows_is_refused(
    db: DbConnector, statement: Any, order_by: list[Any], reason: str
) -> None:
    with pytest.raises(PaginationError, match=reason):
        db.fetch_page(Row, statement, QueryDataParams[None](), order_by=order_by)


def test_without_a_codec_nothing_is_asked() -> None:
    nowhere = DbConnector("sqlite:////no/such/folder/x.db")
    with pytest.raises(PaginationError, match="page_tokens"):
        nowhere.fetch_page(Row, COLUMNS, QueryDataParams[None](), order_by=[])


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
