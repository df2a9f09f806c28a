from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from saigon.model import QueryDataParams
from saigon.rest._calls.queries import encode_query
from saigon.rest._calls.urls import build_url
from saigon.rest.exceptions import InvalidRequestError

BASE = "https://api.example.com/prod"


class Filter(BaseModel):
    status: str | None = None
    colours: list[str] = []
    max_price: int | None = Field(default=None, alias="maxPrice")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"a": 1, "b": None, "c": True, "d": [1, "x y"]}, "a=1&c=true&d=1&d=x%20y"),
        ({"a": [None, 1], "b": []}, "a=1"),
        ({"a": ("x", "x"), "b": ""}, "a=x&a=x&b="),
        ({"a&b": "=+ /?#%&"}, "a%26b=%3D%2B%20%2F%3F%23%25%26"),
        ({"a": "x\r\ny"}, "a=x%0D%0Ay"),
        ({"at": datetime(2026, 5, 17, tzinfo=UTC)}, "at=2026-05-17T00%3A00%3A00%2B00%3A00"),
        (Filter(colours=["red", "blue"], maxPrice=3), "colours=red&colours=blue&maxPrice=3"),
        (
            QueryDataParams[Filter](max_count=5, selection=Filter(status="open")),
            "status=open&max_count=5",
        ),
    ],
    ids=range(10),
)
def test_a_query_holds_no_raw_character_that_means_something(params: Any, expected: str) -> None:
    assert sorted(encode_query(params).split("&")) == sorted(expected.split("&"))


@pytest.mark.parametrize(
    "value", [{"b": 1}, b"x", [["x"]], SecretStr("hidden"), "\ud800", [{"b": 1}]], ids=range(6)
)
def test_a_value_whose_text_says_something_else_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        encode_query({"a": value})
    assert "hidden" not in str(caught.value)


def test_a_query_is_added_to_one_that_is_there() -> None:
    assert build_url(BASE, "/orders?a=1", None, {"b": 2}) == f"{BASE}/orders?a=1&b=2"
    assert build_url(BASE, "/orders", None, {"b": None}) == f"{BASE}/orders"


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text("a&=+%/ ü")))
def test_names_and_values_arrive_as_they_were(params: dict[str, str]) -> None:
    query = encode_query(params)
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    assert {unquote(name): unquote(value) for name, _, value in pairs} == params
