"""What the server decodes is what was asked for: a signer could rewrite it and sign that."""

import posixpath
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import httpx
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from saigon.model.interface import HttpRequest
from saigon.rest.exceptions import SigningError

ORIGIN = "https://h.example"
WIRE_QUERY = re.compile(r"(?:[A-Za-z0-9._~=&-]|%[0-9A-F]{2})*")
WIRE_PATH = re.compile(r"/(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*")


def pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def segments(path: str) -> list[bytes]:
    return [unquote_to_bytes(segment) for segment in path.split("/")]


def normalised(path: str) -> str:
    """Resolve a path as a file system does; an escaped dot is a dot (RFC 3986, 6.2.2)."""
    dotted = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    resolved = "/" + posixpath.normpath(dotted).lstrip("/")
    is_folder = dotted.endswith(("/", "/.", "/.."))
    return resolved + "/" if is_folder and resolved != "/" else resolved


def as_requests_sends_it(path: str) -> str:
    return urlsplit(str(requests.Request("GET", ORIGIN + path).prepare().url)).path


@pytest.fixture(scope="session")
def sign_url(signer: Callable[..., Any]) -> Callable[..., str]:
    def of(target: str, service: str = "execute-api", params: Any = None) -> str:
        auth = signer("h.example", aws_region="eu-west-1", aws_service=service)
        return str(requests.Request("GET", ORIGIN + target, params=params, auth=auth).prepare().url)

    return of


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_the_server_decodes_the_names_and_values_that_were_asked_for(
    data: Any, any_query: Any, any_params: Any, sign_url: Callable[..., str]
) -> None:
    query, params = data.draw(any_query), data.draw(any_params)
    sent = urlsplit(sign_url(f"/?{query}", params=params)).query
    assert pairs(sent) == pairs(query) + params
    assert WIRE_QUERY.fullmatch(sent)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_the_server_decodes_the_segments_that_were_asked_for(
    data: Any, any_path: Any, sign_url: Callable[..., str]
) -> None:
    path = data.draw(any_path)
    sent = urlsplit(sign_url(path)).path
    assert segments(sent) == segments(normalised(as_requests_sends_it(path)))
    assert WIRE_PATH.fullmatch(sent)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_s3_decodes_the_key_that_requests_was_given(
    data: Any, any_path: Any, sign_url: Callable[..., str]
) -> None:
    path = data.draw(any_path)
    unsigned = as_requests_sends_it(path)
    if unsigned.startswith("//"):
        with pytest.raises(SigningError):
            sign_url(path, "s3")
        return
    sent = urlsplit(sign_url(path, "s3")).path
    assert segments(sent) == segments(unsigned)
    assert WIRE_PATH.fullmatch(sent)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_httpx_sends_the_target_that_was_signed(
    data: Any, any_path: Any, any_query: Any, signer: Callable[..., Any]
) -> None:
    asked = f"{ORIGIN}{data.draw(any_path)}?{data.draw(any_query)}"
    auth = signer("h.example", aws_region="eu-west-1", aws_service="execute-api")
    sent = urlsplit(auth.authorize(HttpRequest("GET", asked)).url)
    target = f"{sent.path}?{sent.query}" if sent.query else sent.path
    assert httpx.URL(sent.geturl()).raw_path.decode() == target


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/a%zz?q=%zz", "/a%25zz?q=%25zz"),
        ("/a?q=100%", "/a?q=100%25"),
        ("/a#fragment", "/a"),
        ("/a?q=1#fragment", "/a?q=1"),
        ("/a?", "/a"),
        ("?q=1", "/?q=1"),
        ("", "/"),
    ],
)
def test_what_is_no_escape_is_a_percent_sign_and_a_fragment_stays_here(
    asked: str, sent: str, sign_url: Callable[..., str]
) -> None:
    assert sign_url(asked) == ORIGIN + sent
