"""Which 403 is worth another signature, and which one stands."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from saigon.aws.cognito.exceptions import CognitoConnectionError, RefreshTokenExpiredError
from saigon.rest.client import AuthRestClient, RestEvent
from saigon.rest.exceptions import ForbiddenError, NotLoggedInError

Keys = Callable[[], list[str]]
Refuse = Callable[..., None]

BARE = '{"message": "Forbidden"}'
SIGNATURE_TYPES = [
    "ExpiredTokenException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
]


@pytest.fixture
def refuse(server: Any) -> Refuse:
    """Let the gateway refuse: a REST API by a name, an HTTP API without one; ``at`` its clock."""

    def answer(named: str | None = None, *, at: datetime | None = None) -> None:
        headers = {"x_amzn_ErrorType": named} if named else {}
        if at is not None:
            headers["Date"] = format_datetime(at, usegmt=True)
        server.answer(403, '{"message": "no"}' if named else BARE, **headers)

    return answer


@pytest.fixture
def slow_client(make_client: Callable[..., AuthRestClient], clock: Any) -> AuthRestClient:
    """A client whose credentials come within their margin while a refusal is on its way."""

    def on_the_way(event: RestEvent) -> None:
        if event.status == 403:
            clock.pass_by(minutes=56)

    client = make_client(hooks=[on_the_way])
    client.login("alice", "p")
    return client


@pytest.fixture
def alice(client: AuthRestClient) -> AuthRestClient:
    client.login("alice", "p")
    return client


@pytest.mark.parametrize("named", [None, *SIGNATURE_TYPES])
def test_a_refused_call_is_signed_once_more_with_newer_credentials(
    slow_client: AuthRestClient, server: Any, refuse: Refuse, keys_used: Keys, named: str | None
) -> None:
    refuse(named)
    response = slow_client.request("GET", "/")
    assert response.attempts == 2
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]
    assert [seen.headers["X-Amz-Security-Token"] for seen in server.seen] == ["token-0", "token-1"]


def test_a_post_without_a_key_is_signed_once_more_too_since_the_service_has_not_seen_it(
    slow_client: AuthRestClient, server: Any, refuse: Refuse
) -> None:
    refuse()
    slow_client.create_resource("/orders", {"a": 1})
    assert [(seen.method, seen.body) for seen in server.seen] == [("POST", b'{"a":1}')] * 2


def test_a_body_that_cannot_be_sent_again_is_not(
    slow_client: AuthRestClient, server: Any, refuse: Refuse, cognito: Any
) -> None:
    refuse()
    with pytest.raises(ForbiddenError) as caught:
        slow_client.create_resource("/orders", iter([b"a", b"b"]))
    assert caught.value.attempts == 1
    assert [seen.body for seen in server.seen] == [b"ab"]
    assert cognito.asked == 1


def test_a_second_refusal_stands(
    slow_client: AuthRestClient, server: Any, refuse: Refuse, cognito: Any
) -> None:
    refuse("ExpiredTokenException")
    refuse("ExpiredTokenException")
    with pytest.raises(ForbiddenError) as caught:
        slow_client.request("GET", "/")
    assert (caught.value.attempts, caught.value.code) == (2, "ExpiredTokenException")
    assert len(server.seen) == 2
    assert cognito.asked == 2


OTHERS: dict[str, tuple[str, dict[str, str]]] = {
    "a policy": ("{}", {"x_amzn_ErrorType": "AccessDeniedException"}),
    "a service": ('{"message": "not yours"}', {}),
    "a problem document": (
        '{"title": "Forbidden", "status": 403, "detail": "not yours"}',
        {"Content_Type": "application/problem+json"},
    ),
    "a firewall": (
        "<html><head><title>403 Forbidden</title></head></html>",
        {"Content_Type": "text/html", "x_amzn_ErrorType": "ForbiddenException"},
    ),
    "a firewall in front": ("<html>403 Forbidden</html>", {"Content_Type": "text/html"}),
    "an unknown route": ("{}", {"x_amzn_ErrorType": "MissingAuthenticationTokenException"}),
    "nothing": ("", {}),
}


@pytest.mark.parametrize(("body", "headers"), OTHERS.values(), ids=OTHERS)
def test_what_is_not_the_signature_s_fault_stands(
    slow_client: AuthRestClient, server: Any, cognito: Any, body: str, headers: dict[str, str]
) -> None:
    server.answer(403, body, **headers)
    with pytest.raises(ForbiddenError) as caught:
        slow_client.request("GET", "/")
    assert caught.value.attempts == 1
    assert len(server.seen) == 1
    assert cognito.asked == 1


@pytest.mark.parametrize("named", [None, *SIGNATURE_TYPES])
def test_fresh_credentials_and_a_clock_that_is_right_explain_no_refusal(  # noqa: PLR0917  # fixtures
    alice: AuthRestClient,
    server: Any,
    refuse: Refuse,
    cognito: Any,
    clock: Any,
    named: str | None,
) -> None:
    refuse(named, at=clock.now + timedelta(seconds=119))
    with pytest.raises(ForbiddenError) as caught:
        alice.request("GET", "/")
    assert caught.value.attempts == 1
    assert cognito.asked == 1


def test_a_date_that_is_no_clock_s_fetches_nothing(
    alice: AuthRestClient, refuse: Refuse, cognito: Any, clock: Any
) -> None:
    refuse("ExpiredTokenException", at=clock.now.replace(year=9999))
    with pytest.raises(ForbiddenError) as caught:
        alice.request("GET", "/")
    assert caught.value.attempts == 1
    assert cognito.asked == 1


def test_an_unknown_route_is_explained(alice: AuthRestClient, refuse: Refuse) -> None:
    refuse("MissingAuthenticationTokenException")
    with pytest.raises(ForbiddenError, match="a route that it does not know"):
        alice.request("GET", "/")


def test_a_service_s_own_problem_is_told(alice: AuthRestClient, server: Any) -> None:
    body, headers = OTHERS["a problem document"]
    server.answer(403, body, **headers)
    with pytest.raises(ForbiddenError, match="not yours") as caught:
        alice.request("GET", "/")
    assert caught.value.problem is not None


@pytest.mark.parametrize("named", [None, "ExpiredTokenException"])
def test_credentials_are_due_by_the_server_s_clock_too(  # noqa: PLR0917  # fixtures and a column
    alice: AuthRestClient,
    server: Any,
    refuse: Refuse,
    keys_used: Keys,
    clock: Any,
    named: str | None,
) -> None:
    clock.pass_by(minutes=54)
    refuse(named, at=clock.now + timedelta(seconds=90))
    alice.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]
    assert {seen.headers["X-Amz-Date"] for seen in server.seen} == {"20260517T125400Z"}


def test_credentials_that_are_due_by_our_clock_are_due(
    slow_client: AuthRestClient, refuse: Refuse, keys_used: Keys, clock: Any
) -> None:
    refuse(at=clock.now + timedelta(minutes=54, seconds=30))
    slow_client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_a_clock_that_is_off_is_set_right(
    alice: AuthRestClient, server: Any, refuse: Refuse, keys_used: Keys, clock: Any
) -> None:
    refuse(at=clock.now + timedelta(minutes=7))
    alice.request("GET", "/")
    assert [seen.headers["X-Amz-Date"] for seen in server.seen] == [
        "20260517T120000Z",
        "20260517T120700Z",
    ]
    assert keys_used() == ["ASIAALICE0"] * 2


def test_a_clock_that_is_off_and_expired_credentials_are_set_right_at_once(  # noqa: PLR0917  # fixtures
    alice: AuthRestClient, server: Any, refuse: Refuse, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    clock.pass_by(minutes=50)
    clock.pass_by(hours=-2)
    cognito.ahead = timedelta(hours=2)
    clock.pass_by(minutes=20)
    refuse("ExpiredTokenException", at=cognito.now)
    assert alice.request("GET", "/").attempts == 2
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]
    assert server.seen[1].headers["X-Amz-Date"] == "20260517T131000Z"
    assert cognito.refreshed == 1


def test_credentials_are_refreshed_by_a_clock_that_was_set_right(
    client: AuthRestClient, refuse: Refuse, keys_used: Keys, cognito: Any, clock: Any
) -> None:
    cognito.ahead = timedelta(hours=2)
    client.login("alice", "p")
    refuse(at=cognito.now)
    client.request("GET", "/")
    clock.pass_by(minutes=56)
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE0", "ASIAALICE1"]


def test_a_clock_that_is_ahead_does_not_let_each_call_fetch_credentials(
    client: AuthRestClient, refuse: Refuse, cognito: Any
) -> None:
    cognito.ahead = timedelta(hours=-2)
    client.login("alice", "p")
    refuse(at=cognito.now)
    for _ in range(5):
        client.request("GET", "/")
    assert cognito.asked == 2


def test_what_another_thread_has_refreshed_meanwhile_is_not_fetched_again(
    make_client: Callable[..., AuthRestClient], refuse: Refuse, keys_used: Keys, cognito: Any
) -> None:
    def another_thread_logs_in(event: RestEvent) -> None:
        if event.status == 403:
            client.login("alice", "p")

    client = make_client(hooks=[another_thread_logs_in])
    client.login("alice", "p")
    refuse("UnrecognizedClientException")
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]
    assert cognito.asked == 2


def test_a_refusal_stands_where_due_credentials_are_valid_and_cognito_out_of_reach(
    slow_client: AuthRestClient, refuse: Refuse, cognito: Any
) -> None:
    refuse()
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    with pytest.raises(ForbiddenError) as caught:
        slow_client.request("GET", "/")
    assert caught.value.attempts == 1


def test_expired_credentials_and_no_cognito_are_named_as_the_reason_of_a_refusal(
    alice: AuthRestClient, server: Any, refuse: Refuse, cognito: Any, clock: Any
) -> None:
    refuse("ExpiredTokenException", at=clock.now + timedelta(hours=2))
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    with pytest.raises(CognitoConnectionError):
        alice.request("GET", "/")
    assert len(server.seen) == 1


def test_a_login_that_has_ended_is_named_as_the_reason_of_a_refusal(
    alice: AuthRestClient, server: Any, refuse: Refuse, cognito: Any, clock: Any
) -> None:
    refuse("ExpiredTokenException", at=clock.now + timedelta(hours=2))
    cognito.refresh_failure = RefreshTokenExpiredError("Refresh Token has expired")
    with pytest.raises(NotLoggedInError, match="call login again"):
        alice.request("GET", "/")
    assert len(server.seen) == 1
