"""The signer as a ``RequestAuthorizer``, of requests that another library sends."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saigon.model.interface import HttpRequest, RequestAuthorizer
from saigon.rest.exceptions import SigningError

PATHS = st.text("/.ab%~;=+ é", max_size=10).map("/{}".format)
QUERIES = st.text("ab&=+%20;:/~*é", max_size=10)


@pytest.fixture(scope="session")
def arrived(new_wire: Callable[..., Any]) -> Callable[[HttpRequest], Any]:
    def of(request: HttpRequest) -> Any:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body: Any = request.body or b""
        return new_wire(request.method, request.url, headers, getattr(body, "read", lambda: body)())

    return of


def test_the_signer_is_an_authorizer(signer: Callable[..., Any]) -> None:
    assert isinstance(signer(), RequestAuthorizer)


@settings(deadline=None, max_examples=150)
@given(
    method=st.sampled_from(["GET", "PUT"]),
    path=PATHS,
    query=QUERIES,
    body=st.none() | st.binary(max_size=9),
)
def test_any_request_is_signed_as_botocore_signs_it(  # noqa: PLR0917  # fixtures
    method: str,
    path: str,
    query: str,
    body: bytes | None,
    host: str,
    signer: Callable[..., Any],
    arrived: Callable[[HttpRequest], Any],
    botocore_authorization: Callable[..., str],
) -> None:
    asked = HttpRequest(method, f"https://{host}{path}?{query}", {"content-type": "text/x"}, body)
    sent = arrived(signer().authorize(asked))
    assert sent.authorization == botocore_authorization(sent)
    assert sent.signed_names >= {"host", "content-type", "x-amz-content-sha256"}
    assert sent.url.isascii()
    assert "+" not in sent.url


@pytest.mark.parametrize("body", [None, b"some bytes"])
def test_it_signs_what_requests_would_have_signed(
    body: bytes | None, host: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    asked = HttpRequest("PUT", f"https://{host}/prod", {"x-amz-meta": "1"}, body)
    ours = signer().authorize(asked)
    theirs = signed("PUT", data=body, headers={"x-amz-meta": "1"})
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]


def test_the_given_request_is_left_as_it_was(host: str, signer: Callable[..., Any]) -> None:
    headers = {"authorization": "old", "x-amz-date": "old"}
    file = io.BytesIO(b"head some bytes")
    file.seek(5)
    asked = HttpRequest("PUT", f"https://{host}/a b?c=+", dict(headers), file)
    sent = signer().authorize(asked)
    assert (asked.headers, asked.url, file.tell()) == (headers, f"https://{host}/a b?c=+", 5)
    assert sent.url == f"https://{host}/a%20b?c=%20"
    assert sorted(name.lower() for name in sent.headers) == sorted(
        {name.lower() for name in sent.headers}
    )


def test_a_file_is_hashed_from_where_it_stands(
    host: str,
    signer: Callable[..., Any],
    arrived: Callable[[HttpRequest], Any],
    botocore_authorization: Callable[..., str],
) -> None:
    file = io.BytesIO(b"head some bytes")
    file.seek(5)
    sent = arrived(signer().authorize(HttpRequest("PUT", f"https://{host}/", {}, file)))
    assert sent.body == b"some bytes"
    assert sent.headers["content-length"] == "10"
    assert sent.authorization == botocore_authorization(sent)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("https://example.com/", {}),
        ("https://{host}/", {"HOST": "example.com"}),
        ("https://{host}/", {"X-Amz-Meta": "a\nb"}),
    ],
    ids=["another host", "another Host header", "a line break"],
)
def test_what_cannot_be_signed_is_refused(
    url: str, headers: dict[str, str], host: str, signer: Callable[..., Any]
) -> None:
    with pytest.raises(SigningError):
        signer().authorize(HttpRequest("GET", url.format(host=host), headers))
