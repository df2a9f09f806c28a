from urllib.parse import quote, unquote_to_bytes

import pytest
from botocore.utils import normalize_url_path
from hypothesis import given
from hypothesis import strategies as st

from saigon.rest import _canonical

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PATHS = st.text(st.sampled_from("/.ab%~;=+ é"), max_size=12).map(
    lambda path: "/" + quote(path, safe="/.;=+~")
)


def test_the_key_is_the_one_that_aws_documents() -> None:
    key = _canonical.signing_key(SECRET, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_the_signature_is_the_one_that_aws_documents() -> None:
    # "get-vanilla-query-order-key-case" of AWS's Signature Version 4 test suite.
    request = _canonical.canonical_request(
        "GET",
        _canonical.canonical_path("/", "service"),
        _canonical.canonical_query("Param2=value2&Param1=value1"),
        [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
        _canonical.EMPTY_HASH,
    )
    key = _canonical.signing_key(SECRET, "20150830", "us-east-1", "service")
    scope = _canonical.credential_scope("20150830T123600Z", "us-east-1", "service")
    assert (
        _canonical.signature(key, "20150830T123600Z", scope, request)
        == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1+2", "a=1%202"),
        ("a=1%2B2", "a=1%2B2"),
        ("b=2&a=1", "b=2&a=1"),
        ("a", "a="),
        ("a=1&&b=2&", "a=1&b=2"),
        ("a=b=c", "a=b%3Dc"),
        ("a:b=c/d?e", "a%3Ab=c%2Fd%3Fe"),
        ("a=%e2%82%ac", "a=%E2%82%AC"),
        ("a=%ff", "a=%FF"),
        ("a=~-._", "a=~-._"),
    ],
)
def test_a_query_goes_out_escaped_in_its_order(query: str, expected: str) -> None:
    assert _canonical.wire_query(query) == expected


def test_a_received_plus_is_a_plus_sign() -> None:
    assert _canonical.canonical_query("a=1+2") == "a=1%2B2"


def test_a_query_is_sorted_by_escaped_name_and_then_value() -> None:
    assert _canonical.canonical_query("a=2&a=10&b=0&a-b=1") == "a=10&a=2&a-b=1&b=0"


@given(st.lists(st.tuples(st.text(min_size=1, max_size=4), st.text(max_size=4)), max_size=4))
def test_rewriting_a_query_changes_no_value(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(
        f"{quote(name, safe='', errors='replace')}={quote(value, safe='', errors='replace')}"
        for name, value in pairs
    )
    wire = _canonical.wire_query(query)
    assert [unquote_to_bytes(part) for part in wire.split("&")] == [
        unquote_to_bytes(part) for part in query.split("&")
    ]
    assert "+" not in wire
    assert _canonical.wire_query(wire) == wire


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/../b", "/b"),
        ("/../..", "/"),
        ("/a//b/", "/a/b/"),
        ("/a/./b/..", "/a"),
        ("/%2e%2e/a", "/a"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a;b=c", "/a%3Bb%3Dc"),
        ("/~user", "/~user"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_a_path_goes_out_escaped_and_resolved(path: str, expected: str) -> None:
    assert _canonical.wire_path(path, "execute-api") == expected


def test_s3_takes_a_key_as_it_stands() -> None:
    assert _canonical.wire_path("/a//b/../c d", "s3") == "/a//b/../c%20d"
    assert _canonical.canonical_path("/a//b%20c", "s3") == "/a//b%20c"


def test_other_services_escape_a_path_twice() -> None:
    assert _canonical.canonical_path("/a%20b", "execute-api") == "/a%2520b"


@given(PATHS)
def test_a_path_is_signed_as_botocore_signs_it(path: str) -> None:
    assert _canonical.canonical_path(path, "execute-api") == quote(
        normalize_url_path(path), safe="/~"
    )
    wire = _canonical.wire_path(path, "execute-api")
    assert _canonical.canonical_path(wire, "execute-api") == quote(wire, safe="/~")
    assert _canonical.wire_path(wire, "execute-api") == wire
