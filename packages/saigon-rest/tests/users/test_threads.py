"""Credentials that many threads ask for at once: fetched once, and never torn."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from saigon.aws.cognito.exceptions import CognitoConnectionError
from saigon.model.interface import HttpRequest
from saigon.rest._users.logins import UserLogins
from saigon.rest._users.user import LoggedInUser
from saigon.rest.sigv4 import SigV4Auth

HOST = "abc.execute-api.eu-west-1.amazonaws.com"
THREADS = 50


@pytest.fixture
def logins(cognito: Any, clock: Any) -> UserLogins:
    """What a client is made of, with Alice logged in."""
    logins = UserLogins(
        f"https://{HOST}/prod",
        None,
        cognito=cognito,
        region=None,
        service=None,
        refresh_margin=timedelta(minutes=5),
        extra_signed_headers=(),
        clock=clock,
    )
    logins.users.add(logins.login("alice", "p"))
    return logins


@pytest.fixture
def alice(logins: UserLogins) -> LoggedInUser:
    return logins.users.current()


def test_all_but_the_one_that_refreshes_go_on_with_valid_credentials(
    alice: LoggedInUser, cognito: Any, clock: Any, at_once: Callable[..., list[Any]]
) -> None:
    clock.pass_by(minutes=57)
    cognito.entered.clear()
    cognito.hold = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(alice.credentials)
        assert cognito.entered.wait(20)
        others = at_once(lambda _number: alice.credentials().access_key_id, THREADS - 1)
        assert not refreshing.done()
        cognito.hold.set()
        assert refreshing.result().access_key_id == "ASIAALICE1"
    assert others == ["ASIAALICE0"] * (THREADS - 1)
    assert cognito.asked == 2


def test_all_wait_for_the_one_that_refreshes_expired_credentials(
    alice: LoggedInUser,
    cognito: Any,
    clock: Any,
    at_once: Callable[..., list[Any]],
    once_read_by: Callable[[int, threading.Event], None],
) -> None:
    clock.pass_by(hours=2)
    cognito.hold = threading.Event()
    once_read_by(THREADS, cognito.hold)
    keys = at_once(lambda _number: alice.credentials().access_key_id, THREADS)
    assert keys == ["ASIAALICE1"] * THREADS
    assert (cognito.asked, cognito.refreshed) == (2, 1)


def test_those_who_waited_for_a_fetch_that_failed_fail_with_it(
    alice: LoggedInUser,
    cognito: Any,
    clock: Any,
    at_once: Callable[..., list[Any]],
    once_read_by: Callable[[int, threading.Event], None],
) -> None:
    clock.pass_by(hours=2)
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    cognito.hold = threading.Event()
    once_read_by(THREADS, cognito.hold)
    errors = at_once(lambda _number: alice.credentials(), THREADS)
    assert {type(error) for error in errors} == {CognitoConnectionError}
    assert len({id(error) for error in errors}) == THREADS
    assert cognito.asked == 2


def test_a_process_that_was_forked_in_the_midst_of_a_refresh_does_not_wait_for_its_end(
    alice: LoggedInUser, cognito: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.pass_by(hours=2)
    cognito.entered.clear()
    hold = cognito.hold = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        refreshing = pool.submit(alice.credentials)
        assert cognito.entered.wait(20)
        cognito.hold = None
        monkeypatch.setattr(os, "getpid", lambda: -1)
        try:
            assert pool.submit(alice.credentials).result(5).access_key_id == "ASIAALICE1"
            assert not refreshing.done()
        finally:
            hold.set()


@pytest.fixture
def threads_that_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def signed_with(request: HttpRequest, issued: dict[str, Any]) -> bool:
    """Tell whether a signature is that of the three values that its key id was issued with."""
    key_id = request.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
    at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    auth = SigV4Auth(aws_host=HOST, credentials=lambda: issued[key_id], clock=lambda: at)
    return auth.authorize(HttpRequest(request.method, request.url, {}, request.body)) == request


@pytest.mark.usefixtures("threads_that_take_turns_often")
def test_every_signature_is_of_three_values_that_were_issued_as_one(
    logins: UserLogins, cognito: Any, clock: Any, at_once: Callable[..., list[Any]]
) -> None:
    cognito.lifetime = timedelta(seconds=8)
    clock.pass_by(hours=1)

    def sign(number: int) -> list[HttpRequest]:
        requests = []
        for turn in range(20):
            clock.pass_by(seconds=0.25)
            url = f"https://{HOST}/prod/{number}/{turn}"
            requests.append(logins.auth.authorize(HttpRequest("GET", url, {}, None)))
        return requests

    signed = [request for requests in at_once(sign, THREADS) for request in requests]
    issued = {credentials.access_key_id: credentials for credentials in cognito.issued}
    assert len(issued) > 20
    assert len(signed) == THREADS * 20
    assert all(signed_with(request, issued) for request in signed)
