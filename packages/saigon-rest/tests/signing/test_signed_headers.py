from collections.abc import Callable
from typing import Any

import pytest
import requests

from saigon.rest.exceptions import SigningError


def test_only_headers_that_no_proxy_rewrites_are_signed(signed: Callable[..., Any]) -> None:
    r = signed("POST", json={}, headers={"User-Agent": "x", "X-Amz-Meta": "1", "X-Amzn-Own": "2"})
    assert (
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta;"
        "x-amz-security-token," in r.headers["Authorization"]
    )


def test_further_headers_are_signed_where_asked_for(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    auth = signer(extra_signed_headers=["Idempotency-Key", "X-Absent"])
    r = signed(auth=auth, headers={"idempotency-key": "1"})
    assert "SignedHeaders=host;idempotency-key;x-amz-content" in r.headers["Authorization"]


def test_a_length_is_signed_as_it_is_sent(
    signer: Callable[..., Any],
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    auth = signer(extra_signed_headers=["Content-Length"])
    sent = wire(signed("PUT", auth=auth, data=(part for part in [b"some", b" bytes"])))
    assert sent.headers["content-length"] == "10"
    assert "content-length" in sent.signed_names
    assert sent.authorization == botocore_authorization(sent)


@pytest.mark.parametrize(
    "value",
    ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a\x00b", "a\x7fb", "a\r\nX-Evil: 1", "a\nb"],
)
@pytest.mark.parametrize("name", ["X-Amz-Meta", "Content-Type", "Idempotency-Key"])
def test_a_value_that_cannot_be_signed_is_refused_and_not_shown(
    name: str, value: str, host: str, signer: Callable[..., Any]
) -> None:
    r = requests.Request("GET", f"https://{host}/").prepare()
    r.headers[name] = value
    with pytest.raises(SigningError, match=name.lower()) as caught:
        signer(extra_signed_headers=["Idempotency-Key"])(r)
    assert value not in str(caught.value)
    assert "Evil" not in str(caught.value)


def test_a_token_with_a_line_break_is_refused_and_not_shown(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    with pytest.raises(SigningError, match="x-amz-security-token") as caught:
        signed(auth=signer(aws_token="the-\ntoken"))
    assert "the-" not in str(caught.value)


def test_bytes_are_signed_as_the_text_that_they_are_sent_as(
    signed: Callable[..., Any], host: str
) -> None:
    asked = {"X-Amz-Meta": b"some value", "Host": host.encode()}
    text = {name: value.decode() for name, value in asked.items()}
    assert (
        signed(headers=asked).headers["Authorization"]
        == signed(headers=text).headers["Authorization"]
    )


@pytest.mark.parametrize("loose", ["a   b", "a\tb", "a \t b", "a b  ", "a b\t"])
def test_white_space_in_a_value_is_folded_for_the_signature_alone(
    loose: str, signed: Callable[..., Any]
) -> None:
    sent = signed(headers={"X-Amz-Meta": loose})
    tight = signed(headers={"X-Amz-Meta": "a b"})
    assert sent.headers["Authorization"] == tight.headers["Authorization"]
    assert sent.headers["X-Amz-Meta"] == loose


@pytest.mark.parametrize(
    "forged",
    [
        {"Authorization": "Bearer x"},
        {"X-Amz-Date": "20000101T000000Z"},
        {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
        {"x-amz-security-token": "of another"},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_what_the_signer_writes_is_not_taken_from_the_request(
    forged: dict[str, str], signed: Callable[..., Any]
) -> None:
    assert signed(headers=forged).headers == signed().headers


def test_what_an_earlier_signature_wrote_is_not_signed_by_the_method_of_the_base(
    keys: Any, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    stale = {"x-amz-date": "20000101T000000Z", "x-amz-security-token": "of another"}
    r = requests.Request("GET", signed().url, headers=stale).prepare()
    given = (keys.access_key, keys.secret, keys.token)
    headers = signer().get_aws_request_headers(r, *given)
    assert headers["Authorization"] == signed().headers["Authorization"]


def test_signing_again_gives_the_same_request(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    r = signed("PUT", data=b"x", url="https://abc123.execute-api.eu-west-1.amazonaws.com/a b?c=+")
    first = (r.url, dict(r.headers))
    signer()(r)
    assert (r.url, dict(r.headers)) == first


def test_a_token_of_an_earlier_signature_does_not_stay(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    r = signed()
    signer(aws_token=None)(r)
    assert "X-Amz-Security-Token" not in r.headers
    assert "x-amz-security-token" not in r.headers["Authorization"]
