"""The server's clock, once ours is what a refused signature comes from."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from saigon.rest._calls.answers import Answer
from saigon.rest.client import RestClientBase
from saigon.rest.exceptions import ForbiddenError
from saigon.rest.sigv4 import SigV4Auth

NAMED = {"x-amzn-errortype": "InvalidSignatureException"}
FORBIDDEN = b'{"message":"Forbidden"}'
SECONDS = pytest.mark.parametrize("seconds", [121, -121, 3600, -86400])


def rejection(at: datetime, body: bytes = FORBIDDEN, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    date = {"Date": format_datetime(at, usegmt=True)}
    return Answer("GET", "https://h/", 403, CaseInsensitiveDict({**date, **named}), body)


def test_the_clock_is_the_one_handed_in(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    east = timezone(timedelta(hours=7))
    auth = signer(clock=lambda: datetime(2026, 5, 18, 1, 2, 3, tzinfo=east))
    r = signed(auth=auth)
    assert r.headers["X-Amz-Date"] == "20260517T180203Z"
    assert "/20260517/eu-west-1/" in r.headers["Authorization"]


def test_without_one_it_is_that_of_the_machine(host: str, signed: Callable[..., Any]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    stamp = signed(auth=SigV4Auth("k", "s", host)).headers["X-Amz-Date"]
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert before <= at <= datetime.now(UTC)


@pytest.fixture
def call(
    server: Any, signer: Callable[..., Any], now: datetime
) -> Iterator[Callable[..., list[str]]]:
    """Call a server that answers as told; gives the times that its requests were signed at."""
    host = server.url.removeprefix("http://")
    auth = signer(host, aws_region="eu-west-1", aws_service="execute-api")
    with RestClientBase(server.url, auth=auth, clock=lambda: now, sleep=lambda _: None) as client:

        def of(method: str = "GET", body: Any = None) -> list[str]:
            server.seen.clear()
            client.request(method, "/", body=body)
            return [seen.headers["X-Amz-Date"] for seen in server.seen]

        yield of


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")


@SECONDS
@pytest.mark.parametrize(
    ("headers", "body"), [(NAMED, b"{}"), ({}, FORBIDDEN)], ids=["REST API", "HTTP API"]
)
def test_a_refused_call_is_signed_anew_with_the_servers_clock(  # noqa: PLR0917  # fixtures
    seconds: int,
    headers: dict[str, str],
    body: bytes,
    server: Any,
    call: Callable[..., list[str]],
    now: datetime,
) -> None:
    there = now + timedelta(seconds=seconds)
    server.answer(403, body, Date=format_datetime(there, usegmt=True), **headers)
    assert call("POST", {"a": 1}) == [stamp(now), stamp(there)]
    assert [seen.body for seen in server.seen] == [b'{"a":1}', b'{"a":1}']
    assert call() == [stamp(there)]


def test_the_second_signature_is_right_too(
    server: Any,
    call: Callable[..., list[str]],
    now: datetime,
    new_wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    there = now + timedelta(days=1)
    server.answer(403, FORBIDDEN, Date=format_datetime(there, usegmt=True))
    call("PUT", b"some bytes")
    seen = server.seen[1]
    headers = {name.lower(): value for name, value in seen.headers.items()}
    sent = new_wire(seen.method, server.url + seen.target, headers, seen.body)
    assert sent.authorization == botocore_authorization(sent)


def test_a_call_is_signed_anew_once_and_no_more(
    server: Any, call: Callable[..., list[str]], now: datetime
) -> None:
    for minutes in (10, 20, 30):
        there = now + timedelta(minutes=minutes)
        server.answer(403, FORBIDDEN, Date=format_datetime(there, usegmt=True))
    with pytest.raises(ForbiddenError) as caught:
        call()
    assert (len(server.seen), caught.value.attempts) == (2, 2)


@pytest.mark.parametrize("seconds", [0, 60, 119, 120, -120])
def test_two_minutes_are_no_reason(
    seconds: int, server: Any, call: Callable[..., list[str]], now: datetime
) -> None:
    there = now + timedelta(seconds=seconds)
    server.answer(403, FORBIDDEN, Date=format_datetime(there, usegmt=True))
    with pytest.raises(ForbiddenError):
        call()
    assert len(server.seen) == 1


def test_the_servers_clock_is_taken_over_once_it_explains_a_rejection(
    signer: Callable[..., Any], signed: Callable[..., Any], now: datetime
) -> None:
    auth = signer()
    ahead = now + timedelta(minutes=10)
    assert auth.recover(rejection(ahead))
    assert signed(auth=auth).headers["X-Amz-Date"] == "20260517T121000Z"
    assert not auth.recover(rejection(ahead))


def test_each_of_the_calls_that_were_refused_together_is_signed_anew(
    signer: Callable[..., Any], signed: Callable[..., Any], now: datetime
) -> None:
    auth = signer()
    ahead = now + timedelta(minutes=10)
    before = replace(rejection(ahead), sent_headers=signed(auth=auth).headers)
    assert [auth.recover(before) for _ in range(3)] == [True, True, True]
    after = replace(rejection(ahead), sent_headers=signed(auth=auth).headers)
    assert not auth.recover(after)


def test_a_clock_that_was_put_right_is_taken_back(
    signer: Callable[..., Any], signed: Callable[..., Any], now: datetime
) -> None:
    times = [now - timedelta(hours=1)]
    auth = signer(clock=lambda: times[-1])
    assert auth.recover(rejection(now))
    times.append(now)
    assert auth.recover(rejection(now))
    assert signed(auth=auth).headers["X-Amz-Date"] == stamp(now)


@pytest.mark.parametrize(
    "make",
    [
        lambda now: rejection(now + timedelta(seconds=90)),
        lambda now: rejection(now + timedelta(hours=1), x_amzn_errortype="AccessDeniedException"),
        lambda now: rejection(now + timedelta(hours=1), body=b'{"message":"Not yours"}'),
        lambda now: rejection(now + timedelta(hours=1), body=b"Forbidden"),
        lambda now: rejection(now, Date="Wed, 21 Oct 2015 07:28:00 +9999999999999999999"),
        lambda now: rejection(now, Date="Fri, 31 Dec 9999 23:59:59 -2300"),
        lambda now: rejection(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        lambda now: rejection(now, Date=""),
        lambda now: Answer("GET", "https://h/", 403, CaseInsensitiveDict(), FORBIDDEN),
        lambda now: Answer("GET", "https://h/", 401, rejection(now).headers, FORBIDDEN),
    ],
    ids=[
        "small skew",
        "the user may not",
        "the service's own",
        "no JSON",
        "no date",
        "no time of ours",
        "the end of time",
        "empty date",
        "no header",
        "another status",
    ],
)
def test_a_rejection_that_the_clock_does_not_explain_stands(
    make: Callable[[datetime], Answer], signer: Callable[..., Any], now: datetime
) -> None:
    assert not signer().recover(make(now))


@pytest.mark.parametrize(("minutes", "side"), [(10, "behind"), (-10, "ahead of")])
def test_the_log_tells_how_far_the_clock_is_off(
    signer: Callable[..., Any],
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    minutes: int,
    side: str,
) -> None:
    signer().recover(rejection(now + timedelta(minutes=minutes)))
    assert f"this machine's clock is 600 s {side} the server's" in caplog.text
