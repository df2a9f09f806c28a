"""What a page token is bound to, and that nothing else changes it."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import (
    BindParameter,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    TypeDecorator,
    bindparam,
    make_url,
    select,
    text,
)

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm._pages.fingerprint import listing_of
from saigon.orm.exceptions import PaginationError

T = Table(
    "t",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20), nullable=False),
    Column("raw", LargeBinary),
)


class Selection(BaseModelNoExtra):
    tags: frozenset[str] = frozenset()
    names: dict[str, int] | None = None
    since: datetime | None = None


def fingerprint(
    statement: Select[Any],
    selection: Any = None,
    *,
    url: str = "sqlite://",
    caller: str | None = None,
) -> str:
    listing = listing_of(statement, [T.c.name], make_url(url).get_dialect()())
    return listing.fingerprint(QueryDataParams[Any](selection=selection), caller)


class Opaque(TypeDecorator[str]):
    """A type whose values make a statement that SQLAlchemy does not keep."""

    impl = String
    cache_ok = False


def given(value: Any) -> Select[Any]:
    return select(T).where(T.c.name > bindparam("least")).params(least=value)


FILTERS: dict[str, Callable[[Any], Select[Any]]] = {
    "equal": lambda value: select(T).where(T.c.name == value),
    "in a list": lambda value: select(T).where(T.c.name.in_(["a", value])),
    "in a subquery": lambda value: select(T).where(
        T.c.id.in_(select(T.c.id).where(T.c.name < value))
    ),
    "text": lambda value: select(T).where(text("name = :n").bindparams(n=value)),
    "params": given,
    "callable": lambda value: select(T).where(T.c.name == bindparam("n", callable_=lambda: value)),
    "selected": lambda value: select(T, BindParameter("x", value)),
    "uncached": lambda value: select(T).where(T.c.name == BindParameter("x", value, Opaque())),
}


@pytest.mark.parametrize("statement", FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.filterwarnings("ignore:TypeDecorator Opaque")
def test_other_values_in_a_filter_are_another_query(
    statement: Callable[[Any], Select[Any]],
) -> None:
    first = fingerprint(statement("b"))
    assert fingerprint(statement("b")) == first
    assert fingerprint(statement("c")) != first


def test_what_is_selected_and_who_asks_are_part_of_the_query() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    selections = [
        None,
        Selection(),
        Selection(tags=frozenset("a")),
        Selection(since=now),
        {"tags": "a"},
    ]
    found = {fingerprint(select(T), selection) for selection in selections}
    found |= {fingerprint(select(T), caller=caller) for caller in ("ada", "bob")}
    assert len(found) == len(selections) + 2


def test_a_column_of_another_type_makes_another_query() -> None:
    dialect = make_url("postgresql+psycopg://").get_dialect()()
    found = set()
    for kind in (Integer, String):
        table = Table("x", MetaData(), Column("id", kind, primary_key=True))
        listing = listing_of(select(table), [], dialect)
        found.add(listing.fingerprint(QueryDataParams[None](), None))
    assert len(found) == 2


def test_order_within_a_set_or_an_object_does_not_count() -> None:
    some, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert fingerprint(select(T), Selection(names=some)) == fingerprint(
        select(T), Selection(names=other)
    )
    one, two = (select(T).where(T.c.id.in_(values)) for values in ([1, 2], [2, 1]))
    assert fingerprint(one) == fingerprint(two)


def test_bytes_of_any_kind_may_stand_in_a_filter() -> None:
    one, two = (select(T).where(T.c.raw == raw) for raw in (b"\xff", b"\xfe"))
    assert fingerprint(one) != fingerprint(two)


@pytest.mark.parametrize("backend", ["postgresql", "mysql", "sqlite"])
def test_tokens_fit_the_synchronous_and_the_asynchronous_driver(backend: str) -> None:
    drivers = {
        "postgresql": ("psycopg", "psycopg_async"),
        "mysql": ("pymysql", "aiomysql"),
        "sqlite": ("pysqlite", "aiosqlite"),
    }
    statement = select(T).where(T.c.name.like("a%"), T.c.id > 3)
    one, two = (f"{backend}+{driver}://" for driver in drivers[backend])
    assert fingerprint(statement, url=one) == fingerprint(statement, url=two)


def test_a_value_that_each_process_writes_differently_is_refused() -> None:
    with pytest.raises(PaginationError, match="would not be known again"):
        fingerprint(select(T), {"since": object()})


IN_ANOTHER_PROCESS = """
from dataclasses import dataclass
from sqlalchemy import *
from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm._pages.fingerprint import listing_of

class Selection(BaseModelNoExtra):
    tags: set[str]

@dataclass
class Chosen:
    names: set[str]
    selections: list[Selection]

t = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20)))
other, names = t.alias(), {"ada", "bob", "eve", "joe"}
within = select(t.c.id).where(t.c.name.in_(names)).cte()
statement = select(other).where(other.c.name.in_(names), other.c.id.in_(select(within)))
dialect = make_url("sqlite://").get_dialect()()
params = QueryDataParams[Chosen](selection=Chosen(names, [Selection(tags=names)]))
print(listing_of(statement, [], dialect).fingerprint(params, None))
"""


def test_each_process_finds_the_same() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
