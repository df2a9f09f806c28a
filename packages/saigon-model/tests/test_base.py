import json

import pytest
from pydantic import ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from saigon.model import BaseModelNoExtra, BasicRestResponse, DataSet, EmptyContent


class Order(BaseModelNoExtra):
    order_id: int = Field(alias="orderId")


def test_a_field_is_set_by_name_or_alias() -> None:
    assert Order(order_id=1) == Order.model_validate({"orderId": 1})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Order.model_validate({"orderId": 1, "x": 2})


class Login(BaseModelNoExtra):
    name: str = Field(max_length=5)
    password: SecretStr = Field(min_length=30)
    order: Order | None = None


class FrozenLogin(Login):
    model_config = ConfigDict(frozen=True)


LOGIN = {"name": "Ada", "password": "x" * 30}


@pytest.mark.parametrize("model", [Login, FrozenLogin])
@pytest.mark.parametrize(
    "value",
    [
        LOGIN | {"name": "my-password"},
        LOGIN | {"password": "my-password"},
        LOGIN | {"order": {"orderId": "my-password"}},
        LOGIN | {"order": "my-password"},
        LOGIN | {"more": "my-password"},
        "my-password",
        ["my-password"],
    ],
    ids=str,
)
def test_the_text_of_an_error_does_not_show_the_input(model: type[Login], value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    with pytest.raises(ValidationError) as caught_in_json:
        model.model_validate_json(json.dumps(value))
    assert "my-password" not in f"{caught.value} {caught.value!r} {caught_in_json.value}"


def test_a_derived_model_with_settings_of_its_own_keeps_the_rules() -> None:
    login = FrozenLogin.model_validate(LOGIN)
    with pytest.raises(ValidationError, match="frozen"):
        login.name = "Bob"  # type: ignore[misc]  # the fault under test
    with pytest.raises(ValidationError, match="extra_forbidden"):
        FrozenLogin.model_validate(LOGIN | {"more": 1})
    assert "x" * 30 not in f"{login!r} {login.model_dump_json()}"


@pytest.mark.parametrize("body", ["null", "{}"])
def test_empty_content_is_no_body_or_an_empty_one(body: str) -> None:
    assert EmptyContent.model_validate_json(body).model_dump_json() == "{}"


def test_empty_content_may_be_left_out_of_a_model() -> None:
    bodies: list[object] = [None, {}, EmptyContent()]
    assert [EmptyContent.model_validate(body) for body in bodies] == [EmptyContent()] * 3
    assert TypeAdapter(EmptyContent).validate_python(None).model_dump() == {}


@pytest.mark.parametrize("body", ["[]", "0", "false", '""', '"{}"', '{"a":1}', "[{}]", "", "{"])
def test_empty_content_holds_nothing(body: str) -> None:
    with pytest.raises(ValidationError):
        EmptyContent.model_validate_json(body)


def test_a_raw_answer_is_its_status_and_text() -> None:
    raw = BasicRestResponse(status_code=502, content="<html>")
    assert BasicRestResponse.model_validate_json(raw.model_dump_json()) == raw
    with pytest.raises(ValidationError):
        BasicRestResponse.model_validate({"status_code": 200, "content": b"\xff"})


@pytest.mark.parametrize("status", [99, 600])
def test_a_status_is_one_of_http(status: int) -> None:
    assert BasicRestResponse(status_code=204).content == ""
    with pytest.raises(ValidationError):
        BasicRestResponse(status_code=status)


def test_a_data_set_is_sized_and_iterable() -> None:
    orders = DataSet[Order](data=[Order(order_id=1), Order(order_id=2)])
    assert len(orders) == 2
    assert [order.order_id for order in orders] == [1, 2]
    assert DataSet[Order].model_validate_json(orders.model_dump_json(by_alias=True)) == orders
    assert not DataSet[Order](data=[])
