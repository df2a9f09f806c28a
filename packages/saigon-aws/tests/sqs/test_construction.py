"""What could double, lose or mix up messages is refused before anything runs."""

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Computed,
    DateTime,
    Float,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
)

from saigon.aws.sqs import (
    ForwarderConfig,
    ForwarderConfigError,
    MessageRejectedError,
    OnConflict,
    TableStatementBuilder,
)
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]


class Colour(enum.Enum):
    RED = "red"


class Inner(BaseModel):
    x: int


class Message(BaseModel):
    id: str
    version: int


def table(*columns: Any, key: Any = None) -> Table:
    first = key if key is not None else Column("id", String(36), primary_key=True)
    return Table("things", MetaData(), first, *columns)


def version() -> Column[Any]:
    return Column("version", Integer)


def model(**fields: Any) -> type[BaseModel]:
    namespace = {"__annotations__": {"id": str} | fields, "__module__": __name__}
    return type("Made", (BaseModel,), namespace)


@pytest.fixture
def refuse(make_forwarder: Make) -> Callable[..., str]:
    def refused(**options: Any) -> str:
        with pytest.raises(ForwarderConfigError) as caught:
            make_forwarder(**options)
        return str(caught.value)

    return refused


def test_the_key_is_the_primary_key_that_the_model_has(make_forwarder: Make) -> None:
    make_forwarder(message_type=Message, target=table(version()))


def test_a_table_without_a_single_primary_key_needs_a_key(refuse: Make) -> None:
    both = table(Column("version", Integer, primary_key=True))
    assert "give key=" in refuse(message_type=Message, target=both)
    serial = table(key=Column("number", Integer, primary_key=True))
    assert "give key=" in refuse(message_type=Message, target=serial)


def test_a_key_of_several_columns_is_given_by_name(make_forwarder: Make) -> None:
    both = table(Column("version", Integer, primary_key=True))
    make_forwarder(message_type=Message, target=both, key=["id", "version"])


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        (table(), {}, "field 'version' has no column"),
        (table(version(), Column("at", DateTime, nullable=False)), {}, "'at' is NOT NULL"),
        (table(Column("version", String(9))), {}, "can not hold"),
        (table(version()), {"key": "version"}, "no unique constraint on exactly version"),
        (table(version()), {"key": "other"}, "key 'other' is not a field"),
        (table(version()), {"on_conflict": OnConflict.UPDATE}, "UPDATE needs newer_by"),
        (table(version()), {"newer_by": "version"}, "newer_by is for on_conflict=UPDATE"),
        (
            table(version()),
            {"on_conflict": OnConflict.UPDATE, "newer_by": "other"},
            "not both a field and a column",
        ),
        (
            table(version()),
            {"on_conflict": OnConflict.UPDATE, "newer_by": "id"},
            "part of the key",
        ),
        (table(Column("version", Integer, Computed("1"))), {}, "computed by the database"),
    ],
)
def test_what_does_not_fit_is_refused(
    target: Table, options: dict[str, Any], expected: str, refuse: Make
) -> None:
    assert expected in refuse(message_type=Message, target=target, **options)


def test_all_misfits_are_listed(refuse: Make) -> None:
    text = refuse(message_type=Message, target=table(Column("at", DateTime, nullable=False)))
    assert "field 'version' has no column" in text
    assert "column 'at' is NOT NULL" in text


def test_a_key_with_a_default_is_refused(refuse: Make) -> None:
    class Defaulted(BaseModel):
        id: UUID = Field(default_factory=uuid4)

    target = table(key=Column("id", Uuid, primary_key=True))
    assert "has a default" in refuse(message_type=Defaulted, target=target)


def test_a_key_that_may_be_null_is_refused(refuse: Make) -> None:
    class Nullable(Message):
        code: str | None

    target = table(version(), Column("code", String(9), unique=True))
    text = refuse(message_type=Nullable, target=target, key="code")
    assert "nulls are never duplicates" in text


def test_a_version_that_may_be_missing_is_refused(refuse: Make) -> None:
    class Loose(BaseModel):
        id: str
        version: int = 0

    text = refuse(
        message_type=Loose,
        target=table(version()),
        on_conflict=OnConflict.UPDATE,
        newer_by="version",
    )
    assert "newer_by 'version' may be missing" in text


def test_a_unique_index_will_do_and_a_partial_one_will_not(
    make_forwarder: Make, refuse: Make
) -> None:
    whole, partial = table(Column("version", Integer)), table(Column("version", Integer))
    Index("u", whole.c.version, unique=True)
    Index("p", partial.c.version, unique=True, postgresql_where=partial.c.id != "")
    make_forwarder(message_type=Message, target=whole, key="version")
    assert "no unique" in refuse(message_type=Message, target=partial, key="version")


@pytest.mark.parametrize(
    ("field", "column_type"),
    [
        (int, Integer()),
        (int, Numeric()),
        (float, Float()),
        (Decimal, Numeric()),
        (Decimal, String()),
        (bool, Boolean()),
        (bool, Integer()),
        (dt.datetime, DateTime()),
        (UUID, Uuid()),
        (UUID, String(32)),
        (UUID, LargeBinary()),
        (str | None, String()),
        (Annotated[int, Field(gt=0)], Integer()),
        (Colour, String()),
        (Inner, JSON()),
        (list[int], JSON()),
        (dict[str, int] | None, String()),
        (Any, String()),
    ],
)
def test_types_that_fit(field: Any, column_type: Any, make_forwarder: Make) -> None:
    target = table(Column("value", column_type))
    make_forwarder(message_type=model(value=field), target=target)


@pytest.mark.parametrize(
    ("field", "column_type"),
    [
        (str, Integer()),
        (int, String()),
        (int, Boolean()),
        (Decimal, Float()),
        (float, Integer()),
        (dt.datetime, String()),
        (Inner, Integer()),
        (list[int], DateTime()),
        (int | str, Integer()),
    ],
)
def test_types_that_do_not_fit(field: Any, column_type: Any, refuse: Make) -> None:
    target = table(Column("value", column_type))
    assert "can not hold" in refuse(message_type=model(value=field), target=target)


def test_an_excluded_field_needs_no_column(make_forwarder: Make) -> None:
    class Partly(BaseModel):
        id: str
        note: str = Field(exclude=True)

    make_forwarder(message_type=Partly, target=table())


def test_extra_and_computed_fields_need_columns(refuse: Make) -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        id: str

        @computed_field
        def twice(self) -> str:
            return self.id * 2

    text = refuse(message_type=Open, target=table())
    assert "extra fields" in text
    assert "computed field 'twice'" in text


class PlainBuilder:
    def prepare(self, message_type: type[Message]) -> Insert:
        return insert(table(version()))

    def get_statement_params(self, message: Message) -> dict[str, Any]:
        return {"id": message.id}


def test_a_builder_needs_a_key_from_itself_or_from_the_caller(
    make_forwarder: Make, refuse: Make
) -> None:
    class Declares(PlainBuilder):
        key = "id"

    assert "nothing tells their rows apart" in refuse(message_type=Message, target=PlainBuilder())
    make_forwarder(message_type=Message, target=PlainBuilder(), key="id")
    make_forwarder(message_type=Message, target=Declares())
    text = refuse(message_type=Message, target=Declares(), key="other")
    assert "declares the key ('id',)" in text


def test_conflict_options_do_not_go_with_a_builder(refuse: Make) -> None:
    target = TableStatementBuilder(table(version()), key="id")
    text = refuse(message_type=Message, target=target, on_conflict=OnConflict.UPDATE)
    assert "are for a table" in text


def test_the_queue_is_not_its_own_dead_letter_queue(refuse: Make, queue: Any) -> None:
    assert "the queue itself" in refuse(dead_letter=queue.url)


def test_nothing_is_asked_at_construction(make_forwarder: Make, queue: Any) -> None:
    make_forwarder(db_connector=DbConnector("sqlite:////nowhere/at/all.db"))
    assert queue.calls == []


def test_the_configuration_is_frozen_and_knows_its_names() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(ForwarderConfig(), "batch_size", 5)  # noqa: B010  # what a type checker refuses
    with pytest.raises(ValueError, match="Extra inputs"):
        ForwarderConfig.model_validate({"batchsize": 5})


def test_the_builders_errors_are_rejections(make_forwarder: Make) -> None:
    class Picky(PlainBuilder):
        key = "id"

        def get_statement_params(self, message: Message) -> dict[str, Any]:
            return {"id": dict[str, str]()[message.id]}

    forwarder = make_forwarder(message_type=Message, target=Picky())
    with pytest.raises(MessageRejectedError, match="refused the message: KeyError") as caught:
        forwarder.forward_message('{"id": "secret", "version": 1}')
    assert caught.value.__context__ is None


def test_a_row_without_its_key_is_rejected(make_forwarder: Make) -> None:
    forwarder = make_forwarder(message_type=Message, target=PlainBuilder(), key=["id", "version"])
    with pytest.raises(MessageRejectedError, match="lacks its key: id, version"):
        forwarder.forward_message('{"id": "a", "version": 1}')
