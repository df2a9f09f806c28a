"""What the log says of signatures that were made in one of the usual wrong ways, by botocore."""

from typing import Any

import pytest
from botocore.auth import SigV4Auth


class Unsigned(SigV4Auth):
    def payload(self, request: Any) -> str:
        return "UNSIGNED-PAYLOAD"


class EscapingOnce(SigV4Auth):
    def _normalize_url_path(self, path: str) -> str:
        return path


class Unsorted(SigV4Auth):
    def _canonical_query_string_url(self, parts: Any) -> str:
        return str(parts.query)


class Portless(SigV4Auth):
    def headers_to_sign(self, request: Any) -> Any:
        headers = super().headers_to_sign(request)
        headers.replace_header("host", headers["host"].partition(":")[0])
        return headers


class Untidy(SigV4Auth):
    def _normalize_url_path(self, path: str) -> str:
        return path.replace("%", "%25")


MISTAKES: dict[str, tuple[Any, str, str, bytes]] = {
    "without the body's hash": (Unsigned, "/orders", "/orders", b"body"),
    "over the path escaped once, not twice": (EscapingOnce, "/a%20b", "/a%20b", b""),
    "over the path with its dots and double slashes": (Untidy, "/a//b", "/a//b", b""),
    "over the path without its stage": (SigV4Auth, "/orders?a=1", "/prod/orders?a=1", b""),
    "without the query": (SigV4Auth, "/orders", "/orders?a=1", b""),
    "over the query as it stands, with its plus signs": (SigV4Auth, "/o?a=1+2", "/o?a=1+2", b""),
    "over the query in its own order, not sorted": (Unsorted, "/o?b=1&a=2", "/o?b=1&a=2", b""),
    "over the host without its port": (Portless, "/orders", "/orders", b""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("flavour", ["rest", "http"])
def test_a_usual_mistake_is_told_in_the_log(  # noqa: PLR0917  # fixtures and the tables' columns
    make_gateway: Any,
    signed_by: Any,
    send: Any,
    caplog: pytest.LogCaptureFixture,
    flavour: str,
    mistake: str,
) -> None:
    signer, signed, sent, body = MISTAKES[mistake]
    request = signed_by(signer, "POST", signed, body=body)
    response = send(make_gateway(flavour=flavour), request, url=f"http://127.0.0.1:8000{sent}")
    assert response.status_code == 403
    assert f"the signature was made {mistake}" in caplog.text


def test_a_body_that_was_not_signed_is_told_in_the_log(
    gateway: Any, sign: Any, send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    send(gateway, sign(), body=b"body")
    assert "the signature was made without the body" in caplog.text


def test_a_header_that_came_twice_is_told_in_the_log(
    gateway: Any, sign: Any, send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def altered(scope: Any, receive: Any, send: Any) -> None:
        headers = [*scope["headers"], (b"x-amz-meta", b"2")]
        await gateway({**scope, "headers": headers}, receive, send)

    send(altered, sign(headers={"X-Amz-Meta": "1"}))
    assert "signed headers have arrived more than once: x-amz-meta" in caplog.text
