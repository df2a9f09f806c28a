from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.rest._calls.urls import (
    build_url,
    origin,
    parse_base_url,
    redirect_target,
    without_query,
)
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

BASE = "https://api.example.com/prod"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


def url(path: str, **path_params: Any) -> str:
    return build_url(BASE, path, path_params, None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/orders", f"{BASE}/orders"),
        ("orders", f"{BASE}/orders"),
        ("orders/", f"{BASE}/orders/"),
        ("", BASE),
        ("/", f"{BASE}/"),
        ("/orders?a=1", f"{BASE}/orders?a=1"),
        ("/orders?next=//a/../b", f"{BASE}/orders?next=//a/../b"),
        ("/orders;v=1/.well-known/a..b/...", f"{BASE}/orders;v=1/.well-known/a..b/..."),
        ("/a:b", f"{BASE}/a:b"),
        ("https:/example.com", f"{BASE}/https:/example.com"),
        ("https://API.example.com:443/other", "https://API.example.com:443/other"),
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com?a=//b", "https://api.example.com?a=//b"),
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
        "https://api.example.com./",
        "https://api.example.com.example.org/",
        "https://user@api.example.com/x",
        "https://api.example.com@example.org/x",
        "https://api.example.com%2f@example.org/x",
        "https://api.example.com:443@example.org/x",
        "https://api.example.com/../x",
        "https://api.example.com/a//b",
        "https:///api.example.com/x",
        "/proxy/https://example.com/",
        " https://example.com/",
        "ht\ttps://example.com/",
        "https://api.exa\nmple.com/",
        "//example.com/x",
        "///x",
        "/users//orders",
        "/users/../admin",
        "/users/%2E./admin",
        "/users/%2e%2E/admin",
        "/users/%2e",
        "/users/..;a=1/admin",
        "/..",
        "..",
        ".",
        "/a\\..\\b",
        "/a#b",
        "/a\r\nHost: example.com",
        "/a\0",
        "/a\x85b",
        "/a?b=\n",
        "/a\ud800",
        "/{",
        "/a}b",
        "/{}",
        "/{7}",
        "/{a b}",
        "https://[api/x",
        "https://api.example.com:99999/",
        "https://api.example.com:\N{FULLWIDTH DIGIT FOUR}43/",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        url(path)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        None,
        " ",
        "\t",
        "\N{NO-BREAK SPACE}",
        " .. ",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%20",
        "a\0",
        "a\r\nb",
        "a\x7f",
        "\ud800",
    ],
)
def test_a_parameter_that_is_no_segment_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="'user_id'"):
        url("/users/{user_id}", user_id=value)


@pytest.mark.parametrize(
    "value", [b"a", ["a"], ("a",), {"a": 1}, SecretStr("hidden"), object()], ids=range(6)
)
def test_a_parameter_whose_text_says_something_else_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="no place in a URL") as caught:
        url("/users/{user_id}", user_id=value)
    assert "hidden" not in str(caught.value)


def test_parameters_must_be_those_of_the_path() -> None:
    for path, given_params in (("/users/{user_id}", {"id": 1}), ("/users", {"id": 1})):
        with pytest.raises(InvalidRequestError, match="asks for"):
            url(path, **given_params)
    with pytest.raises(InvalidRequestError, match="asks for"):
        url("/users/{user_id}")


def test_a_parameter_may_stand_anywhere_and_more_than_once() -> None:
    assert (
        url("/a-{x}/{x}?q={y}&z=1", x="1/2", y="a&b=c") == f"{BASE}/a-1%2F2/1%2F2?q=a%26b%3Dc&z=1"
    )
    assert build_url(BASE, "/{user-id}", {"user-id": 7}, None) == f"{BASE}/7"


def test_a_parameter_s_own_braces_are_no_parameter() -> None:
    assert url("/{a}/{b}", a="{b}", b="{a}") == f"{BASE}/%7Bb%7D/%7Ba%7D"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_parameter_stays_one_segment(value: str) -> None:
    if unquote(value).strip() in {"", ".", ".."}:
        return
    path = urlsplit(url("/users/{user_id}/orders", user_id=value)).path
    head, middle, tail = path.removeprefix("/prod").rsplit("/", 2)
    assert (head, unquote(middle), tail) == ("/users", value, "orders")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (-0.5, "-0.5"),
        (Decimal("1.50"), "1.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Level.HIGH, "3"),
        (True, "true"),
        (date(2026, 5, 17), "2026-05-17"),
        (datetime(2026, 5, 17, 12, tzinfo=UTC), "2026-05-17T12%3A00%3A00%2B00%3A00"),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", "%D9%A7"),
        ("a/b {c};d=1?e#f", "a%2Fb%20%7Bc%7D%3Bd%3D1%3Fe%23f"),
        ("a%2Fb", "a%252Fb"),
        ("..;", "..%3B"),
    ],
)
def test_a_parameter_is_written_as_services_read_it(value: Any, expected: str) -> None:
    assert url("/users/{user_id}", user_id=value) == f"{BASE}/users/{expected}"


@pytest.mark.parametrize(
    ("base_url", "parsed"),
    [
        ("https://x", "https://x"),
        ("https://x/", "https://x"),
        ("https://x//", "https://x"),
        ("http://127.0.0.1:8000/a/b/", "http://127.0.0.1:8000/a/b"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://x/v1.2/.hidden", "https://x/v1.2/.hidden"),
        (
            "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example:8/a",
            "https://xn--bcher-kva.example:8/a",
        ),
    ],
)
def test_a_base_url_loses_its_last_slash(base_url: str, parsed: str) -> None:
    assert parse_base_url(base_url) == parsed


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.com",
        "ftp://x",
        "https://",
        "https:///x",
        "https://u:p@x",
        "https://x?a=1",
        "https://x#a",
        "https://x?",
        "https://x#",
        "https://x:99999",
        "https://x:a",
        "https://[::1",
        "https://x/a/../b",
        "https://x/./b",
        "https://x/%2e%2e/b",
        "https://x/a//b",
        "https://x/{stage}",
        "https://x\\y",
        " https://x",
        "https://x\n",
        "https://x/a b",
        "https://\N{LATIN SMALL LETTER U WITH DIAERESIS}" + "a" * 64,
    ],
)
def test_a_base_url_is_checked(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_base_url(base_url)
    assert "u:p" not in str(caught.value)


def test_the_origin_knows_default_ports_and_names_in_other_letters() -> None:
    assert origin("https://x/a") == origin("https://X:443/b") != origin("http://x/a")
    name = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
    assert origin(f"https://{name}") == origin("https://xn--bcher-kva.example")


def test_a_url_for_a_log_carries_no_secret() -> None:
    assert without_query("https://u:p@x:1/a?X-Amz-Signature=s#f") == "https://x:1/a"
    assert without_query("https://x/a") == "https://x/a"


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
        ("/b\x01", None),
        ("\\\\y\\b", None),
    ],
)
def test_a_redirect_stays_within_its_origin(location: str, expected: str | None) -> None:
    assert redirect_target("https://x/a/b", location) == expected
