import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

EXTRA = ("Idempotency-Key", "Cache-Control")
DEFAULT_NAMES = frozenset({"host", "content-type", "idempotency-key"})


@pytest.fixture(scope="session")
def prepare(
    signer: Callable[..., Any], signed: Callable[..., Any], new_body: Callable[..., Any]
) -> Callable[..., requests.PreparedRequest]:
    def of(asked: Any, origin: str, host: str, service: str) -> requests.PreparedRequest:
        auth = signer(host, aws_region="eu-west-1", aws_service=service, extra_signed_headers=EXTRA)
        return signed(  # type: ignore[no-any-return]  # a fixture's
            asked.method,
            f"{origin}{asked.target}",
            auth=auth,
            params=asked.params,
            headers=asked.headers,
            data=new_body(asked)[0],
        )

    return of


def names_to_sign(headers: Any) -> set[str]:
    names = {"host", *headers}
    return {name for name in names if name in DEFAULT_NAMES or name.startswith("x-amz-")}


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_request_is_signed_as_botocore_signs_it(  # noqa: PLR0917  # fixtures
    data: Any,
    any_request: Any,
    any_host: tuple[str, str],
    prepare: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    sent = wire(prepare(data.draw(any_request), *any_host, "execute-api"))
    assert sent.authorization == botocore_authorization(sent)
    assert sent.signed_names == names_to_sign(sent.headers)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_key_of_s3_is_signed_as_botocore_signs_it(
    data: Any,
    any_request_to_s3: Any,
    prepare: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    asked = data.draw(any_request_to_s3)
    sent = wire(prepare(asked, "https://bucket.s3.example", "bucket.s3.example", "s3"))
    assert sent.authorization == botocore_authorization(sent, service="s3")


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_server_that_decodes_the_query_comes_to_the_same_signature(  # noqa: PLR0917  # fixtures
    data: Any,
    any_params: Any,
    signer: Callable[..., Any],
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    sent = wire(signed(params=data.draw(any_params)))
    assert sent.authorization == botocore_authorization(sent, decoded=True)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_body_is_hashed_and_measured_as_it_is_sent(
    data: Any,
    any_request: Any,
    prepare: Callable[..., Any],
    new_body: Callable[..., Any],
    wire: Callable[..., Any],
) -> None:
    asked = data.draw(any_request)
    expected = new_body(asked)[1]
    sent = wire(prepare(asked, "https://h.example", "h.example", "execute-api"))
    assert sent.body == expected
    assert sent.headers["x-amz-content-sha256"] == hashlib.sha256(expected).hexdigest()
    assert sent.headers.get("content-length", "0") == str(len(expected))
    assert "transfer-encoding" not in sent.headers
