from datetime import UTC, datetime
from typing import Any, assert_type

import pytest
from pydantic import BaseModel, ValidationError

from saigon.model import IntRange, QueryDataParams, QueryDataResult, TimeRange


class Selection(BaseModel):
    status: list[str] = []
    paid: bool | None = None
    amount: IntRange | None = None


class Clash(BaseModel):
    max_count: int = 1


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


def test_a_selection_may_not_hide_a_parameter_of_the_page() -> None:
    with pytest.raises(ValueError, match="max_count"):
        QueryDataParams[Clash](selection=Clash()).url_params_dict()


def test_a_selection_without_names_has_no_parameters() -> None:
    with pytest.raises(TypeError, match="model"):
        QueryDataParams[int](selection=3).url_params_dict()


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
