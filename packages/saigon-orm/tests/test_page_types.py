"""Types by which a page may be ordered, on each database."""

from typing import Any

import pytest
from sqlalchemy import (
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    TypeDecorator,
    make_url,
    types,
)
from sqlalchemy.dialects import mysql

from saigon.orm._pages.carried import has_exact_order

DIALECTS: dict[str, Any] = {
    url.partition("+")[0]: make_url(f"{url}://").get_dialect()()
    for url in ("postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql", "sqlite+pysqlite")
}


class Shout(TypeDecorator[str]):
    impl = String(20)
    cache_ok = True


class Whisper(TypeDecorator[str]):
    impl = Shout
    cache_ok = True


class Mood(TypeDecorator[str]):
    impl = Enum("up", "down")
    cache_ok = True


def has_order(declared: types.TypeEngine[Any], dialect_name: str) -> bool:
    return has_exact_order(declared, DIALECTS[dialect_name])


def test_what_a_decorator_makes_of_values_is_passed_by() -> None:
    assert has_order(Shout(), "postgresql")
    assert has_order(Whisper(), "mysql")
    assert not has_order(Mood(), "postgresql")
    assert not has_order(String(20).with_variant(Mood(), "mysql"), "mysql")
    assert has_order(Float().with_variant(Integer(), "mariadb"), "mariadb")


def test_a_type_has_an_order_on_all_or_none() -> None:
    for name in DIALECTS:
        assert has_order(Numeric(9, 2, asdecimal=False), name)
        assert not has_order(Float(), name)


@pytest.mark.parametrize("dialect_name", ["mysql", "mariadb"])
def test_mysql_has_to_sort_by_the_whole_value(dialect_name: str) -> None:
    assert has_order(String(256), dialect_name)
    assert has_order(mysql.VARBINARY(1024), dialect_name)
    for too_long in (String(257), Text(), mysql.LONGTEXT(), mysql.VARBINARY(1025), LargeBinary()):
        assert not has_order(too_long, dialect_name)
        assert has_order(Text(), "postgresql")


@pytest.mark.parametrize("levels", ["uca1400_as_cs", "uca1400_as_ci", "uca1400_swedish_ai_cs"])
def test_mariadb_has_less_room_for_a_collation_of_several_levels(levels: str) -> None:
    assert has_order(String(21, collation=f"utf8mb4_{levels}"), "mysql")
    assert not has_order(String(22, collation=f"utf8mb4_{levels}"), "mysql")
    assert has_order(String(256, collation="utf8mb4_uca1400_ai_ci"), "mysql")


def test_a_set_of_mysql_is_sorted_by_its_number_and_refused() -> None:
    assert not has_order(mysql.SET("a", "b"), "mysql")
