from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, assert_type
from urllib.parse import parse_qs, urlencode
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    ValidationError,
    computed_field,
)

from saigon.model import IntRange, QueryDataParams, QueryDataResult, TimeRange


class Selection(BaseModel):
    status: list[str] = []
    paid: bool | None = None
    amount: IntRange | None = None


class Clash(BaseModel):
    max_count: int = 1


class WithTotal(BaseModel):
    wanted: bool = Field(default=True, alias="withTotal")


class HiddenClash(BaseModel):
    token: str = Field(default="x", alias="page_token")


def test_without_a_selection_no_annotation_is_needed() -> None:
    params = QueryDataParams(max_count=5)
    assert_type(params, QueryDataParams[Any])
    assert params.url_params_dict() == {"max_count": "5"}


def test_the_selection_stands_beside_the_pages_own_parameters() -> None:
    selection = Selection(status=["new", "sent"], paid=True, amount=IntRange(start=1))
    params = QueryDataParams[Selection](max_count=5, selection=selection, page_token="t")
    assert params.url_params_dict() == {
        "status": ["new", "sent"],
        "paid": "true",
        "amount": '{"start":1}',
        "max_count": "5",
        "page_token": "t",
    }


def test_a_time_range_keeps_the_names_of_its_ends() -> None:
    since = TimeRange(start=datetime(2026, 1, 1, tzinfo=UTC))
    params = QueryDataParams[TimeRange](selection=since).url_params_dict()
    assert params == {"max_count": "100", "start_time": "2026-01-01T00:00:00Z"}


class Status(Enum):
    NEW = "new & old"
    SENT = "sent"


class Everything(BaseModel):
    """Fields of each kind that a query string carries."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    texts: list[str] = []
    numbers: set[int] = set()
    pair: tuple[int, ...] = ()
    whole: int | None = None
    share: float | None = None
    amount: Decimal | None = None
    paid: bool | None = None
    status: Status | None = None
    statuses: list[Status] = []
    at: AwareDatetime | None = None
    day: date | None = None
    lasting: timedelta | None = None
    order_id: UUID | None = None
    aliased: int = Field(default=0, alias="theAliased")
    renamed: int = Field(default=0, validation_alias="readAs", serialization_alias="writtenAs")
    either: int = Field(default=0, validation_alias=AliasChoices("one", "other"))
    amounts: Json[IntRange] | None = None
    kept_back: int = Field(default=0, exclude=True)

    @computed_field
    def computed(self) -> int:
        return 1


LISTS = {"texts", "numbers", "pair", "statuses"}
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)
everything = st.builds(
    Everything,
    text=st.text(),
    texts=st.lists(st.text()),
    numbers=st.sets(st.integers()),
    pair=st.lists(st.integers()),
    whole=st.none() | st.integers(),
    share=st.none() | st.floats(allow_nan=False),
    amount=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    paid=st.none() | st.booleans(),
    status=st.none() | st.sampled_from(Status),
    statuses=st.lists(st.sampled_from(Status)),
    at=st.none() | st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets),  # noqa: DTZ001  # bounds are naive
    day=st.none() | st.dates(),
    lasting=st.none() | st.timedeltas(timedelta(days=-999), timedelta(days=999)),
    order_id=st.none() | st.uuids(),
    theAliased=st.integers(),
    readAs=st.integers(),
    one=st.integers(),
    amounts=st.none() | st.integers(0, 9).map(lambda start: f'{{"start":{start}}}'),
)


@settings(max_examples=30)
@given(everything, st.integers(1, 1_000_000), st.none() | st.text("aZ09-_.", min_size=1))
def test_what_a_client_asks_for_is_what_a_server_reads(
    selection: Everything, max_count: int, token: str | None
) -> None:
    params = QueryDataParams[Everything](selection=selection, max_count=max_count, page_token=token)
    query = urlencode(params.url_params_dict(), doseq=True)
    read = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    received = {name: values if name in LISTS else values[-1] for name, values in read.items()}
    page = {name: received.pop(name) for name in ("max_count", "page_token") if name in received}
    assert Everything.model_validate(received) == selection
    assert QueryDataParams[Any].model_validate({**page, "selection": selection}) == params


def test_an_offset_survives_a_query_string() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    query = urlencode(QueryDataParams[Everything](selection=Everything(at=at)).url_params_dict())
    assert "at=2026-01-01T00%3A00%3A00%2B02%3A00" in query


def test_a_page_of_more_parameters_sends_them_too() -> None:
    class Params(QueryDataParams[TimeRange]):
        with_total: bool = Field(default=False, alias="withTotal")

    params = Params.model_validate({"withTotal": True})
    assert params.url_params_dict() == {"max_count": "100", "withTotal": "true"}
    clash = params.model_copy(update={"selection": WithTotal()})
    with pytest.raises(ValueError, match="withTotal"):
        clash.url_params_dict()


@pytest.mark.parametrize(
    ("selection", "name"), [(Clash(), "max_count"), (HiddenClash(), "page_token")], ids=str
)
def test_a_selection_may_not_hide_a_parameter_of_the_page(selection: BaseModel, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        QueryDataParams[Any](selection=selection).url_params_dict()


def test_a_selection_without_names_has_no_parameters() -> None:
    for selection in (3, "a", ["a"], {"a": 1}, RootModel[int](3), date(2026, 1, 1)):
        with pytest.raises(TypeError, match="model with fields"):
            QueryDataParams[Any](selection=selection).url_params_dict()


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
def test_a_page_holds_at_least_one_item_and_an_amount_that_fits_memory(count: int) -> None:
    with pytest.raises(ValidationError):
        QueryDataParams[Selection](max_count=count)


@pytest.mark.parametrize("token", ["", "x" * 2049])
def test_a_token_is_bounded(token: str) -> None:
    with pytest.raises(ValidationError):
        QueryDataParams[Selection](page_token=token)


def test_a_result_is_a_data_set_with_a_token() -> None:
    result = QueryDataResult[int].model_validate_json('{"data": [1, 2], "page_token": "t"}')
    assert list(result) == [1, 2]
    assert (result.page_token, result.total) == ("t", None)
