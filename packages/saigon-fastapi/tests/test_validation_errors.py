import asyncio
import json
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, AnyUrl, BaseModel, Field, Json, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_core._pydantic_core import list_all_errors
from starlette.requests import Request

from saigon.fastapi._validation_errors import _OF_INPUT, FIXED_MESSAGE, safe_errors
from saigon.fastapi.problems import validation_error_exception_handler
from saigon.model.problems import ProblemError

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=20,
)
error = st.fixed_dictionaries(
    {
        "type": any_text | st.sampled_from(["value_error", "missing", "union_tag_invalid"]),
        "loc": st.lists(any_text | st.integers(), max_size=30).map(tuple),
        "msg": any_text,
        "input": anything,
    },
    optional={"ctx": st.dictionaries(st.sampled_from(["error", "tag", "gt"]), anything)},
)


@settings(deadline=None, max_examples=50)
@given(st.lists(error, max_size=80), st.integers(1, 60))
def test_answer_is_always_small_json(errors: list[dict[str, Any]], times: int) -> None:
    request = Request({"type": "http", "headers": []})
    exc = RequestValidationError(errors * times)
    answer = asyncio.run(validation_error_exception_handler(request, exc))
    document = json.loads(bytes(answer.body))
    assert len(answer.body) < 8000
    assert len(document["errors"]) <= 50


@settings(deadline=None, max_examples=100)
@given(error)
def test_nothing_of_the_context_or_the_input_is_in_a_message(fault: dict[str, Any]) -> None:
    assume(fault["type"] != "missing")  # whose words are pydantic's, and fixed
    fault = fault | {"msg": f"{fault['input']} {fault.get('ctx')}", "ctx": {"tag": "x"}}
    assert [safe.msg for safe in safe_errors([fault])] == [FIXED_MESSAGE]


def literal(value: str) -> str:
    raise ValueError("names start with a letter")


def through_another(value: str) -> str:
    return literal(value)


def custom(value: str) -> str:
    raise PydanticCustomError("orders.name", "names are short")


FAULTLESS = {
    "literal": (literal, "Value error, names start with a letter"),
    "in a function": (through_another, "Value error, names start with a letter"),
    "custom": (custom, "names are short"),
}


@pytest.mark.parametrize("name", FAULTLESS)
def test_literal_words_of_a_validator_are_shown(name: str) -> None:
    validator, message = FAULTLESS[name]
    assert [error.msg for error in errors_of(Annotated[str, AfterValidator(validator)])] == [
        message
    ]


SECRET = "correct horse battery"


def formatted(value: str) -> str:
    raise ValueError(f"{value} is no name")


def added(value: str) -> str:
    raise ValueError("no name: " + value)


def repeated(value: str) -> str:
    raise ValueError(value)


def represented(value: str) -> str:
    raise ValueError(ascii([value]))


def with_context(value: str) -> str:
    raise PydanticCustomError("orders.name", "{given} is no name", {"given": value})


def of_a_subclass(value: str) -> str:
    class WrongError(ValueError):
        def __str__(self) -> str:
            return f"no name: {value}"

    raise WrongError


QUOTING = [formatted, added, repeated, represented, with_context, of_a_subclass]


@pytest.mark.parametrize("validator", QUOTING, ids=lambda validator: validator.__name__)
def test_words_that_hold_the_input_are_not(validator: Any) -> None:
    (error,) = errors_of(Annotated[str, AfterValidator(validator)])
    assert error.msg == FIXED_MESSAGE


def errors_of(kind: Any, value: object = SECRET) -> list[ProblemError]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return safe_errors(caught.value.errors())


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Pet, {"kind": SECRET}),
        (UUID, "hunter2-hunter2"),
        (AnyUrl, SECRET),
        (Json[int], SECRET),
    ],
    ids=["tag", "uuid", "url", "json"],
)
def test_pydantics_words_are_not_shown_where_they_quote(kind: Any, value: object) -> None:
    assert {error.msg for error in errors_of(kind, value)} == {FIXED_MESSAGE}


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, "x", "Input should be a valid integer, unable to parse string as an integer"),
        (Annotated[int, Field(gt=3)], 2, "Input should be greater than 3"),
        (Literal["a", "b"], SECRET, "Input should be 'a' or 'b'"),
        (datetime, "x", "Input should be a valid datetime or date, input is too short"),
        (date, "x", "Input should be a valid date or datetime, input is too short"),
    ],
    ids=["int", "bound", "literal", "datetime", "date"],
)
def test_pydantics_own_words_are_shown(kind: Any, value: object, message: str) -> None:
    (error,) = errors_of(kind, value)
    assert error.msg == message


def test_numbers_of_a_place_are_those_that_json_holds() -> None:
    fault = {"type": "missing", "loc": ("body", 7, 2**60), "msg": "Field required"}
    (error,) = safe_errors([fault])
    assert error.loc == ["body", 7, str(2**60)]


def test_every_type_whose_message_takes_foreign_words_is_known() -> None:
    foreign = {"error", "tag", "input_value", "encoding_error"}
    of_dates = {kind["type"] for kind in list_all_errors() if "date" in kind["type"]} | {
        "time_delta_parsing",
        "time_parsing",
    }
    taking = {
        kind["type"]
        for kind in list_all_errors()
        if not foreign.isdisjoint(kind["example_context"] or {})
    }
    assert taking - of_dates <= _OF_INPUT | {"assertion_error", "value_error"}


def test_tag_is_not_shown_where_the_context_was_left_out() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Pet).validate_python({"kind": SECRET})
    (error,) = safe_errors(caught.value.errors(include_context=False))
    assert error.msg == FIXED_MESSAGE
