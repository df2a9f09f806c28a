"""What aws-requests-auth gets wrong alone, judged by a server that reads what was sent."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

SCOPE = ("eu-west-1", "execute-api")


@pytest.fixture
def is_accepted(
    signed: Callable[..., Any], wire: Callable[..., Any], botocore_authorization: Callable[..., str]
) -> Callable[..., bool]:
    """Send by an authorization; tells whether a server would come to the same signature."""

    def judge(auth: Any, path: str = "/prod", host: str = "h.example", **parts: Any) -> bool:
        sent = wire(signed(parts.pop("method", "GET"), f"https://{host}{path}", auth=auth, **parts))
        signature = sent.authorization.rpartition("Signature=")[2]
        expected = botocore_authorization(sent, *SCOPE, decoded=True)
        return bool(expected.endswith(f"Signature={signature}"))

    return judge


@pytest.fixture
def plain(keys: Any) -> AWSRequestsAuth:
    return AWSRequestsAuth(keys.access_key, keys.secret, "h.example", *SCOPE, keys.token)


@pytest.fixture
def ours(signer: Callable[..., Any]) -> Any:
    return signer("h.example", aws_region=SCOPE[0], aws_service=SCOPE[1])


def test_both_sign_a_plain_request(
    plain: AWSRequestsAuth, ours: Any, is_accepted: Callable[..., bool]
) -> None:
    for auth in (plain, ours):
        assert is_accepted(auth)
        assert is_accepted(auth, "/a%20b?b=2&a=1", method="POST", data=b"x")


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/?id=1&id-type=2"},
        {"path": "/?a=1&a!=2"},
        {"params": {"q": "a b"}},
        {"path": "/?q=a+b"},
        {"path": "/?filter=a:b"},
        {"path": "/?q=(*)"},
        {"path": "/?q=a/b,c@d"},
        {"path": "/a//b"},
        {"path": "//a"},
    ],
    ids=[
        "sorts whole pairs",
        "sorts whole pairs, punctuation",
        "plus of requests",
        "plus of the user",
        "colon",
        "brackets",
        "slash, comma and at",
        "two slashes",
        "two slashes first",
    ],
)
def test_a_url_that_the_base_signs_wrong_is_signed_right(
    asked: dict[str, Any], plain: AWSRequestsAuth, ours: Any, is_accepted: Callable[..., bool]
) -> None:
    assert not is_accepted(plain, **asked)
    assert is_accepted(ours, **asked)


def test_the_port_that_the_base_leaves_out_is_signed(
    plain: AWSRequestsAuth, signer: Callable[..., Any], is_accepted: Callable[..., bool]
) -> None:
    ours = signer("h.example:8443", aws_region=SCOPE[0], aws_service=SCOPE[1])
    assert not is_accepted(plain, host="h.example:8443")
    assert is_accepted(ours, host="h.example:8443")


def test_the_hash_and_the_headers_that_the_base_leaves_unsigned_are_signed(
    plain: AWSRequestsAuth, ours: Any, signed: Callable[..., Any], wire: Callable[..., Any]
) -> None:
    headers = {"Content-Type": "text/plain", "X-Amz-Meta": "1"}
    asked: Any = {"method": "PUT", "url": "https://h.example/", "data": b"x", "headers": headers}
    left = wire(signed(auth=plain, **asked))
    assert "x-amz-content-sha256" in left.headers
    assert left.signed_names == {"host", "x-amz-date", "x-amz-security-token"}
    assert wire(signed(auth=ours, **asked)).signed_names == left.signed_names | {
        "x-amz-content-sha256",
        "content-type",
        "x-amz-meta",
    }


@pytest.mark.parametrize(
    "body",
    [lambda: io.BytesIO(b"some bytes"), lambda: (part for part in [b"some", b" bytes"])],
    ids=["file", "generator"],
)
def test_a_body_that_the_base_fails_on_is_signed(
    body: Callable[[], Any], plain: AWSRequestsAuth, ours: Any, is_accepted: Callable[..., bool]
) -> None:
    with pytest.raises(TypeError):
        requests.Request("PUT", "https://h.example/", data=body(), auth=plain).prepare()
    assert is_accepted(ours, method="PUT", data=body())
