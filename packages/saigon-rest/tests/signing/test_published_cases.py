import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from saigon.rest import _canonical
from saigon.rest.exceptions import SigningError
from saigon.rest.sigv4 import SigV4Auth

PUBLISHED = json.loads(Path(__file__).with_name("published_cases.json").read_text("utf-8"))
CASES = {case["name"]: {**group, **case} for group in PUBLISHED for case in group["cases"]}
FOLDED = "get-header-value-multiline"
AS_IT_STANDS = [name for name, case in CASES.items() if case.get("as_it_stands")]
WHOLE = [name for name, case in CASES.items() if "x-amz-content-sha256" in case["signed"]]
SENT = sorted(set(CASES) - {FOLDED, *AS_IT_STANDS})


def canonical_path(case: Any) -> str:
    path = case["target"].partition("?")[0]
    # The suite's targets are not escaped yet: to sign one is to escape it once.
    service = "s3" if case.get("as_it_stands") else case["service"]
    if service == "s3" or case.get("escaped_twice"):
        path = _canonical.wire_path(path, service)
    return _canonical.canonical_path(path, service)


def header_lines(case: Any) -> dict[str, str]:
    lines = {"host": case["host"], "x-amz-date": case["timestamp"]}
    lines["x-amz-content-sha256"] = payload_hash(case)
    lines["x-amz-security-token"] = case.get("token", "")
    lines["content-length"] = str(len(case.get("body", "")))
    for name, value in one_line_each(case).items():
        lines[name.lower()] = value
    return lines


def one_line_each(case: Any) -> dict[str, str]:
    """Join lines of one name by commas (RFC 9110, 5.3) and unfold a line (RFC 9112, 5.2)."""
    joined: dict[str, list[str]] = {}
    for name, value in case.get("headers", []):
        joined.setdefault(name, []).append(value.replace("\r\n", "").lstrip())
    return {name: ",".join(values) for name, values in joined.items()}


def payload_hash(case: Any) -> str:
    return hashlib.sha256(case.get("body", "").encode()).hexdigest()


def canonical_request(case: Any) -> str:
    lines = header_lines(case)
    return _canonical.canonical_request(
        case["method"],
        canonical_path(case),
        _canonical.canonical_query(case["target"].partition("?")[2]),
        [(name, _canonical.fold(lines[name])) for name in case["signed"].split(";")],
        payload_hash(case),
    )


def whole(case: Any, **changes: Any) -> requests.PreparedRequest:
    """Sign a case by the signer, which signs the body's hash and more in addition."""
    now = datetime.strptime(case["timestamp"], _canonical.DATE_FORMAT).replace(tzinfo=UTC)
    auth = SigV4Auth(
        case["access_key"],
        case["secret"],
        case["host"],
        case["region"],
        case["service"],
        case.get("token"),
        extra_signed_headers=case["signed"].split(";"),
        clock=lambda: now,
    )
    url = f"https://{case['host']}{case['target']}"
    asked = {"headers": one_line_each(case), "data": case.get("body"), **changes}
    return requests.Request(case["method"], url, auth=auth, **asked).prepare()


@pytest.mark.parametrize("name", CASES)
def test_the_published_canonical_form_and_signature_come_out(name: str) -> None:
    case = CASES[name]
    request = canonical_request(case)
    assert hashlib.sha256(request.encode()).hexdigest() == case["canonical_sha256"]
    timestamp, region, service = case["timestamp"], case["region"], case["service"]
    key = _canonical.signing_key(case["secret"], timestamp[:8], region, service)
    scope = _canonical.credential_scope(timestamp, region, service)
    assert _canonical.signature(key, timestamp, scope, request) == case["signature"]


@pytest.mark.parametrize("name", WHOLE)
def test_a_case_that_signs_the_hash_of_its_body_comes_out_of_the_signer(name: str) -> None:
    case = CASES[name]
    assert whole(case).headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={case['access_key']}/{case['timestamp'][:8]}/"
        f"{case['region']}/{case['service']}/aws4_request, "
        f"SignedHeaders={case['signed']}, Signature={case['signature']}"
    )


@pytest.mark.parametrize("name", SENT)
def test_every_case_that_can_be_sent_is_signed_as_botocore_signs_it(
    name: str, wire: Callable[..., Any], botocore_authorization: Callable[..., str], keys: Any
) -> None:
    case = CASES[name]
    sent = wire(whole(case))
    theirs = type(keys)(case["access_key"], case["secret"], case.get("token"))
    assert sent.signed_names >= set(case["signed"].split(";"))
    assert sent.authorization == botocore_authorization(
        sent, case["region"], case["service"], keys=theirs
    )


@pytest.mark.parametrize("name", ["get-header-key-duplicate", "get-header-value-order"])
def test_lines_of_one_name_are_sent_as_one_because_requests_knows_no_others(name: str) -> None:
    lines = [value for _, value in CASES[name]["headers"]]
    assert whole(CASES[name]).headers["My-Header1"] == ",".join(lines)


def test_a_folded_line_is_refused_and_not_sent() -> None:
    case = CASES[FOLDED]
    folded = dict(case["headers"])
    with pytest.raises(requests.exceptions.InvalidHeader):
        whole(case, headers=folded)
    r = whole(case, headers={})
    r.headers.update(folded)
    with pytest.raises(SigningError, match="my-header1"):
        SigV4Auth("k", "s", case["host"], "us-east-1", "service", extra_signed_headers=folded)(r)


@pytest.mark.parametrize("name", AS_IT_STANDS)
def test_a_path_that_is_published_as_it_stands_is_sent_normalised_but_to_s3(name: str) -> None:
    twin = name.replace("unnormalized", "normalized")
    sent, normalised = whole(CASES[name]), whole(CASES[twin])
    assert sent.url == normalised.url
    assert sent.headers["Authorization"] == normalised.headers["Authorization"]


def test_the_documented_key_is_derived() -> None:
    # IAM User Guide, "Calculate the signature".
    key = _canonical.signing_key(
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam"
    )
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
