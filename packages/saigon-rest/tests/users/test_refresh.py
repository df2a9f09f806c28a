"""Credentials that are fresh when they are used."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from saigon.aws.cognito.exceptions import CognitoConnectionError, CognitoError
from saigon.rest.client import AuthRestClient

Keys = Callable[[], list[str]]
UNREACHABLE = CognitoConnectionError("unreachable", retryable=True)


def test_credentials_are_refreshed_ahead_of_their_expiry(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    for seconds in (54 * 60 + 59, 1, 0):
        clock.pass_by(seconds=seconds)
        client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1", "ASIAALICE1"]
    assert cognito.refreshed == 0


def test_the_margin_is_the_caller_s(
    make_client: Callable[..., AuthRestClient], keys_used: Keys, clock: Any
) -> None:
    client = make_client(refresh_margin=timedelta(minutes=10))
    client.login("alice", "p")
    for minutes in (49, 1):
        clock.pass_by(minutes=minutes)
        client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_of_credentials_that_live_shortly_the_last_quarter_is_the_margin(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    cognito.lifetime = timedelta(minutes=4)
    client.login("alice", "p")
    for seconds in (179, 1):
        clock.pass_by(seconds=seconds)
        client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_a_call_that_is_tried_again_later_is_signed_with_credentials_of_then(
    make_client: Callable[..., AuthRestClient], server: Any, keys_used: Keys, clock: Any
) -> None:
    client = make_client(retry=None, sleep=lambda _seconds: clock.pass_by(minutes=56))
    client.login("alice", "p")
    server.answer(503)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_valid_credentials_stay_in_use_while_cognito_is_out_of_reach(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=56)
    cognito.failure = UNREACHABLE
    client.request("GET", "/")
    client.request("GET", "/")
    assert cognito.asked == 2
    cognito.failure = None
    clock.pass_by(seconds=14)
    client.request("GET", "/")
    clock.pass_by(seconds=1)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0"] * 3 + ["ASIAALICE1"]


def test_the_pause_ends_with_the_credentials(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=59, seconds=58)
    cognito.failure = UNREACHABLE
    client.request("GET", "/")
    cognito.failure = None
    clock.pass_by(seconds=2)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_a_failure_that_is_over_is_forgotten(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=56)
    cognito.failure = UNREACHABLE
    client.request("GET", "/")
    cognito.failure = None
    clock.pass_by(minutes=1)
    client.request("GET", "/")
    cognito.lifetime = timedelta(seconds=1)
    clock.pass_by(minutes=56)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1", "ASIAALICE2"]


def test_expired_credentials_and_no_cognito_are_an_error_before_anything_is_sent(
    client: AuthRestClient, server: Any, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=60)
    cognito.failure = UNREACHABLE
    for _ in range(2):
        with pytest.raises(CognitoConnectionError, match="unreachable"):
            client.request("GET", "/")
    assert cognito.asked == 2
    assert not server.connections
    cognito.failure = None
    clock.pass_by(seconds=1)
    client.request("GET", "/")


def test_a_refusal_that_is_not_for_now_is_an_error_although_the_credentials_are_valid(
    client: AuthRestClient, server: Any, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=56)
    cognito.failure = CognitoError("no such role")
    for _ in range(2):
        with pytest.raises(CognitoError, match="no such role"):
            client.request("GET", "/")
    assert cognito.asked == 2
    assert not server.connections


def test_a_clock_that_is_set_back_does_not_prolong_the_pause(
    client: AuthRestClient, cognito: Any, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(hours=3)
    cognito.failure = UNREACHABLE
    with pytest.raises(CognitoConnectionError):
        client.request("GET", "/")
    cognito.failure = None
    clock.pass_by(hours=-1)
    client.request("GET", "/")
    assert cognito.asked == 3


def test_a_clock_that_is_ahead_does_not_make_new_credentials_outlive_their_expiry(
    client: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    cognito.ahead = timedelta(hours=-2)
    client.login("alice", "p")
    cognito.ahead = timedelta()
    clock.pass_by(hours=-2)
    clock.pass_by(minutes=61)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE1"]
