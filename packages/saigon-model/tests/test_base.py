import pytest
from pydantic import BaseModel, Field, ValidationError, create_model

from saigon.model import (
    BaseModelNoExtra,
    BasicRestResponse,
    DataSet,
    EmptyContent,
    QueryDataParams,
    QueryDataResult,
    Range,
)


class Order(BaseModelNoExtra):
    order_id: int = Field(alias="orderId")


def test_a_field_is_set_by_name_or_alias() -> None:
    assert Order(order_id=1) == Order.model_validate({"orderId": 1})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Order.model_validate({"orderId": 1, "x": 2})


def test_the_text_of_an_error_does_not_show_the_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({"orderId": "my-password"})
    assert "my-password" not in str(caught.value)


@pytest.mark.parametrize("body", ["null", "{}"])
def test_empty_content_is_no_body_or_an_empty_one(body: str) -> None:
    assert EmptyContent.model_validate_json(body).model_dump_json() == "{}"


def test_empty_content_holds_nothing() -> None:
    with pytest.raises(ValidationError):
        EmptyContent.model_validate({"a": 1})


@pytest.mark.parametrize("status", [99, 600])
def test_a_status_is_one_of_http(status: int) -> None:
    assert BasicRestResponse(status_code=204).content == ""
    with pytest.raises(ValidationError):
        BasicRestResponse(status_code=status)


def test_a_data_set_is_sized_and_iterable() -> None:
    orders = DataSet[Order](data=[Order(order_id=1), Order(order_id=2)])
    assert len(orders) == 2
    assert [order.order_id for order in orders] == [1, 2]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (QueryDataResult[Order], "QueryDataResult_Order"),
        (QueryDataParams[Order], "QueryDataParams_Order"),
        (DataSet[list[int]], "DataSet_list_int"),
        (Range[int], "Range_int"),
        (QueryDataResult[DataSet[Order]], "QueryDataResult_DataSet_Order"),
    ],
)
def test_a_generic_model_is_named_readably_in_a_schema(model: type[BaseModel], name: str) -> None:
    page = create_model("Page", item=(model, ...))
    assert name in page.model_json_schema()["$defs"]
