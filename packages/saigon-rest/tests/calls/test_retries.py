import io
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RetryPolicy

RETRIED = [408, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("status", RETRIED)
def test_a_passing_failure_is_tried_again(
    client: RestClientBase, server: Any, naps: list[float], status: int
) -> None:
    server.answer(status)
    assert client.request("GET", "/orders/7").attempts == 2
    assert len(naps) == 1
    assert 0 <= naps[0] <= 0.2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 425, 501, 505])
def test_a_lasting_failure_is_not(client: RestClientBase, server: Any, status: int) -> None:
    server.answer(status)
    with pytest.raises(exceptions.StatusError):
        client.request("GET", "/orders/7")
    assert len(server.seen) == 1


def test_tries_end(client: RestClientBase, server: Any, naps: list[float]) -> None:
    for _ in range(9):
        server.answer(503)
    with pytest.raises(exceptions.ServerError) as caught:
        client.request("GET", "/orders/7")
    assert (caught.value.attempts, len(server.seen), len(naps)) == (4, 4, 3)


@pytest.mark.parametrize("status", RETRIED)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_not_idempotent_is_answered_once(
    client: RestClientBase, server: Any, method: str, status: int
) -> None:
    server.answer(status)
    with pytest.raises(exceptions.StatusError):
        client.request(method, "/orders", body={})
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"])
def test_what_is_idempotent_is_tried_again(
    client: RestClientBase, server: Any, method: str
) -> None:
    server.answer(503)
    assert client.request(method, "/orders/7").attempts == 2


@pytest.mark.parametrize(
    "options",
    [{"idempotency_key": "key-1"}, {"headers": {"idempotency-key": "key-1"}}],
    ids=["option", "header"],
)
def test_an_idempotency_key_makes_it_repeatable_and_stays_the_same(
    client: RestClientBase, server: Any, options: Any
) -> None:
    server.answer(503)
    server.answer(hang_up=True)
    client.create_resource("/orders", {}, **options)
    assert [seen.headers["Idempotency-Key"] for seen in server.seen] == ["key-1"] * 3


@pytest.mark.parametrize("key", ["", " "])
def test_a_blank_idempotency_key_is_refused(client: RestClientBase, server: Any, key: str) -> None:
    for options in ({"idempotency_key": key}, {"headers": {"Idempotency-Key": key}}):
        with pytest.raises(exceptions.InvalidRequestError, match="idempotency key"):
            client.create_resource("/orders", {}, **options)
    assert not server.seen


def test_no_idempotency_key_may_be_given_as_none(client: RestClientBase, server: Any) -> None:
    client.create_resource("/orders", {}, idempotency_key=None)
    assert "Idempotency-Key" not in server.seen[0].headers


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_server_says_how_long_to_wait(
    client: RestClientBase, server: Any, naps: list[float], now: datetime, form: str
) -> None:
    date = format_datetime(now + timedelta(seconds=7), usegmt=True)
    server.answer(429, Retry_After=date if form == "date" else "7")
    client.request("GET", "/orders/7")
    assert naps == [7.0]


@pytest.mark.parametrize("asked", ["31", "3600", "9" * 400])
def test_too_long_a_wait_is_left_to_the_caller(
    client: RestClientBase, server: Any, naps: list[float], asked: str
) -> None:
    server.answer(503, Retry_After=asked)
    with pytest.raises(exceptions.ServerError) as caught:
        client.request("GET", "/orders/7")
    assert (caught.value.retry_after, caught.value.attempts, naps) == (float(asked), 1, [])


@pytest.mark.parametrize(
    "asked",
    [
        "-1",
        "1.5",
        "soon",
        "\N{ARABIC-INDIC DIGIT SEVEN}".encode().decode("latin-1"),
        "Wed, 21 Oct 2015 07:28:00 +9999999999999999999",
        "1 Jan 99999999999",
    ],
    ids=["negative", "fraction", "word", "digit", "zone", "year"],
)
def test_a_wait_that_makes_no_sense_is_not_obeyed(
    client: RestClientBase, server: Any, naps: list[float], asked: str
) -> None:
    server.answer(503, Retry_After=asked)
    client.request("GET", "/orders/7")
    assert len(naps) == 1
    assert naps[0] <= 0.2


@pytest.mark.parametrize("asked", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"], ids=["zero", "past"])
def test_those_asked_to_come_at_once_do_not_come_all_at_once(
    client: RestClientBase, server: Any, naps: list[float], asked: str
) -> None:
    for _ in range(3):
        server.answer(503, Retry_After=asked)
    client.request("GET", "/orders/7")
    assert len(set(naps)) == 3


def test_waits_are_spread_over_all_up_to_a_growing_ceiling(now: datetime) -> None:
    policy = RetryPolicy(attempts=9, base_delay=1, max_delay=4)
    rng = random.Random(7)
    state = RetryCallState(Retrying(), None, (), {})
    for attempt, ceiling in [(1, 1), (2, 2), (3, 4), (4, 4)]:
        state.attempt_number = attempt
        waits = [policy.delay(state, now=now, rng=rng) for _ in range(2000)]
        assert min(waits) < 0.01 * ceiling
        assert 0.99 * ceiling < max(waits) <= ceiling
        assert sum(waits) / len(waits) == pytest.approx(ceiling / 2, rel=0.05)


def test_the_ceiling_does_not_overflow(now: datetime) -> None:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = 100_000
    assert RetryPolicy().delay(state, now=now, rng=random.Random(1)) <= 8


@pytest.mark.parametrize("field", ["attempts", "base_delay", "max_delay", "max_retry_after"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_retry_policy_is_checked(field: str, value: float) -> None:
    if field == "attempts" and value != -1:
        return
    with pytest.raises(exceptions.ConfigurationError, match="attempt"):
        RetryPolicy(**{field: value})  # type: ignore[arg-type]  # the name decides


def test_a_file_is_rewound_to_where_it_stood_for_each_try(
    client: RestClientBase, server: Any
) -> None:
    server.answer(503)
    server.answer(hang_up=True)
    file = io.BytesIO(b"head body")
    file.seek(5)
    client.update_resource("/files/7", file)
    assert [seen.body for seen in server.seen] == [b"body"] * 3


def test_a_body_that_cannot_be_rewound_is_sent_once(client: RestClientBase, server: Any) -> None:
    for body in (iter([b"a"]), (x for x in [b"a"])):
        server.answer(503)
        with pytest.raises(exceptions.ServerError) as caught:
            client.update_resource("/files/7", body, idempotency_key="key-1")
        assert caught.value.attempts == 1
    assert len(server.seen) == 2


class Numbered(AuthBase):
    tries = 0

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        self.tries += 1
        r.headers["Authorization"] = f"try {self.tries}"
        return r


class NumberedAuthorizer:
    tries = 0

    def authorize(self, request: HttpRequest) -> HttpRequest:
        self.tries += 1
        headers = {**request.headers, "Authorization": f"try {self.tries}"}
        return HttpRequest(request.method, request.url, headers, request.body)


@pytest.mark.parametrize("auth", [Numbered, NumberedAuthorizer])
def test_each_try_is_authorized_anew(
    make_client: Callable[..., RestClientBase], server: Any, auth: Callable[[], Any]
) -> None:
    server.answer(503)
    server.answer(hang_up=True)
    make_client(auth=auth()).request("PUT", "/", body={"a": 1})
    assert [seen.headers["Authorization"] for seen in server.seen] == ["try 1", "try 2", "try 3"]
    assert {seen.body for seen in server.seen} == {b'{"a":1}'}
