from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from saigon.model import QueryDataParams
from saigon.rest._calls.urls import build_url, origin, parse_base_url, redirect_target, without_query
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

BASE = "https://api.example.com/prod"


class Colour(Enum):
    RED = "red"


class Filter(BaseModel):
    status: str | None = None
    colours: list[str] = []


def url(path: str, params: Any = None, **path_params: Any) -> str:
    return build_url(BASE, path, path_params, params)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/orders", f"{BASE}/orders"),
        ("orders", f"{BASE}/orders"),
        ("orders/", f"{BASE}/orders/"),
        ("", BASE),
        ("/", f"{BASE}/"),
        ("/orders?a=1", f"{BASE}/orders?a=1"),
        ("https://API.example.com:443/other", "https://API.example.com:443/other"),
    ],
)
def test_a_path_is_put_under_the_base_url(path: str, expected: str) -> None:
    assert url(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "https://example.com/",
        "http://api.example.com/",
        "https://api.example.com:444/",
        "https://user@api.example.com/x",
        "//example.com/x",
        "/users//orders",
        "/users/../admin",
        "/users/%2E./admin",
        "/..",
        "..",
        "/a\\..\\b",
        "/a#b",
        "https://[api/x",
        "https://api.example.com:99999/",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        url(path)


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_a_parameter_that_is_no_segment_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="'user_id'"):
        url("/users/{user_id}", user_id=value)


def test_parameters_must_be_those_of_the_path() -> None:
    with pytest.raises(InvalidRequestError, match="asks for"):
        url("/users/{user_id}", id=1)
    with pytest.raises(InvalidRequestError, match="asks for"):
        url("/users", id=1)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_parameter_stays_one_segment(value: str) -> None:
    if value in {".", ".."}:
        return
    path = urlsplit(url("/users/{user_id}/orders", user_id=value)).path
    head, middle, tail = path.removeprefix("/prod").rsplit("/", 2)
    assert (head, unquote(middle), tail) == ("/users", value, "orders")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (date(2026, 5, 17), "2026-05-17"),
        ("a/b {c}", "a%2Fb%20%7Bc%7D"),
    ],
)
def test_a_parameter_is_written_as_services_read_it(value: Any, expected: str) -> None:
    assert url("/users/{user_id}", user_id=value) == f"{BASE}/users/{expected}"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"a": 1, "b": None, "c": True, "d": [1, "x y"]}, "a=1&c=true&d=1&d=x%20y"),
        ({"at": datetime(2026, 5, 17, tzinfo=UTC)}, "at=2026-05-17T00%3A00%3A00%2B00%3A00"),
        (Filter(colours=["red", "blue"]), "colours=red&colours=blue"),
        (
            QueryDataParams[Filter](max_count=5, selection=Filter(status="open")),
            "status=open&max_count=5",
        ),
    ],
)
def test_a_query_holds_no_raw_character_that_means_something(params: Any, expected: str) -> None:
    got = urlsplit(url("/orders", params)).query
    assert sorted(got.split("&")) == sorted(expected.split("&"))


def test_a_query_is_added_to_one_that_is_there() -> None:
    assert url("/orders?a=1", {"b": 2}) == f"{BASE}/orders?a=1&b=2"


@pytest.mark.parametrize(
    "base_url",
    [
        "api.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=1",
        "https://x#a",
        "https://x?",
        "https://x#",
        "https://x:99999",
        "https://x:a",
        "https://[::1",
    ],
)
def test_a_base_url_is_checked(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_base_url(base_url)
    assert "u:p" not in str(caught.value)


def test_the_origin_knows_default_ports() -> None:
    assert origin("https://x/a") == origin("https://X:443/b") != origin("http://x/a")


def test_a_url_for_a_log_carries_no_secret() -> None:
    assert without_query("https://u:p@x:1/a?X-Amz-Signature=s#f") == "https://x:1/a"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b?c=1", "https://x/b?c=1"),
        ("c", "https://x/a/c"),
        ("https://x:443/b", "https://x:443/b"),
        ("https://y/b", None),
        ("//y/b", None),
        ("http://x/b", None),
        ("https://u@x/b", None),
        ("https://[x/b", None),
        ("https://x:99999/b", None),
    ],
)
def test_a_redirect_stays_within_its_origin(location: str, expected: str | None) -> None:
    assert redirect_target("https://x/a/b", location) == expected
