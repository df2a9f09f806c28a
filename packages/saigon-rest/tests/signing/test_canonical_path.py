from urllib.parse import quote

import pytest
from botocore.utils import normalize_url_path
from hypothesis import given, settings
from hypothesis import strategies as st

from saigon.rest import _canonical

PATHS = st.text(st.sampled_from("/.ab%~;=+ é"), max_size=12).map(
    lambda path: "/" + quote(path, safe="/.;=+~")
)
S3_SERVICES = ["s3", "s3-object-lambda", "s3-outposts", "s3express"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/../b", "/b"),
        ("/../..", "/"),
        ("/a//b/", "/a/b/"),
        ("//", "/"),
        ("/a/./b/..", "/a/"),
        ("/a/%2e", "/a/"),
        ("/%2e%2e/a", "/a"),
        ("/a../.b", "/a../.b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/a;b=c", "/a%3Bb%3Dc"),
        ("/a+b", "/a%2Bb"),
        ("/~user", "/~user"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_a_path_goes_out_escaped_and_resolved(path: str, expected: str) -> None:
    assert _canonical.wire_path(path, "execute-api") == expected


@pytest.mark.parametrize("service", S3_SERVICES)
def test_s3_takes_a_key_as_it_stands_and_escapes_it_once(service: str) -> None:
    assert _canonical.wire_path("/a//b/../c d", service) == "/a//b/../c%20d"
    assert _canonical.wire_path("", service) == "/"
    assert _canonical.canonical_path("/a//b%20c", service) == "/a//b%20c"
    assert _canonical.canonical_path("", service) == "/"


def test_other_services_escape_a_path_twice() -> None:
    assert _canonical.canonical_path("/a%20b", "execute-api") == "/a%2520b"


@settings(deadline=None, max_examples=300)
@given(PATHS)
def test_a_path_is_signed_as_botocore_signs_it(path: str) -> None:
    assert _canonical.canonical_path(path, "execute-api") == quote(
        normalize_url_path(path), safe="/~"
    )
    wire = _canonical.wire_path(path, "execute-api")
    assert _canonical.canonical_path(wire, "execute-api") == quote(wire, safe="/~")
    assert _canonical.wire_path(wire, "execute-api") == wire
