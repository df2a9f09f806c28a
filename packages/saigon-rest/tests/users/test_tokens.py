"""Tokens that are renewed when they are too old, and logins that have ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from saigon.aws.cognito.exceptions import (
    CognitoConnectionError,
    RefreshTokenExpiredError,
    RefreshTokenRevokedError,
    TokenExpiredError,
    UserDisabledError,
)
from saigon.rest.client import AuthRestClient
from saigon.rest.exceptions import NotLoggedInError

Keys = Callable[[], list[str]]


@pytest.fixture
def alice(client: AuthRestClient) -> AuthRestClient:
    client.login("alice", "p")
    return client


def test_tokens_are_refreshed_when_credentials_are_due_and_the_tokens_too_old(
    alice: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    clock.pass_by(minutes=59)
    alice.request("GET", "/")
    assert (keys_used(), cognito.refreshed) == (["ASIAALICE1"], 1)


def test_tokens_that_cognito_calls_expired_are_refreshed_once_and_it_is_asked_again(
    alice: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    cognito.ahead = timedelta(minutes=10)
    clock.pass_by(minutes=56)
    alice.request("GET", "/")
    assert keys_used() == ["ASIAALICE1"]
    assert (cognito.asked, cognito.refreshed) == (3, 1)


def test_tokens_are_refreshed_once_although_they_are_called_expired_again(
    alice: AuthRestClient, cognito: Any, clock: Any
) -> None:
    clock.pass_by(minutes=56)
    cognito.failure = TokenExpiredError("Invalid login token. Token expired.")
    with pytest.raises(TokenExpiredError):
        alice.request("GET", "/")
    assert (cognito.asked, cognito.refreshed) == (3, 1)


def test_new_tokens_are_kept_although_the_credentials_fail(
    alice: AuthRestClient, cognito: Any, clock: Any
) -> None:
    clock.pass_by(hours=2)
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    for _ in range(2):
        with pytest.raises(CognitoConnectionError):
            alice.request("GET", "/")
        clock.pass_by(seconds=2)
    assert (cognito.asked, cognito.refreshed) == (3, 1)


def test_each_refresh_token_is_used_once(
    alice: AuthRestClient, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    for _ in range(3):
        clock.pass_by(hours=2)
        alice.request("GET", "/")
    assert keys_used() == ["ASIAALICE1", "ASIAALICE2", "ASIAALICE3"]
    assert cognito.refreshed == 3


@pytest.mark.parametrize("error", [RefreshTokenExpiredError, RefreshTokenRevokedError])
@pytest.mark.parametrize("minutes", [59, 120], ids=["about to expire", "expired"])
def test_a_refresh_token_that_is_good_no_more_ends_the_login(  # noqa: PLR0917  # fixtures
    alice: AuthRestClient, server: Any, cognito: Any, clock: Any, error: Any, minutes: int
) -> None:
    clock.pass_by(minutes=minutes)
    cognito.refresh_failure = error("Refresh Token is good no more")
    for _ in range(3):
        with pytest.raises(NotLoggedInError, match=r"'alice' has ended .*: call login again") as e:
            alice.request("GET", "/")
        assert isinstance(e.value.__cause__, error)
        clock.pass_by(days=1)
    assert cognito.refreshed == 1
    assert not server.connections


def test_a_user_whose_login_has_ended_stays_the_one_to_call_as(
    alice: AuthRestClient, server: Any, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    clock.pass_by(hours=2)
    alice.login("bob", "p")
    alice.switch_user("alice")
    cognito.refresh_failure = RefreshTokenRevokedError("Refresh Token has been revoked")
    with pytest.raises(NotLoggedInError):
        alice.request("GET", "/")
    assert alice.current_user is not None
    assert alice.current_user.username == "alice"
    assert not server.connections
    alice.login("alice", "p")
    alice.request("GET", "/")
    assert keys_used() == ["ASIAALICE2"]


def test_a_disabled_user_is_told_so_and_may_be_enabled_again(
    alice: AuthRestClient, cognito: Any, clock: Any
) -> None:
    clock.pass_by(hours=2)
    cognito.refresh_failure = UserDisabledError("User is disabled.")
    with pytest.raises(UserDisabledError):
        alice.request("GET", "/")
    cognito.refresh_failure = None
    clock.pass_by(seconds=1)
    with pytest.raises(NotLoggedInError):
        alice.request("GET", "/")


def test_fifty_threads_learn_of_the_end_of_a_login_by_one_attempt(  # noqa: PLR0917  # fixtures
    alice: AuthRestClient,
    server: Any,
    cognito: Any,
    clock: Any,
    at_once: Callable[..., list[Any]],
    types_of: Callable[..., set[type]],
) -> None:
    clock.pass_by(hours=2)
    cognito.refresh_failure = RefreshTokenExpiredError("Refresh Token has expired")
    outcomes = at_once(lambda _number: alice.request("GET", "/"), 50)
    assert types_of(outcomes) == {NotLoggedInError}
    assert cognito.refreshed == 1
    assert not server.connections
