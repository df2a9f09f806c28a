from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import (
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    ValidationError,
    create_model,
)
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    UpdateBase,
    create_engine,
    delete,
    insert,
    text,
    update,
)

from saigon.model import BaseModelNoExtra
from saigon.orm._rows.fetching import check_query
from saigon.orm._rows.reading import row_reader, rows_to_models
from saigon.orm._rows.results import row_keys
from saigon.orm.exceptions import ModelMappingError, NoRowsError

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
KEY = UUID("00112233-4455-6677-8899-aabbccddeeff")
THINGS = Table("things", MetaData(), Column("id", Integer))
Name = RootModel[str]
Price = RootModel[Decimal]


class Item(BaseModelNoExtra):
    id: int
    at: AwareDatetime | None = Field(None, validation_alias="seenAt")


@dataclass
class Point:
    x: int


def read(annotation: Any, value: Any, dialect_name: str | None = None) -> Any:
    model = create_model("Only", x=(annotation, ...))
    data: Any = row_reader(model, ("x",), dialect_name)((value,))
    assert rows_to_models(model, ("x",), [(value,)], dialect_name) == [data]
    return data.x


def test_many_rows_make_the_same_models_as_each_of_them() -> None:
    rows = [(1, None), (2, NOON.replace(tzinfo=None)), (3, "2024-06-01 12:00:00")]
    models = rows_to_models(Item, ("id", "seenAt"), rows, "sqlite")
    assert models == [row_reader(Item, ("id", "seenAt"), "sqlite")(row) for row in rows]
    assert [model.at for model in models] == [None, NOON, NOON]
    assert rows_to_models(Item, ("id",), [], "sqlite") == []


def test_the_first_bad_row_is_named_without_its_values() -> None:
    rows = [(1, None), ("a secret", None), ("another", None)]
    with pytest.raises(ValidationError) as caught:
        rows_to_models(Item, ("id", "at"), rows, None)
    assert [error["loc"] for error in caught.value.errors()] == [(1, "id")]
    assert caught.value.title == "Item"
    assert "secret" not in str(caught.value)


def test_a_model_that_hides_nothing_shows_what_was_wrong() -> None:
    model = create_model("Open", x=(int, ...))
    with pytest.raises(ValidationError, match="input_value='one'"):
        rows_to_models(model, ("x",), [("one",)], None)


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ModelMappingError, match="id, id"):
        row_reader(Item, ("id", "id"), None)
    with pytest.raises(ModelMappingError, match="id, id"):
        rows_to_models(Item, ("id", "id"), [(1, 2)], None)


def test_a_strict_model_is_read_from_what_the_database_keeps() -> None:
    class Inner(BaseModel):
        model_config = ConfigDict(strict=True)

        key: UUID

    class Outer(BaseModel):
        model_config = ConfigDict(strict=True)

        key: UUID
        active: bool
        inner: Inner

    rows = [(KEY.hex, 1, f'{{"key": "{KEY}"}}')]
    expected = Outer(key=KEY, active=True, inner=Inner(key=KEY))
    keys = ("key", "active", "inner")
    assert rows_to_models(Outer, keys, rows, "mysql") == [expected]
    assert row_reader(Outer, keys, "mysql")(rows[0]) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        pytest.param(Name, "123", Name("123"), id="the-text-of-a-root-model"),
        pytest.param(Price, "1.10", Price(Decimal("1.10")), id="the-decimal-of-a-root-model"),
        pytest.param(RootModel[list[int]], "[1]", RootModel[list[int]]([1]), id="a-root-list"),
        pytest.param(Point, '{"x": 1}', Point(1), id="a-dataclass"),
        pytest.param(Sequence[int], "[1]", [1], id="a-sequence"),
        pytest.param(Point | int, '{"x": 1}', Point(1), id="a-dataclass-or-a-number"),
        pytest.param(Json[list[int]], "[1]", [1], id="json-that-the-field-parses"),
        pytest.param(Json[list[int]] | None, "[1]", [1], id="json-that-the-field-may-parse"),
        pytest.param(bytes, b"[1]", b"[1]", id="bytes-that-look-like-json"),
        pytest.param(bool, b"\x01", True, id="a-bit"),
        pytest.param(bool, b"\x00", False, id="no-bit"),
        pytest.param(time, timedelta(hours=3), time(3), id="a-time-of-day-as-pymysql-gives-it"),
        pytest.param(
            timedelta,
            datetime(1970, 1, 2),  # noqa: DTZ001  # a wall clock's
            timedelta(days=1),
            id="an-interval-as-a-date",
        ),
        pytest.param(
            timedelta, "1969-12-31 00:00:00.000000", timedelta(days=-1), id="an-interval-as-text"
        ),
        pytest.param(timedelta, "P1DT1S", timedelta(days=1, seconds=1), id="a-duration-as-text"),
    ],
)
def test_a_field_is_read_from_a_lesser_form(annotation: Any, value: Any, expected: Any) -> None:
    assert read(annotation, value, "mysql") == expected


def test_a_field_may_lie_inside_a_json_column() -> None:
    class City(BaseModel):
        name: str = Field(validation_alias=AliasPath("address", "city", 0))

    for value in ('{"city": ["Huế"]}', {"city": ["Huế"]}):
        assert rows_to_models(City, ("address",), [(value,)], "sqlite")[0].name == "Huế"


def test_a_statement_without_rows_has_no_columns() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert row_keys(connection.execute(text("SELECT 1 AS one, 2 AS two"))) == ("one", "two")
        with pytest.raises(NoRowsError, match="returning"):
            row_keys(connection.execute(text("CREATE TABLE t (x INTEGER)")))
    engine.dispose()


@pytest.mark.parametrize("change", [insert(THINGS), update(THINGS), delete(THINGS)])
def test_a_change_without_returning_is_no_query(change: UpdateBase) -> None:
    with pytest.raises(NoRowsError, match="returning"):
        check_query(change)


@pytest.mark.parametrize("returned", [THINGS, text("id")])
def test_a_change_that_returns_is_a_query(returned: Any) -> None:
    check_query(insert(THINGS).returning(returned))
