"""By what a page is ordered and continued, and what is refused because rows would be lost."""

import re
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Enum,
    Float,
    ForeignKey,
    Integer,
    Interval,
    MetaData,
    Select,
    String,
    Table,
    Time,
    and_,
    asc,
    desc,
    func,
    make_url,
    select,
    tablesample,
    union_all,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship

from saigon.orm._pages.keyset import keyset_order, page_statement, without_entities
from saigon.orm.exceptions import PaginationError

METADATA = MetaData()
T = Table(
    "t",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("a", Integer, nullable=False),
    Column("b", Integer, nullable=False),
    Column("maybe", Integer),
    Column("parent", ForeignKey("t.id")),
    Column("measure", Float, nullable=False),
    Column("mood", Enum("up", "down"), nullable=False),
    Column("hour", Time, nullable=False),
    Column("span", Interval, nullable=False),
)
WORDS = Table(
    "words",
    METADATA,
    Column("code", String(5), primary_key=True),
    Column("t_code", String(5), nullable=False),
    Column("t_id", Integer, nullable=False),
)
PAIRS = Table(
    "pairs",
    METADATA,
    Column("one", Integer, primary_key=True),
    Column("two", Integer, primary_key=True),
)
KEYLESS = Table("keyless", METADATA, Column("a", Integer, nullable=False))
PARENT = T.alias("parent")
COLUMNS = select(T.c.id, T.c.a, T.c.b)
DIALECTS: dict[str, Any] = {
    url.partition("+")[0]: make_url(f"{url}://").get_dialect()()
    for url in ("postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql", "sqlite+pysqlite")
}
POSTGRESQL = DIALECTS["postgresql"]


class Base(DeclarativeBase): ...


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    dogs: Mapped[list["Dog"]] = relationship(lazy="joined")


class Dog(Base):
    __tablename__ = "dog"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))


def orders(statement: Select[Any], order_by: list[Any]) -> list[tuple[str, bool]]:
    found = keyset_order(statement, order_by, POSTGRESQL)
    return [(str(order.column), order.descending) for order in found]


def where(order_by: list[Any], values: tuple[int, ...], dialect_name: str) -> str:
    dialect = DIALECTS[dialect_name]
    ordered = keyset_order(COLUMNS, order_by, dialect)
    compiled = page_statement(COLUMNS, ordered, values, 10, dialect).compile(dialect=dialect)
    sql = " ".join(str(compiled).split("WHERE ")[1].split("ORDER BY")[0].split())
    names = iter(compiled.positiontup or re.findall(r"%\((\w+)\)s", sql))
    plain = re.sub(r"\?|%s|%\(\w+\)s", lambda _: str(compiled.params[next(names)]), sql)
    return plain.replace("::INTEGER", "")


def test_one_direction_is_a_row_comparison_where_that_is_fast() -> None:
    up, down = [asc(T.c.a), T.c.b], [desc(T.c.a), desc(T.c.b)]
    for name in ("postgresql", "sqlite"):
        assert where(up, (1, 2, 3), name) == "(t.a, t.b, t.id) > (1, 2, 3)"
        assert where(down, (1, 2, 3), name) == "(t.a, t.b, t.id) < (1, 2, 3)"


def test_mysql_and_mixed_directions_are_written_out() -> None:
    for name in ("mysql", "mariadb"):
        assert where([T.c.a], (1, 2), name) == "t.a >= 1 AND (t.a > 1 OR t.a = 1 AND t.id > 2)"
    for name in DIALECTS:
        assert (
            where([desc(T.c.a), asc(T.c.b)], (1, 2, 3), name) == "t.a <= 1 AND "
            "(t.a < 1 OR t.a = 1 AND t.b >= 2 AND (t.b > 2 OR t.b = 2 AND t.id > 3))"
        )


def test_the_primary_key_is_appended_once() -> None:
    assert orders(COLUMNS, []) == [("t.id", False)]
    assert orders(COLUMNS, [desc(T.c.a)]) == [("t.a", True), ("t.id", True)]
    assert orders(COLUMNS, [desc(T.c.id), T.c.a]) == [("t.id", True), ("t.a", False)]
    assert orders(select(PAIRS), [desc(PAIRS.c.two)]) == [("pairs.two", True), ("pairs.one", True)]


def test_a_column_that_comes_again_decides_nothing() -> None:
    again = [T.c.a, desc(T.c.b), desc(T.c.a), T.c.b]
    assert orders(COLUMNS, again) == [("t.a", False), ("t.b", True), ("t.id", False)]


def test_a_join_by_a_whole_key_needs_no_key_of_its_own() -> None:
    up = T.c.parent == PARENT.c.id
    for outer in (False, True):
        joined = COLUMNS.join_from(T, PARENT, up, isouter=outer)
        assert orders(joined, [T.c.a]) == [("t.a", False), ("t.id", False)]
        narrower = COLUMNS.join_from(T, PARENT, and_(up, PARENT.c.a > 3), isouter=outer)
        assert orders(narrower, []) == [("t.id", False)]
    down = COLUMNS.join_from(PARENT, T, up)
    assert orders(down, [PARENT.c.a]) == [("parent.a", False), ("t.id", False)]


def test_a_join_that_may_repeat_rows_needs_both_keys() -> None:
    both = [("t.id", False), ("words.code", False)]
    by_id = COLUMNS.join_from(T, WORDS, T.c.id == WORDS.c.t_id)
    assert orders(by_id, []) == [("words.code", False)]  # each word is of one row of t
    assert orders(COLUMNS.join_from(T, WORDS, T.c.a == WORDS.c.t_id), []) == both
    assert orders(COLUMNS.join_from(T, WORDS, T.c.id >= WORDS.c.t_id), []) == both
    assert orders(COLUMNS.where(WORDS.c.t_id == T.c.id), []) == both
    half = select(T.c.id).join_from(T, PAIRS, PAIRS.c.one == T.c.a)
    assert orders(half, []) == [("t.id", False), ("pairs.one", False), ("pairs.two", False)]


def test_text_equal_under_a_collation_of_the_join_may_repeat_rows() -> None:
    other = WORDS.alias("other")
    joined = select(WORDS.c.code).join_from(WORDS, other, WORDS.c.t_code == other.c.code)
    assert orders(joined, []) == [("words.code", False), ("other.code", False)]


def test_a_subquery_is_paged_by_what_tells_its_rows_apart() -> None:
    joined = select(T.c.id.label("t_id"), WORDS.c.code).join_from(T, WORDS, T.c.a == WORDS.c.t_id)
    for source in (joined.subquery("s"), joined.cte("s"), joined.subquery().alias("s")):
        assert orders(select(source), []) == [("s.t_id", False), ("s.code", False)]
    sums = select(T.c.a.label("x"), func.sum(T.c.b).label("sum")).group_by(T.c.a).subquery("s")
    assert orders(select(sums), []) == [("s.x", False)]
    assert orders(select(COLUMNS.limit(5).subquery("s")), []) == [("s.id", False)]
    ranked = COLUMNS.add_columns(func.rank().over(order_by=T.c.a).label("rank")).subquery("s")
    assert orders(select(ranked), [ranked.c.a]) == [("s.a", False), ("s.id", False)]


def test_mapped_classes_are_paged_by_their_columns() -> None:
    statement = without_entities(select(Owner))
    assert "JOIN" not in str(statement)
    assert orders(statement, [Owner.name.desc()]) == [("owner.name", True), ("owner.id", True)]
    assert orders(statement, [Owner.__table__.c.name, Owner.name]) == [
        ("owner.name", False),
        ("owner.id", False),
    ]
    pairs = without_entities(select(Dog, Owner.name).join(Owner, Owner.id == Dog.owner_id))
    assert orders(pairs, [Owner.name]) == [("owner.name", False), ("dog.id", False)]
    other = aliased(Owner, name="other")
    assert orders(without_entities(select(other)), [other.name]) == [
        ("other.name", False),
        ("other.id", False),
    ]


JOINED = select(T.c.id, WORDS.c.t_id).join_from(T, WORDS, T.c.a == WORDS.c.t_id)
LEFT = T.outerjoin(PARENT, T.c.parent == PARENT.c.id)


@pytest.mark.parametrize(
    ("statement", "order_by", "reason"),
    [
        pytest.param(COLUMNS, [T.c.maybe], "may be NULL", id="nullable"),
        pytest.param(COLUMNS, [func.abs(T.c.a)], "expression", id="function"),
        pytest.param(COLUMNS, [T.c.a.label("x")], "expression", id="label"),
        pytest.param(COLUMNS, ["a"], "expression", id="text"),
        pytest.param(COLUMNS, [T.c.a.nulls_first()], "where NULL goes", id="nulls first"),
        pytest.param(COLUMNS, [-T.c.a], r"asc\(column\)", id="minus"),
        pytest.param(COLUMNS, [WORDS.c.code.collate("C")], "expression", id="collate"),
        pytest.param(COLUMNS, [T.c.measure], "exact", id="float"),
        pytest.param(COLUMNS, [T.c.mood], "exact", id="enum"),
        pytest.param(COLUMNS, [T.c.hour], "exact", id="time"),
        pytest.param(COLUMNS, [T.c.span], "exact", id="interval"),
        pytest.param(COLUMNS, [T.alias().c.a], "no table that the select reads", id="alias"),
        pytest.param(COLUMNS, [KEYLESS.c.a], "no table that the select reads", id="not read"),
        pytest.param(select(KEYLESS), [KEYLESS.c.a], "no primary key", id="keyless"),
        pytest.param(select(func.now()), [], "no table", id="no table"),
        pytest.param(COLUMNS.order_by(T.c.a), [], "ORDER BY", id="order"),
        pytest.param(COLUMNS.limit(3), [], "LIMIT", id="limit"),
        pytest.param(COLUMNS.offset(3), [], "OFFSET", id="offset"),
        pytest.param(COLUMNS.distinct(), [], "DISTINCT", id="distinct"),
        pytest.param(COLUMNS.group_by(T.c.a), [], "GROUP BY", id="group"),
        pytest.param(
            COLUMNS.add_columns((func.row_number().over(order_by=T.c.a) + 1).label("rank")),
            [],
            "a window function",
            id="window",
        ),
        pytest.param(
            COLUMNS.outerjoin_from(T, WORDS, T.c.id == WORDS.c.t_id),
            [],
            "outer join repeats rows",
            id="outer join to many",
        ),
        pytest.param(
            COLUMNS.outerjoin_from(T, WORDS, T.c.id == WORDS.c.code),
            [],
            "outer join repeats rows",
            id="outer join by unlike types",
        ),
        pytest.param(COLUMNS.select_from(LEFT), [PARENT.c.a], "other side", id="optional"),
        pytest.param(
            COLUMNS.join_from(T, PARENT, T.c.parent == PARENT.c.id, full=True),
            [],
            "full outer",
            id="full join",
        ),
        pytest.param(
            select(JOINED.subquery("s")), [], "has to select words.code", id="key not selected"
        ),
        pytest.param(
            select(select(PARENT.c.id, WORDS.c.code).select_from(T, PARENT, WORDS).subquery()),
            [],
            "has to select t.id",
            id="another's key selected",
        ),
        pytest.param(
            select(select(T.c.id, PARENT.c.a).select_from(LEFT).subquery("s")),
            ["s.a"],
            "may be NULL",
            id="optional within",
        ),
        pytest.param(
            select(COLUMNS.distinct().subquery()), [], "use GROUP BY", id="distinct within"
        ),
        pytest.param(
            select(select(T.c.maybe).group_by(T.c.maybe).subquery()),
            [],
            "may be NULL",
            id="grouped by what may be NULL",
        ),
        pytest.param(
            select(union_all(COLUMNS, COLUMNS).subquery()), [], "no primary key", id="union within"
        ),
    ],
)
def test_a_query_that_could_lose_rows_is_refused(
    statement: Any, order_by: list[Any], reason: str
) -> None:
    (source, *_) = statement.get_final_froms() or [None]
    columns = [source.c.a if element == "s.a" else element for element in order_by]
    with pytest.raises(PaginationError, match=reason):
        keyset_order(statement, columns, POSTGRESQL)


@pytest.mark.parametrize(
    "other",
    [union_all(COLUMNS, COLUMNS), T.insert(), "SELECT 1"],
    ids=["union", "insert", "text"],
)
def test_what_is_no_select_is_refused(other: Any) -> None:
    with pytest.raises(PaginationError, match=r"expected a select\(…\), got a"):
        without_entities(other)


def test_a_sample_has_the_key_of_its_table() -> None:
    sample = tablesample(T, 50, name="s")
    assert orders(select(sample.c.id), []) == [("s.id", False)]
