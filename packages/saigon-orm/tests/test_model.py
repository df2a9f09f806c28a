from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    ValidationError,
    create_model,
)
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    types,
)

from saigon.model import BaseModelNoExtra
from saigon.orm.exceptions import ModelMappingError
from saigon.orm.model import (
    filter_unknown_model_fields,
    model_data_to_row_values,
    row_mapping_to_model_data,
)

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
NAIVE_NOON = NOON.replace(tzinfo=None)
KEY = UUID("00112233-4455-6677-8899-aabbccddeeff")


class Colour(Enum):
    RED = "r"


class Inner(BaseModel):
    at: AwareDatetime


def only(annotation: Any) -> type[BaseModel]:
    model: type[BaseModel] = create_model("Only", x=(annotation, ...))
    return model


def read(annotation: Any, value: Any, dialect_name: str | None = None) -> Any:
    data: Any = row_mapping_to_model_data(only(annotation), {"x": value}, dialect_name=dialect_name)
    return data.x


@pytest.mark.parametrize(
    "annotation", [AwareDatetime, AwareDatetime | None, Annotated[AwareDatetime, Field()]]
)
@pytest.mark.parametrize("value", [NAIVE_NOON, NOON, "2024-06-01 12:00:00.000000"])
def test_an_aware_field_is_an_instant_on_every_database(annotation: Any, value: Any) -> None:
    for dialect in (None, "postgresql", "mysql", "sqlite"):
        assert read(annotation, value, dialect) == NOON


def test_a_datetime_is_an_instant_where_the_database_keeps_no_offset() -> None:
    assert read(datetime, NAIVE_NOON, "mysql") == NOON
    assert read(datetime | None, NAIVE_NOON, "sqlite") == NOON
    assert read(datetime, NAIVE_NOON, "postgresql") == NAIVE_NOON


def test_a_naive_field_stays_naive() -> None:
    assert read(NaiveDatetime, NAIVE_NOON, "sqlite") == NAIVE_NOON
    assert read(NaiveDatetime | None, None, "mysql") is None


def test_text_that_may_be_text_is_left_alone() -> None:
    assert read(datetime | str, "2024-06-01", "sqlite") == "2024-06-01"
    assert read(list[int] | str, "[1]", "mysql") == "[1]"


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (list[int], "[1, 2]", [1, 2]),
        (dict[str, int] | None, '{"a": 1}', {"a": 1}),
        (Inner, '{"at": "2024-06-01T12:00:00Z"}', Inner(at=NOON)),
        (set[str], '["a"]', {"a"}),
        (UUID, KEY.hex, KEY),
        (Decimal, "1.10", Decimal("1.10")),
        (bool, 1, True),
    ],
)
def test_what_a_database_keeps_as_text_is_what_the_model_says(
    annotation: Any, value: Any, expected: Any
) -> None:
    assert read(annotation, value, "mysql") == expected


def test_columns_may_have_the_alias_of_a_field() -> None:
    class Aliased(BaseModelNoExtra):
        made_at: AwareDatetime = Field(alias="madeAt")

    assert row_mapping_to_model_data(Aliased, {"madeAt": NAIVE_NOON}).made_at == NOON
    assert row_mapping_to_model_data(Aliased, {"made_at": NAIVE_NOON}).made_at == NOON


@pytest.mark.parametrize("alias", ["madeAt", AliasChoices("made", "madeAt")])
def test_columns_may_have_the_validation_alias_of_a_field(alias: Any) -> None:
    class Aliased(BaseModelNoExtra):
        made_at: datetime = Field(validation_alias=alias)

    values = {"madeAt": NAIVE_NOON}
    assert row_mapping_to_model_data(Aliased, values, dialect_name="mysql").made_at == NOON
    assert filter_unknown_model_fields(Aliased, values | {"z": 1}) == values


def test_an_enumeration_is_read_by_value_or_by_name() -> None:
    for value in ("r", "RED", Colour.RED):
        assert read(Colour, value) is Colour.RED
    assert read(Colour | None, None) is None
    assert read(Colour | str, "RED") == "RED"
    assert read(Literal[Colour.RED], "r") is Colour.RED
    assert read(list[Colour], ["RED", "r"]) == read(list[Colour], '["RED", "r"]')
    with pytest.raises(ValidationError):
        read(Colour, "BLUE")


def written(annotation: Any, value: Any, column: Any = None, dialect: str | None = None) -> Any:
    table = None if column is None else Table("t", MetaData(), Column("x", column))
    data = only(annotation).model_validate({"x": value})
    return model_data_to_row_values(data, table, dialect_name=dialect)["x"]


@pytest.mark.parametrize(
    ("annotation", "value", "column", "expected"),
    [
        (UUID, KEY, Uuid(), KEY),
        (UUID, KEY, String(32), KEY.hex),
        (UUID, KEY, String(36), str(KEY)),
        (UUID, KEY, LargeBinary(16), KEY.bytes),
        (Decimal, Decimal("1.10"), Text(), "1.10"),
        (Colour, Colour.RED, String(5), "r"),
        (Colour, Colour.RED, types.Enum(Colour), Colour.RED),
        (Colour, Colour.RED, types.Enum("RED"), "RED"),
        (Colour, Colour.RED, types.Enum("r"), "r"),
        (Inner, Inner(at=NOON), JSON(), {"at": "2024-06-01T12:00:00Z"}),
        (Inner, Inner(at=NOON), None, {"at": "2024-06-01T12:00:00Z"}),
        (list[str], ["ü"], Text(), '["ü"]'),
        (set[UUID], {KEY}, JSON(), [str(KEY)]),
        (str, "x", String(5), "x"),
    ],
)
def test_a_value_takes_the_form_of_its_column(
    annotation: Any, value: Any, column: Any, expected: Any
) -> None:
    assert written(annotation, value, column) == expected


def test_an_instant_is_written_in_utc() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=7)))
    assert written(datetime, local, DateTime(), "sqlite").utcoffset() == timedelta(0)
    assert written(datetime, local) == NOON


def test_an_instant_without_offset_is_refused_where_it_would_change() -> None:
    for dialect in ("mysql", "sqlite"):
        with pytest.raises(ModelMappingError, match="another instant"):
            written(datetime, NAIVE_NOON, DateTime(), dialect)
        assert written(NaiveDatetime, NAIVE_NOON, DateTime(), dialect) == NAIVE_NOON
    with pytest.raises(ModelMappingError, match="another instant"):
        written(datetime, NAIVE_NOON, DateTime(timezone=True), "postgresql")
    assert written(datetime, NAIVE_NOON, DateTime(), "postgresql") == NAIVE_NOON


def test_a_field_without_a_column_is_refused_or_left_out() -> None:
    class Two(BaseModelNoExtra):
        x: int
        y: int

    table = Table("t", MetaData(), Column("x", Integer))
    with pytest.raises(ModelMappingError, match="y"):
        model_data_to_row_values(Two(x=1, y=2), table)
    assert model_data_to_row_values(Two(x=1, y=2), table, exclude={"y"}) == {"x": 1}


def test_unknown_fields_are_filtered() -> None:
    class Aliased(BaseModelNoExtra):
        x: int = Field(alias="theX")

    values = {"x": 1, "theX": 2, "z": 3}
    assert filter_unknown_model_fields(Aliased, values) == {"x": 1, "theX": 2}


def test_columns_have_the_names_of_the_fields_whatever_the_model_serialises_by() -> None:
    class Aliased(BaseModel):
        model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

        order_id: int = Field(alias="orderId")

    assert model_data_to_row_values(Aliased(order_id=1)) == {"order_id": 1}
