import pytest

from saigon.rest import _canonical


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1+2", "a=1%202"),
        ("a=1%2B2", "a=1%2B2"),
        ("b=2&a=1", "b=2&a=1"),
        ("a", "a="),
        ("=v", "=v"),
        ("a=1&&b=2&", "a=1&b=2"),
        ("a=b=c", "a=b%3Dc"),
        ("a:b=c/d?e", "a%3Ab=c%2Fd%3Fe"),
        ("a=%e2%82%ac", "a=%E2%82%AC"),
        ("a=%ff", "a=%FF"),
        ("a=~-._", "a=~-._"),
        ("a=%7E%2D", "a=~-"),
        ("a=%", "a=%25"),
    ],
)
def test_a_query_goes_out_escaped_in_its_order(query: str, expected: str) -> None:
    assert _canonical.wire_query(query) == expected
    assert _canonical.wire_query(expected) == expected


def test_a_received_plus_is_a_plus_sign() -> None:
    assert _canonical.canonical_query("a=1+2") == "a=1%2B2"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=2&a=10&b=0&a-b=1", "a=10&a=2&a-b=1&b=0"),
        ("id-type=1&id=2", "id=2&id-type=1"),
        ("b=1&B=1&a=1", "B=1&a=1&b=1"),
        ("a~=1&a%C3%A9=1&aB=1", "a%C3%A9=1&aB=1&a~=1"),
        ("a&a=", "a=&a="),
    ],
)
def test_a_query_is_sorted_by_escaped_name_and_then_value(query: str, expected: str) -> None:
    assert _canonical.canonical_query(query) == expected
