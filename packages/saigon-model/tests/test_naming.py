import re
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, Field, TypeAdapter, create_model

from saigon.model import DataSet, QueryDataParams, QueryDataResult, Range, TimeRange, UtcDatetime

T = TypeVar("T")


class Order(BaseModel):
    order_id: int


class Batch(QueryDataResult[T], Generic[T]):
    pass


def result_of_an_order_with(field: str) -> Any:
    order = create_model("Order", **{field: (str, ...)})  # type: ignore[call-overload]  # named at run time
    return QueryDataResult.__class_getitem__(order)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (QueryDataResult[Order], "QueryDataResult_Order"),
        (QueryDataParams[Order], "QueryDataParams_Order"),
        (QueryDataParams[TimeRange], "QueryDataParams_TimeRange"),
        (QueryDataParams[Any], "QueryDataParams_Any"),
        (QueryDataParams[None], "QueryDataParams_None"),
        (DataSet[list[int]], "DataSet_list_int"),
        (DataSet[dict[str, list[Order]]], "DataSet_dict_str_list_Order"),
        (DataSet[int | None], "DataSet_int_None"),
        (DataSet[Optional[Order]], "DataSet_Order_None"),  # noqa: UP045  # the older form
        (DataSet[Literal["new & old", 1]], "DataSet_Literal_new_old_1"),
        (DataSet[Annotated[int, Field(ge=0)]], "DataSet_int"),
        (DataSet[UtcDatetime], "DataSet_AwareDatetime"),
        (Range[int], "Range_int"),
        (QueryDataResult[DataSet[Order]], "QueryDataResult_DataSet_Order"),
        (QueryDataResult[Range[UtcDatetime]], "QueryDataResult_Range_AwareDatetime"),
        (Batch[Order], "Batch_Order"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_generic_model_is_named_readably_in_a_schema(model: Any, name: str) -> None:
    assert model.__name__ == name
    schema = TypeAdapter(list[model]).json_schema()
    assert schema["items"] == {"$ref": f"#/$defs/{name}"}
    assert schema["$defs"][name]["title"] == name


def test_two_models_of_one_name_are_kept_apart() -> None:
    one, other = result_of_an_order_with("number"), result_of_an_order_with("name")
    page = create_model("Page", one=(one, ...), other=(other, ...))
    read = page.model_validate(
        {"one": {"data": [{"number": "1"}]}, "other": {"data": [{"name": "A"}]}}
    )
    assert page.model_validate_json(read.model_dump_json()) == read
    names = page.model_json_schema()["$defs"]
    assert len([name for name in names if "QueryDataResult_Order" in name]) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


@pytest.mark.skipif(
    pydantic.VERSION in {f"2.11.{patch}" for patch in range(5)},
    reason="the first pydantic 2.11 builds no model that holds itself in a generic one",
)
def test_a_generic_model_may_hold_itself() -> None:
    class Node(BaseModel):
        children: "DataSet[Node] | None" = None

    assert "DataSet_Node" in Node.model_json_schema()["$defs"]
    tree = Node.model_validate({"children": {"data": [{"children": None}]}})
    assert Node.model_validate_json(tree.model_dump_json()) == tree
