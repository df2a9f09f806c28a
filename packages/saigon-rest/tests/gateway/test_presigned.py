from datetime import datetime, timedelta
from typing import Any

import pytest


def test_a_presigned_request_reaches_the_service_as_it_was_signed(
    gateway: Any, echo: Any, presign: Any, send: Any
) -> None:
    request = presign("GET", "/orders/a%20b?q=%2B&q=1&status=")
    assert "Authorization" not in request.headers
    assert send(gateway, request).status_code == 200
    assert echo.headers("X-Api-IdentityId") == ["eu-west-1:alice"]
    assert echo.scope["raw_path"] == b"/orders/a%20b"


def test_a_body_that_was_not_signed_is_refused(
    gateway: Any, echo: Any, presign: Any, send: Any
) -> None:
    response = send(gateway, presign("POST"), body=b"body")
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("old", "new", "error_type"),
    [
        ("status=open", "status=closed", "InvalidSignatureException"),
        ("X-Amz-Expires=900", "X-Amz-Expires=90000", "InvalidSignatureException"),
        ("X-Amz-Expires=900", "X-Amz-Expires=0", "IncompleteSignatureException"),
        ("X-Amz-Expires=900", "X-Amz-Expires=604801", "IncompleteSignatureException"),
        ("X-Amz-Expires=900", "X-Amz-Expires=-1", "IncompleteSignatureException"),
        ("X-Amz-Expires=900", "X-Amz-Expires=", "IncompleteSignatureException"),
        ("token-of-alice", "token-of-bob", "UnrecognizedClientException"),
        ("X-Amz-Date=", "X-Amz-Day=", "IncompleteSignatureException"),
        ("X-Amz-Signature=", "X-Amz-Sign=", "IncompleteSignatureException"),
        ("X-Amz-Signature=", "X-Amz-Signature=0&X-Amz-Signature=", "IncompleteSignatureException"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=via", "InvalidSignatureException"),
        ("=AWS4-HMAC-SHA256", "=AWS4-HMAC-SHA1", "IncompleteSignatureException"),
    ],
)
def test_an_altered_query_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, echo: Any, presign: Any, send: Any, old: str, new: str, error_type: str
) -> None:
    request = presign()
    assert old in request.url
    response = send(gateway, request, url=request.url.replace(old, new))
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == error_type


def test_what_the_query_lacks_is_named(gateway: Any, presign: Any, send: Any) -> None:
    request = presign()
    response = send(gateway, request, url=request.url.replace("X-Amz-Date=", "X-Amz-Day="))
    assert response.json()["message"] == (
        "AWS query-string parameters must include 'X-Amz-Date'. "
        "Re-examine the query-string parameters."
    )


def test_the_session_token_is_not_told(gateway: Any, presign: Any, send: Any) -> None:
    request = presign()
    response = send(gateway, request, url=request.url.replace("status=open", "status=closed"))
    assert "X-Amz-Security-Token=<redacted>&" in response.json()["message"]
    assert "token-of-alice" not in response.text


@pytest.mark.parametrize(
    ("expires", "age", "status"), [(900, 900, 200), (900, 901, 403), (604_800, 86_400, 200)]
)
def test_a_presigned_request_lives_as_long_as_it_says(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, presign: Any, send: Any, now: datetime, expires: int, age: int, status: int
) -> None:
    request = presign(expires=expires, at=now - timedelta(seconds=age))
    assert send(gateway, request).status_code == status


def test_an_expired_one_is_told_when_it_expired(
    gateway: Any, presign: Any, send: Any, now: datetime
) -> None:
    response = send(gateway, presign(expires=90, at=now - timedelta(seconds=91)))
    assert response.json()["message"] == (
        "Signature expired: 20260517T115829Z is now earlier than 20260517T115830Z "
        "(20260517T120000Z - 90 sec.)"
    )


def test_two_signatures_are_one_too_many(
    gateway: Any, echo: Any, sign: Any, presign: Any, send: Any
) -> None:
    both = {"Authorization": sign().headers["Authorization"]}
    response = send(gateway, presign(), headers=both)
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert response.json()["message"] == (
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    )


def test_an_http_api_knows_presigned_requests_too(
    make_gateway: Any, echo: Any, presign: Any, send: Any
) -> None:
    gateway = make_gateway(flavour="http")
    assert send(gateway, presign()).status_code == 200
    assert send(gateway, presign(), method="DELETE").json() == {"message": "Forbidden"}
    assert echo.calls == 1
