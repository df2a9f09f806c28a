from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import (
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Secret,
    SecretBytes,
    SecretStr,
    computed_field,
    create_model,
)
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    Date,
    DateTime,
    Double,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    Uuid,
    types,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.sql.elements import Null

from saigon.model import BaseModelNoExtra
from saigon.orm._rows.forms import column_form, forms_by_type, unchanged_types
from saigon.orm._rows.place import Place
from saigon.orm.exceptions import ModelMappingError
from saigon.orm.model import model_data_to_row_values, row_values_writer

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
KEY = UUID("00112233-4455-6677-8899-aabbccddeeff")
MILLIS = timedelta(milliseconds=1)
HANOI = timezone(timedelta(hours=7))


class Colour(Enum):
    RED = "r"


class Swapped(Enum):
    A = "B"
    B = "A"


class Login(BaseModelNoExtra):
    name: str
    password: SecretStr

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation has it
    @property
    def shown(self) -> str:
        return self.name.title()


def written(annotation: Any, value: Any, column: Any, dialect: str | None = None) -> Any:
    table = Table("t", MetaData(), Column("x", column))
    model: type[BaseModel] = create_model("Only", x=(annotation, ...))
    data = model.model_construct(x=value)
    return model_data_to_row_values(data, table, dialect_name=dialect)["x"]


def columns(*names: str) -> Table:
    return Table("t", MetaData(), *(Column(name, Text) for name in names))


def test_computed_fields_are_not_written() -> None:
    login = Login(name="an", password=SecretStr("x"))
    assert model_data_to_row_values(login) == {"name": "an", "password": "x"}
    assert written(Login, login, JSON) == {"name": "an", "password": "x"}


@pytest.mark.parametrize(
    ("annotation", "value", "column", "expected"),
    [
        pytest.param(SecretStr, SecretStr("x"), String, "x", id="text"),
        pytest.param(SecretBytes, SecretBytes(b"\xff"), LargeBinary, b"\xff", id="bytes"),
        pytest.param(Secret[UUID], Secret[UUID](KEY), String(32), KEY.hex, id="any"),
        pytest.param(list[SecretStr], [SecretStr("x")], JSON, ["x"], id="in-json"),
        pytest.param(
            dict[str, Secret[date]],
            {"a": Secret(date(2024, 1, 1))},
            Text,
            '{"a": "2024-01-01"}',
            id="in-json-text",
        ),
    ],
)
def test_a_secret_is_written_in_clear(
    annotation: Any, value: Any, column: Any, expected: Any
) -> None:
    assert written(annotation, value, column) == expected


def test_json_may_have_a_shape_of_its_own() -> None:
    def dense(values: list[int | None]) -> list[int]:
        return [value for value in values if value is not None]

    def named(values: dict[str, int | None]) -> dict[str, int]:
        return {name: value for name, value in values.items() if value is not None}

    in_json = PlainSerializer(dense, when_used="json")
    assert written(Annotated[list[int | None], in_json], [None, 1], JSON) == [1]
    in_json = PlainSerializer(named, when_used="json")
    annotation = Annotated[dict[str, int | None], in_json]
    assert written(annotation, {"a": None, "b": 1}, JSON) == {"b": 1}


SAMPLES = [
    *(None, True, 1, 2**70, 1.5, 16_777_217.5, float("inf"), Decimal("1.25"), "a", b"a"),
    *(
        KEY,
        NOON,
        NOON.astimezone(HANOI),
        NOON.replace(tzinfo=None),
        NOON + MILLIS,
        NOON.date(),
        NOON.time(),
        MILLIS,
        Colour.RED,
        SecretStr("x"),
    ),
]


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite"])
@pytest.mark.parametrize(
    "kind",
    [
        *(String(), Integer(), Numeric(), Numeric(8, 2), Float(), Double(), LargeBinary(), Uuid()),
        *(Date(), DateTime(), DateTime(timezone=True), Time(), Interval(), types.NullType()),
        *(JSON(), ARRAY(Uuid), types.Enum(Colour), mysql.DATETIME(fsp=6), postgresql.JSONB()),
    ],
    ids=repr,
)
def test_a_value_of_a_known_type_has_the_form_that_a_look_gives(kind: Any, dialect: str) -> None:
    place = Place("x", kind, dialect, AwareDatetime)
    forms = forms_by_type(place) | dict.fromkeys(unchanged_types(place), lambda value, _: value)
    for value in SAMPLES:
        if type(value) in forms:
            assert of(forms[type(value)], value, place) == of(column_form, value, place)


def of(form: Callable[[Any, Place], Any], value: Any, place: Place) -> tuple[type, Any]:
    try:
        found = form(value, place)
    except ModelMappingError as refused:
        return ModelMappingError, str(refused)
    return type(found), found


def test_a_writer_writes_one_model_after_the_other() -> None:
    class Order(BaseModel):
        model_config = ConfigDict(extra="allow")

        id: int | None = None
        name: str = Field(alias="orderName")

    table = Table(
        "t",
        MetaData(),
        Column("id", Integer, primary_key=True),
        *(Column(name, Text) for name in ("orderName", "a", "b")),
    )
    write = row_values_writer(Order, table)
    data: list[dict[str, Any]] = [
        {"orderName": "x", "a": "1"},
        {"id": 1, "orderName": "y", "b": "2"},
    ]
    assert [write(Order.model_validate(values)) for values in data] == data
    with pytest.raises(ModelMappingError, match="no column for the fields c;"):
        write(Order.model_validate({"orderName": "z", "a": "1", "c": "3"}))


def test_a_field_that_dumps_leave_out_is_written_where_it_has_a_column() -> None:
    class User(BaseModel):
        name: str
        salt: str = Field("s", exclude=True)

    user = User(name="an")
    assert model_data_to_row_values(user, columns("name", "salt")) == {"name": "an", "salt": "s"}
    assert model_data_to_row_values(user, columns("name")) == {"name": "an"}
    assert model_data_to_row_values(user) == {"name": "an"}
    both = columns("name", "salt")
    assert model_data_to_row_values(user, both, exclude={"salt"}) == {"name": "an"}


def test_a_model_that_dumps_leave_out_is_written_like_another() -> None:
    class User(BaseModel):
        login: Login = Field(exclude=True)

    table = Table("t", MetaData(), Column("login", JSON))
    user = User(login=Login(name="an", password=SecretStr("x")))
    expected = {"login": {"name": "an", "password": "x"}}
    assert model_data_to_row_values(user, table) == expected


def test_a_field_is_written_to_the_column_of_its_alias() -> None:
    class Order(BaseModelNoExtra):
        order_id: int = Field(alias="orderId")

    order = Order(order_id=1)
    assert model_data_to_row_values(order, columns("orderId")) == {"orderId": 1}
    assert model_data_to_row_values(order, columns("order_id", "orderId")) == {"order_id": 1}


def test_a_key_that_is_not_known_yet_is_left_to_the_database() -> None:
    class Order(BaseModel):
        id: int | None = None
        note: str | None = None

    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("note", Text))
    assert model_data_to_row_values(Order(), table) == {"note": None}
    assert model_data_to_row_values(Order(id=1), table) == {"id": 1, "note": None}


def test_a_refusal_names_its_field() -> None:
    with pytest.raises(ModelMappingError, match=r"^x: the column keeps 0 digits"):
        written(datetime, NOON + MILLIS, DateTime(), "mysql")


def test_nothing_in_a_json_column_is_null() -> None:
    assert isinstance(written(list[int] | None, None, JSON), Null)
    assert written(list[int] | None, None, JSON(none_as_null=True)) is None
    assert written(list[int | None], [None], JSON) == [None]


def test_bytes_inside_json_are_not_written_as_what_they_are_not() -> None:
    class Encoded(BaseModel):
        model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

        x: list[bytes]

    table = Table("t", MetaData(), Column("x", JSON))
    with pytest.raises(ModelMappingError, match="bytes inside JSON"):
        model_data_to_row_values(Encoded(x=[b"\xff"]), table)
    with pytest.raises(ModelMappingError, match="no JSON for a value of x"):
        written(list[bytes], [b"\xff"], JSON)
    assert written(list[Base64Bytes], [b"a"], JSON) == ["YQ=="]


@pytest.mark.parametrize(
    ("annotation", "value", "column", "expected"),
    [
        pytest.param(AnyUrl, AnyUrl("http://x/"), String, "http://x/", id="url"),
        pytest.param(IPv4Address, IPv4Address("1.2.3.4"), String, "1.2.3.4", id="address"),
        pytest.param(AwareDatetime, NOON, String, "2024-06-01T12:00:00Z", id="instant"),
        pytest.param(timedelta, timedelta(days=1), String, "P1D", id="duration"),
        pytest.param(int, 1, String, 1, id="a-number-is-left-to-the-database"),
        pytest.param(object, (marker := object()), String, marker, id="so-is-what-is-not-known"),
    ],
)
def test_a_value_takes_the_form_of_text(
    annotation: Any, value: Any, column: Any, expected: Any
) -> None:
    assert written(annotation, value, column) == expected


def test_sqlite_keeps_a_large_integer_as_text() -> None:
    assert written(int, 2**70, String(), "sqlite") == str(2**70)


def test_an_array_holds_what_its_items_are() -> None:
    assert written(set[UUID], {KEY}, ARRAY(Uuid)) == [KEY]
    assert written(list[UUID], [KEY], ARRAY(String(36))) == [str(KEY)]
    assert written(list[list[Colour]], [[Colour.RED]], ARRAY(String)) == [["r"]]
    assert written(list[Login] | None, None, ARRAY(postgresql.JSONB)) is None
    logins = [Login(name="an", password=SecretStr("x"))]
    expected = [{"name": "an", "password": "x"}]
    assert written(list[Login], logins, ARRAY(postgresql.JSONB)) == expected


def test_a_column_has_the_type_of_its_variant() -> None:
    column = ARRAY(Uuid).with_variant(JSON(), "sqlite", "mysql")
    assert written(list[UUID], [KEY], column, "postgresql") == [KEY]
    assert written(list[UUID], [KEY], column, "sqlite") == [str(KEY)]


def test_a_value_finds_its_member() -> None:
    assert written(str, "r", types.Enum(Colour)) is Colour.RED
    assert written(str, "RED", types.Enum(Colour)) == "RED"
    assert written(Colour | None, None, types.Enum(Colour)) is None
    assert written(str, "RED", types.Enum("RED")) == "RED"


@pytest.mark.parametrize("value", ["2", "0", "", "a  ", "A", 1, Colour.RED], ids=repr)
@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite"])
def test_what_is_no_value_of_an_enum_is_refused(value: Any, dialect: str) -> None:
    for column in (types.Enum("a", "b"), mysql.ENUM("a", "b"), mysql.SET("a", "b")):
        if (value, type(column)) != ("", mysql.SET):  # the empty set
            with pytest.raises(ModelMappingError, match=r"not a value of the Enum|a SET"):
                written(Any, value, column, dialect)
    if value is not Colour.RED:
        with pytest.raises(ModelMappingError, match="not a value of the Enum"):
            written(Any, value, types.Enum(Colour), dialect)


def test_the_members_of_a_set_are_written_as_one() -> None:
    column = mysql.SET("a", "r")
    assert written(str, "a,r", column, "mysql") == "a,r"
    assert written(set[str], {"a", "r"}, column, "mysql") == {"a", "r"}
    assert written(list[Colour], [Colour.RED], column, "mysql") == {"r"}
    assert written(str | None, None, column, "mysql") is None
    for wrong in ("a,3", ["A"]):
        with pytest.raises(ModelMappingError, match="not a value of the Enum"):
            written(Any, wrong, column, "mysql")


def test_a_member_whose_name_is_the_value_of_another_is_refused() -> None:
    by_value = types.Enum(Swapped, values_callable=lambda members: [m.value for m in members])
    assert written(Swapped, Swapped.A, by_value) is Swapped.A
    with pytest.raises(ModelMappingError, match="values_callable"):
        written(Swapped, Swapped.A, types.Enum(Swapped))


@pytest.mark.parametrize(
    ("value", "column", "dialect"),
    [
        pytest.param(NOON + MILLIS, DateTime(), "mysql", id="datetime"),
        pytest.param(NOON + MILLIS / 10, mysql.DATETIME(fsp=3), "mysql", id="datetime-3"),
        pytest.param(NOON + MILLIS, mysql.TIMESTAMP(), "mysql", id="timestamp"),
        pytest.param(time(1, microsecond=1), Time(), "mysql", id="time"),
        pytest.param(MILLIS, Interval(), "mysql", id="interval"),
        pytest.param(MILLIS / 10, Interval(second_precision=3), "postgresql", id="interval-3"),
        pytest.param(MILLIS / 10, postgresql.INTERVAL(precision=3), "postgresql", id="INTERVAL"),
        pytest.param(
            NOON + MILLIS,
            postgresql.TIMESTAMP(timezone=True, precision=0),
            "postgresql",
            id="postgresql",
        ),
    ],
)
def test_a_fraction_that_the_column_would_round_is_refused(
    value: Any, column: Any, dialect: str
) -> None:
    with pytest.raises(ModelMappingError, match="digits of a second"):
        written(type(value), value, column, dialect)


def test_a_fraction_that_the_column_keeps_is_written() -> None:
    assert written(datetime, NOON, DateTime(), "mysql") == NOON
    assert written(datetime, NOON + MILLIS, mysql.DATETIME(fsp=3), "mysql") == NOON + MILLIS
    assert written(datetime, NOON + MILLIS, DateTime(), "sqlite") == NOON + MILLIS
    assert written(timedelta, MILLIS, Interval(), "postgresql") == MILLIS


def test_postgresql_does_not_take_its_own_time_zone_for_an_instant() -> None:
    local = NOON.astimezone(HANOI)
    in_utc = written(AwareDatetime, local, DateTime(), "postgresql")
    assert (in_utc, in_utc.tzinfo) == (NOON.replace(tzinfo=None), None)
    with pytest.raises(ModelMappingError, match="without its offset"):
        written(datetime, local, DateTime(), "postgresql")


@pytest.mark.parametrize(
    ("annotation", "value", "column", "dialect", "message"),
    [
        pytest.param(time, time(1, tzinfo=UTC), Time(), "postgresql", "offset", id="aware-time"),
        pytest.param(
            time,
            time(1, tzinfo=UTC),
            Time(timezone=True),
            "mysql",
            "offset",
            id="aware-time-on-mysql",
        ),
        pytest.param(timedelta, MILLIS, Time(), "postgresql", "Interval", id="duration-as-time"),
        pytest.param(
            AwareDatetime,
            datetime.min.replace(tzinfo=HANOI),
            DateTime(timezone=True),
            "sqlite",
            "year 1",
            id="before-year-1",
        ),
        pytest.param(int, 2**63, Integer(), "sqlite", "64 bits", id="large-integer"),
        pytest.param(float, 16_777_217.5, Float(), "mysql", "Double", id="single-precision"),
        pytest.param(Decimal, Decimal("1.234567"), Float(), "mysql", "Double", id="decimal"),
        pytest.param(Decimal, Decimal("1.5"), Numeric(), "mysql", "scale", id="without-scale"),
        pytest.param(datetime, NOON, Date(), "postgresql", "DateTime", id="moment-as-day"),
        pytest.param(bytes, b"a", String(9), "postgresql", "LargeBinary", id="bytes-as-text"),
        pytest.param(str, "abc ", String(3), "postgresql", "3 characters", id="blanks"),
        pytest.param(str, "äbc ", String(3), "mysql", "3 characters", id="blanks-on-mysql"),
        pytest.param(
            SecretStr, SecretStr("abc "), String(3), "mysql", "3 characters", id="secret-blanks"
        ),
        pytest.param(
            list[str], ["abcd"], ARRAY(String(3)), "postgresql", "3 characters", id="long-item"
        ),
        pytest.param(str, "1010", postgresql.BIT(3), "postgresql", "3 bits", id="long-bits"),
        pytest.param(str, "10", postgresql.BIT(3), "postgresql", "3 bits", id="short-bits"),
        pytest.param(
            timedelta,
            timedelta(days=1, seconds=1),
            postgresql.INTERVAL(fields="DAY"),
            "postgresql",
            "to DAYS",
            id="seconds-of-days",
        ),
        pytest.param(Any, {"x": [float("nan")]}, JSON, "postgresql", "NaN", id="nan-in-json"),
        pytest.param(list[float], [float("inf")], JSON, "mysql", "infinity", id="inf-in-json"),
        pytest.param(float, float("-inf"), JSON, "sqlite", "infinity", id="inf-as-json"),
        pytest.param(set[float], {float("nan")}, Text, "mysql", "NaN", id="nan-in-json-text"),
    ],
)
def test_what_would_not_come_back_is_refused(
    annotation: Any, value: Any, column: Any, dialect: str, message: str
) -> None:
    with pytest.raises(ModelMappingError, match=message):
        written(annotation, value, column, dialect)


def test_a_text_or_bits_of_the_columns_length_are_written() -> None:
    assert written(str, "ab ", String(3), "postgresql") == "ab "
    assert written(str, "abc ", String(3), "sqlite") == "abc "
    assert written(str, "abcd", String(3), "postgresql") == "abcd"  # the database says so
    assert written(list[str | None], ["abc", None], ARRAY(String(3)), "postgresql") == ["abc", None]
    assert written(str, "101", postgresql.BIT(3), "postgresql") == "101"
    assert written(str, "1", postgresql.BIT(3, varying=True), "postgresql") == "1"
    day = postgresql.INTERVAL(fields="HOUR TO DAY")
    assert written(timedelta, timedelta(days=1), day, "postgresql") == timedelta(days=1)


def test_a_number_that_json_lacks_may_have_a_text_of_its_own() -> None:
    as_text = Annotated[float, PlainSerializer(str, when_used="json")]
    assert written(as_text, float("inf"), JSON) == "inf"


@pytest.mark.parametrize("column", [Float(53), Double(), mysql.DOUBLE(), mysql.REAL()])
def test_a_float_of_many_digits_is_written_where_it_is_kept(column: Any) -> None:
    assert written(float, 16_777_217.5, column, "mysql") == 16_777_217.5
    assert written(float, 0.1, Float(), "mysql") == 0.1
    assert written(float, float("inf"), Float(), "mysql") == float("inf")
    assert written(Decimal, Decimal(2), Numeric(), "mysql") == 2
    assert written(Decimal, Decimal("1.5"), Numeric(), "postgresql") == Decimal("1.5")
    assert written(float, 16_777_217.5, Float(), "sqlite") == 16_777_217.5


def test_an_interval_that_was_reflected_counts_from_the_epoch() -> None:
    expected = datetime(1970, 1, 2)  # noqa: DTZ001  # SQLAlchemy's, without a zone
    assert written(timedelta, timedelta(days=1), DateTime(), "sqlite") == expected


def test_an_aware_time_is_kept_by_its_type_and_by_text() -> None:
    aware = time(1, tzinfo=UTC)
    assert written(time, aware, Time(timezone=True), "postgresql") == aware
    assert written(time, aware, String(), "postgresql") == "01:00:00Z"
    assert written(Decimal, Decimal("1.10"), String(), "mysql") == "1.10"
