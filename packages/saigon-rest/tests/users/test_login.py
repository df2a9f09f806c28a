"""Logins, and what Cognito asks for more."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    ChallengeRequiredError,
    CodeMismatchError,
    CognitoConnectionError,
    InvalidCredentialsError,
)
from saigon.rest.client import AuthRestClient, UserIdentity
from saigon.rest.exceptions import ConfigurationError, NotLoggedInError

Keys = Callable[[], list[str]]


@pytest.mark.parametrize("password", ["p", SecretStr("p")], ids=["text", "secret"])
def test_a_password_may_be_text_or_a_secret(
    client: AuthRestClient, password: str | SecretStr
) -> None:
    assert client.login("alice", password) == client.current_user


def test_the_name_is_the_one_that_the_caller_gave(client: AuthRestClient) -> None:
    identity = client.login("alice@example.com", "p")
    assert identity == UserIdentity("alice@example.com", "sub-of-alice", "eu-west-1:alice")
    with client.as_user("alice@example.com"):
        assert client.current_user == identity
    with pytest.raises(NotLoggedInError, match="'alice'"):
        client.switch_user("alice")


def test_a_login_replaces_an_earlier_one_of_the_same_name(
    client: AuthRestClient, keys_used: Keys
) -> None:
    client.login("alice", "p")
    with client.as_user("alice"):
        client.login("alice", "p")
        client.request("GET", "/")
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE1"] * 2


def test_a_user_who_logs_in_by_another_name_is_the_same_user(
    client: AuthRestClient, keys_used: Keys
) -> None:
    before = client.login("alice", "p")
    with client.as_user(before):
        after = client.login("alice@example.com", "p")
        client.request("GET", "/")
    assert client.current_user == after
    assert keys_used() == ["ASIAALICE1"]
    client.logout(before)
    assert client.current_user is None


def test_a_wrong_password_leaves_an_earlier_login_as_it_was(
    client: AuthRestClient, keys_used: Keys
) -> None:
    alice = client.login("alice", "p")
    with pytest.raises(InvalidCredentialsError):
        client.login("alice", "wrong")
    with pytest.raises(InvalidCredentialsError):
        client.login("bob", "wrong")
    assert client.current_user == alice
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0"]


def test_a_user_without_credentials_is_not_logged_in(client: AuthRestClient, cognito: Any) -> None:
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    with pytest.raises(CognitoConnectionError):
        client.login("alice", "p")
    assert client.current_user is None


def challenged(client: AuthRestClient, username: str, password: str) -> Any:
    with pytest.raises(ChallengeRequiredError) as caught:
        client.login(username, password)
    assert client.current_user is None
    return caught.value.challenge


@pytest.mark.parametrize("name", ["NEW_PASSWORD_REQUIRED", "SMS_MFA", "SOFTWARE_TOKEN_MFA"])
@pytest.mark.parametrize("answer", ["123456", SecretStr("123456")], ids=["text", "secret"])
def test_a_challenge_surfaces_and_can_be_answered(
    client: AuthRestClient, name: str, answer: str | SecretStr
) -> None:
    challenge = challenged(client, "alice", f"then {name}")
    assert challenge.name == name
    identity = client.respond_to_challenge(challenge, answer)
    assert (
        identity == client.current_user == UserIdentity("alice", "sub-of-alice", "eu-west-1:alice")
    )


def test_a_challenge_may_lead_to_the_next(client: AuthRestClient) -> None:
    challenge = challenged(client, "alice", "temporary")
    with pytest.raises(ChallengeRequiredError, match="SOFTWARE_TOKEN_MFA") as caught:
        client.respond_to_challenge(challenge, "new password, with a second factor")
    assert client.current_user is None
    assert client.respond_to_challenge(caught.value.challenge, "123456") == client.current_user


def test_a_wrong_answer_may_be_given_again(client: AuthRestClient) -> None:
    challenge = challenged(client, "alice@example.com", "then SMS_MFA")
    with pytest.raises(CodeMismatchError):
        client.respond_to_challenge(challenge, "wrong")
    assert client.current_user is None
    assert client.respond_to_challenge(challenge, "123456").username == "alice@example.com"


def test_a_challenge_that_has_expired_is_an_error(client: AuthRestClient) -> None:
    challenge = challenged(client, "alice", "then SMS_MFA")
    with pytest.raises(ChallengeExpiredError):
        client.respond_to_challenge(challenge, "too late")
    assert client.current_user is None


def test_the_name_that_the_caller_gave_lasts_through_all_challenges(
    client: AuthRestClient,
) -> None:
    challenge = challenged(client, "alice@example.com", "temporary")
    with pytest.raises(ChallengeRequiredError) as caught:
        client.respond_to_challenge(challenge, "new password, with a second factor")
    identity = client.respond_to_challenge(caught.value.challenge, "123456")
    assert identity.username == "alice@example.com"


def test_a_challenge_of_another_client_is_answered_under_its_own_name(
    client: AuthRestClient, make_client: Callable[..., AuthRestClient]
) -> None:
    own = challenged(client, "alice@example.com", "then SMS_MFA")
    assert client.respond_to_challenge(own, "123456").username == "alice@example.com"
    challenge = challenged(make_client(), "alice@example.com", "then SMS_MFA")
    assert client.respond_to_challenge(challenge, "123456").username == "alice"


def test_an_identity_does_not_change_and_can_be_pickled(client: AuthRestClient) -> None:
    identity = client.login("alice", "p")
    with pytest.raises(FrozenInstanceError):
        identity.username = "bob"  # type: ignore[misc]  # it is frozen
    assert pickle.loads(pickle.dumps(identity)) == identity


def test_a_client_cannot_be_pickled(client: AuthRestClient) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(client)
    client.login("alice", "p")
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(client)


def test_no_secret_is_shown(
    client: AuthRestClient,
    cognito: Any,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(ChallengeRequiredError) as challenged:
        client.login("alice", "then SMS_MFA")
    identity = client.respond_to_challenge(challenged.value.challenge, "secret code")
    with pytest.raises(InvalidCredentialsError) as refused:
        client.login("alice", SecretStr("wrong"))
    clock.pass_by(minutes=59)
    cognito.failure = CognitoConnectionError("unreachable", retryable=True)
    client.request("GET", "/")
    user = client._logins.users.current()
    told = [
        client,
        client._logins.auth,
        identity,
        user.__dict__,
        user._renewal.__dict__,
        client._sender,
        challenged.value,
        challenged.value.challenge,
        refused.value,
        caplog.text,
    ]
    assert "CognitoConnectionError" in caplog.text
    assert not any("secret" in repr(each).replace("secret_access_key", "") for each in told)


def test_the_signature_is_for_the_host_s_region_and_service(
    make_client: Callable[..., AuthRestClient],
) -> None:
    url = "https://abc.execute-api.us-east-2.amazonaws.com/prod"
    auth = make_client(url, region=None)._logins.auth
    assert (auth.aws_region, auth.service) == ("us-east-2", "execute-api")
    with pytest.raises(ConfigurationError, match="aws_region"):
        make_client("https://api.example.com", region=None)


def test_a_client_needs_cognito() -> None:
    with pytest.raises(TypeError, match="cognito_config"):
        AuthRestClient("https://api.example.com", region="eu-west-1")
