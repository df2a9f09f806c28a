import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.rest.gateway import LocalGateway

BASE = "http://127.0.0.1:8000"
MISMATCH = "The request signature we calculated does not match"


def test_a_signed_request_reaches_the_service(
    gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    response = send(gateway, sign(data={"a": 1}))
    assert response.status_code == 200
    assert json.loads(echo.body) == {"a": 1}
    assert echo.scope["query_string"] == b"status=open"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(segments=st.lists(WORDS, max_size=3), query=st.lists(st.tuples(WORDS, WORDS), max_size=3))
def test_whatever_botocore_signs_is_let_through(
    segments: list[str], query: list[tuple[str, str]]
) -> None:
    segments = [segment for segment in segments if segment not in {".", ".."}]
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    url = f"{BASE}{path}?{urlencode(query, quote_via=quote, safe='')}"
    request = AWSRequest("PUT", url, headers={"Content-Type": "a  b"}, data=b"body")
    request.headers["X-Amz-Date"] = request.context["timestamp"] = "20260517T120000Z"
    request.headers["X-Amz-Security-Token"] = "token"
    signer: Any = SigV4Auth(Credentials("KEY", "secret", "token"), "execute-api", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": url.partition("?")[2].encode(),
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            *((n.lower().encode(), v.encode()) for n, v in request.headers.items()),
        ],
    }
    now = datetime.fromisoformat("2026-05-17T12:00:00+00:00")
    caller: Any = type(
        "Caller",
        (),
        {
            "access_key_id": "KEY",
            "secret_access_key": SecretStr("secret"),
            "session_token": SecretStr("token"),
            "expiration": now + timedelta(hours=1),
            "identity_id": "i",
            "user_sub": "s",
            "user_pool_id": "p",
            "region": "eu-west-1",
        },
    )
    reached = []

    async def service(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"body", "more_body": False}

    async def ignore(message: Any) -> None:
        pass

    gateway = LocalGateway(service, credentials=lambda _: caller(), clock=lambda: now)
    asyncio.run(gateway(scope, receive, ignore))
    assert len(reached) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"a": 2}'},
        {"url": f"{BASE}/orders?status=closed"},
        {"url": f"{BASE}/orders?status=open&admin=1"},
        {"url": f"{BASE}/users?status=open"},
        {"url": f"{BASE}/orders?status=op+en"},
        {"method": "PUT"},
        {"headers": {"Host": "other"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"X-Amz-Content-SHA256": "0" * 64}},
        {"headers": {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, "body": b"x"},
        {"headers": {"Content-Type": None}},
    ],
    ids=repr,
)
def test_what_was_altered_on_the_way_is_refused(
    gateway: Any, echo: Any, sign: Any, send: Any, changes: dict[str, Any]
) -> None:
    response = send(gateway, sign(data={"a": 1}), **changes)
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.json()["message"].startswith(MISMATCH)
    assert response.headers["x-amzn-errortype"] == "InvalidSignatureException"
    assert response.headers["x-amzn-requestid"]
    assert response.headers["x-amz-apigw-id"]


def test_what_should_have_been_signed_is_told_but_for_the_session_token(
    gateway: Any, sign: Any, send: Any
) -> None:
    response = send(gateway, sign("GET", "/orders?b=2&a=1"), url=f"{BASE}/orders?b=3&a=1")
    canonical = (
        "GET\n/orders\na=1&b=3\nhost:127.0.0.1:8000\nx-amz-date:20260517T120000Z\n"
        "x-amz-security-token:{}\n\nhost;x-amz-date;x-amz-security-token\n"
        + hashlib.sha256(b"").hexdigest()
    )
    digest = hashlib.sha256(canonical.format("token-of-alice").encode()).hexdigest()
    assert response.json()["message"].partition("\n\n")[2] == (
        "The Canonical String for this request should have been\n"
        f"'{canonical.format('<redacted>')}'\n\n"
        "The String-to-Sign should have been\n"
        f"'AWS4-HMAC-SHA256\n20260517T120000Z\n20260517/eu-west-1/execute-api/aws4_request\n"
        f"{digest}'\n"
    )


def test_a_no_break_space_is_no_space(gateway: Any, echo: Any, sign: Any, send: Any) -> None:
    request = sign(headers={"X-Amz-Meta": "a b"})
    response = send(gateway, request, headers={"X-Amz-Meta": b"a\xa0b"})
    assert (response.status_code, echo.calls) == (403, 0)


def test_a_header_that_speaks_to_aws_must_be_signed(
    gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    response = send(gateway, sign(), headers={"X-Amz-Target": "added"})
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.json()["message"].endswith("Header(s) not signed: x-amz-target.")


def test_the_hash_of_the_body_may_go_unsigned(gateway: Any, sign: Any, send: Any) -> None:
    right = {"X-Amz-Content-SHA256": hashlib.sha256(b"").hexdigest()}
    assert send(gateway, sign(), headers=right).status_code == 200


def test_the_session_token_may_go_unsigned(
    gateway: Any, echo: Any, sign: Any, send: Any, alice: Any
) -> None:
    # As API Gateway's own generated JavaScript SDK sends it.
    request = sign(caller=replace(alice, session_token=SecretStr("")))
    assert "x-amz-security-token" not in request.headers["Authorization"]
    for token, status in [("token-of-alice", 200), ("token-of-bob", 403), (None, 403)]:
        response = send(gateway, request, headers={"X-Amz-Security-Token": token})
        assert response.status_code == status
    assert echo.calls == 1


@pytest.mark.parametrize("added", ["{0}", "Signature=0", "junk"])
def test_a_second_or_an_odd_claim_is_refused(
    gateway: Any, echo: Any, sign: Any, send: Any, added: str
) -> None:
    request = sign()
    authorization = request.headers["Authorization"]
    twice = f"{authorization}, {added.format(authorization)}"
    response = send(gateway, request, headers={"Authorization": twice})
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == "IncompleteSignatureException"


def _claiming(old: str, new: str) -> Callable[[Any], dict[str, Any]]:
    def changes(request: Any) -> dict[str, Any]:
        return {"Authorization": request.headers["Authorization"].replace(old, new)}

    return changes


def _instead(**headers: str | None) -> Callable[[Any], dict[str, Any]]:
    return lambda _request: {name.replace("_", "-"): value for name, value in headers.items()}


WRONG_CLAIMS: dict[str, tuple[Callable[[Any], dict[str, Any]], str, str]] = {
    "no authorization": (
        _instead(Authorization=None),
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    ),
    "a bearer token": (
        _instead(Authorization="Bearer hidden"),
        "IncompleteSignatureException",
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with",
    ),
    "a password": (
        _instead(Authorization="Basic aGlkZGVuOg==", X_Amz_Date=None, X_Amz_Security_Token=None),
        "IncompleteSignatureException",
        (
            "Authorization header requires 'Credential' parameter. Authorization header requires "
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            "(Hashed with SHA-256 and encoded with Base64) Authorization="
        ),
    ),
    "no signature": (
        _claiming("Signature=", "Sign="),
        "IncompleteSignatureException",
        "Authorization header requires 'Signature' parameter. (Hashed with",
    ),
    "half a scope": (
        _claiming("/aws4_request", ""),
        "IncompleteSignatureException",
        "Credential must have exactly 5 slash-delimited elements",
    ),
    "another algorithm": (
        _claiming("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        "IncompleteSignatureException",
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now).",
    ),
    "no ASCII": (
        _claiming("Signature=", "Signature=\xe9"),
        "InvalidSignatureException",
        MISMATCH,
    ),
    "host not signed": (
        _claiming("host;", ""),
        "InvalidSignatureException",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "signed but absent": (
        _claiming("host;", "absent;host;"),
        "InvalidSignatureException",
        MISMATCH,
    ),
    "another user's key id": (
        _claiming("ASIAALICE", "ASIABOB"),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "an unknown key id": (
        _claiming("ASIAALICE", "NOBODY"),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "two dates": (
        _claiming("20260517", "20260516"),
        "InvalidSignatureException",
        (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '20260516' != '20260517', from '20260517T120000Z'."
        ),
    ),
    "another user's token": (
        _instead(X_Amz_Security_Token="token-of-bob"),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "no token": (
        _instead(X_Amz_Security_Token=None),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "no date": (
        _instead(X_Amz_Date=None),
        "IncompleteSignatureException",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    ),
    "no such date": (
        _instead(X_Amz_Date="2026-05-17"),
        "IncompleteSignatureException",
        "Date must be in ISO-8601 'basic format'. Got '2026-05-17'.",
    ),
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_a_wrong_claim_is_refused_in_the_words_of_aws(
    gateway: Any, echo: Any, sign: Any, send: Any, name: str
) -> None:
    changes, error_type, message = WRONG_CLAIMS[name]
    request = sign(data={"a": 1})
    headers = {
        key: value.encode("latin-1") if value else value for key, value in changes(request).items()
    }
    response = send(gateway, request, headers=headers)
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.headers["x-amzn-errortype"] == error_type
    assert response.json()["message"].startswith(message)
    assert "hidden" not in response.text
    assert "aGlkZGVu" not in response.text


def test_an_odd_authorization_is_shown_as_a_hash(gateway: Any, sign: Any, send: Any) -> None:
    response = send(gateway, sign(), headers={"Authorization": "Bearer hidden"})
    digest = base64.b64encode(hashlib.sha256(b"Bearer hidden").digest()).decode()
    assert response.json()["message"].endswith(f"'{digest}'.")


def test_another_users_key_with_ones_own_secret_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, echo: Any, sign: Any, send: Any, alice: Any, make_caller: Any
) -> None:
    forged = replace(make_caller("bob"), secret_access_key=alice.secret_access_key)
    response = send(gateway, sign(caller=forged))
    assert response.json()["message"].startswith(MISMATCH)
    assert not echo.calls


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (
            -6,
            (
                "Signature expired: 20260517T115400Z is now earlier than 20260517T115500Z "
                "(20260517T120000Z - 5 min.)"
            ),
        ),
        (
            6,
            (
                "Signature not yet current: 20260517T120600Z is still later than 20260517T120500Z "
                "(20260517T120000Z + 5 min.)"
            ),
        ),
    ],
)
def test_a_date_that_is_off_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    gateway: Any, echo: Any, sign: Any, send: Any, now: datetime, minutes: int, message: str
) -> None:
    response = send(gateway, sign(at=now + timedelta(minutes=minutes)))
    assert (response.status_code, echo.calls) == (403, 0)
    assert response.json()["message"] == message


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_small_skew_is_let_through(
    gateway: Any, sign: Any, send: Any, now: datetime, minutes: int
) -> None:
    assert send(gateway, sign(at=now + timedelta(minutes=minutes))).status_code == 200


def test_the_date_may_stand_in_the_header_of_that_name(
    gateway: Any, sign: Any, send: Any, now: datetime
) -> None:
    request = sign(headers={"Date": "to be replaced by botocore"})
    assert "X-Amz-Date" not in request.headers
    assert send(gateway, request).status_code == 200
    late = sign(headers={"Date": "again"}, at=now - timedelta(hours=1))
    assert "Signature expired: 20260517T110000Z" in send(gateway, late).text


@pytest.mark.parametrize(
    "date",
    ["Sun, 17 May 99999999999999999999 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200"],
)
def test_a_date_that_is_none_is_told_so(gateway: Any, sign: Any, send: Any, date: str) -> None:
    changes = {"X-Amz-Date": None, "Date": date}
    response = send(gateway, sign(), headers=changes)
    assert response.json()["message"].startswith("Date must be in ISO-8601 'basic format'.")


@pytest.mark.parametrize("date", ["2026517T120000Z", "20260517T12000Z"])
def test_a_date_has_all_its_digits(gateway: Any, presign: Any, send: Any, date: str) -> None:
    request = presign()
    url = request.url.replace("X-Amz-Date=20260517T120000Z", f"X-Amz-Date={quote(date)}")
    assert "basic format" in send(gateway, request, url=url).text


def test_a_date_without_a_zone_is_not_of_this_machine(
    gateway: Any, sign: Any, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    time.tzset()
    try:
        changes = {"X-Amz-Date": None, "Date": "Sun, 17 May 2026 12:00:00 -0000"}
        response = send(gateway, sign(), headers=changes)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert response.json()["message"].startswith(MISMATCH)


def test_expired_credentials_are_refused(
    gateway: Any, sign: Any, send: Any, make_caller: Any
) -> None:
    response = send(gateway, sign(caller=make_caller("old")))
    assert response.headers["x-amzn-errortype"] == "ExpiredTokenException"
    assert response.json() == {"message": "The security token included in the request is expired"}


def test_a_signature_for_elsewhere_is_refused(make_gateway: Any, sign: Any, send: Any) -> None:
    gateway = make_gateway(region="eu-west-1")
    assert send(gateway, sign()).status_code == 200
    assert send(gateway, sign(region="us-east-1", service="s3")).json()["message"] == (
        "Credential should be scoped to a valid region, not 'us-east-1'. "
        "Credential should be scoped to correct service: 'execute-api'."
    )
    assert send(make_gateway(), sign(region="us-east-1")).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"body": b"x"}, {"headers": {"Authorization": None}}], ids=repr
)
def test_an_http_api_does_not_tell_why(
    make_gateway: Any, sign: Any, send: Any, changes: dict[str, Any]
) -> None:
    response = send(make_gateway(flavour="http"), sign(), **changes)
    assert (response.status_code, response.text) == (403, '{"message":"Forbidden"}')
    assert response.headers["apigw-requestid"]
    assert not {"x-amzn-errortype", "x-amzn-requestid"} & set(response.headers)


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "body": (
        {"headers": {"X-Amz-Content-SHA256": "0" * 64}},
        "X-Amz-Content-SHA256 is not the body's",
    ),
    "absent": ({"headers": {"Content-Type": None}}, "have not arrived: content-type"),
    "elsewhere": ({"url": f"{BASE}/users"}, "does not fit the method, path, query"),
    "unsigned": ({"headers": {"Authorization": None}}, "it is not signed"),
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("flavour", ["rest", "http"])
def test_the_log_tells_why_and_no_secret(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any,
    sign: Any,
    send: Any,
    caplog: pytest.LogCaptureFixture,
    flavour: str,
    reason: str,
) -> None:
    changes, expected = REASONS[reason]
    request = sign(path="/orders?hidden=1", data={"a": 1})
    response = send(make_gateway(flavour=flavour), request, **changes)
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("saigon")]
    name = {"rest": "x-amzn-requestid", "http": "apigw-requestid"}[flavour]
    assert expected in line
    assert response.headers[name] in line
    assert not [word for word in ("hidden", "token-of-alice", "Signature=") if word in line]


def test_a_request_writes_no_line_of_its_own_into_the_log(
    gateway: Any, presign: Any, send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    request = presign()
    url = request.url.replace("aws4_request", "aws4%0AINFO forged")
    assert send(gateway, request, url=url).status_code == 403
    assert "INFO forged" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


@pytest.mark.parametrize(("minutes", "side"), [(-6, "behind"), (6, "ahead of")])
def test_a_skew_is_logged(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any,
    sign: Any,
    send: Any,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    minutes: int,
    side: str,
) -> None:
    send(make_gateway(flavour="http"), sign(at=now + timedelta(minutes=minutes)))
    assert f"its date is 360 s {side} the gateway's clock" in caplog.text
