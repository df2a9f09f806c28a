import pytest

from saigon.rest import _canonical


@pytest.mark.parametrize(
    ("value", "folded"),
    [
        ("", ""),
        (" ", ""),
        ("a", "a"),
        ("  a  ", "a"),
        ("\ta\t", "a"),
        ("a   b \t c", "a b c"),
        ('"a   b"', '"a b"'),
        ("a\N{NO-BREAK SPACE} \N{NO-BREAK SPACE}b", "a\N{NO-BREAK SPACE} \N{NO-BREAK SPACE}b"),
        ("a\N{NO-BREAK SPACE}  b", "a\N{NO-BREAK SPACE} b"),
        ("\x0ba  b\x0c", "\x0ba b\x0c"),
    ],
    ids=repr,
)
def test_spaces_and_tabs_alone_are_folded(value: str, folded: str) -> None:
    assert _canonical.fold(value) == folded


def test_each_header_has_its_line_and_its_place_in_the_list() -> None:
    headers = [("host", "h"), ("x-amz-date", "d")]
    assert _canonical.canonical_request("PUT", "/p", "q=", headers, "hash") == (
        "PUT\n/p\nq=\nhost:h\nx-amz-date:d\n\nhost;x-amz-date\nhash"
    )
