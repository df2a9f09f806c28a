"""A boto3 session whose credentials are a user's: fetched late, once, and renewed in time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.session import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from saigon.aws.cognito import AuthTokens, CognitoClient
from saigon.aws.cognito._session import _Renewal, _Telling
from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoError,
    InvalidInputError,
    RefreshTokenError,
    RefreshTokenReusedError,
)
from saigon.aws.testing import LocalIdentityPool, LocalUser

IDENTITY = (200, {"IdentityId": "eu-west-1:identity"})
DOWN = (400, {"__type": "ExternalServiceException"})
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saigon.aws.cognito._session._PAUSE_SECONDS", 0.2)


def key_of(session: Session) -> str | None:
    credentials = session.get_credentials()
    assert credentials is not None
    return credentials.get_frozen_credentials().access_key


def in_threads(call: Callable[[], Any], *, number: int = 50) -> list[Any]:
    """Call at once in many threads; return what came out, be it an error."""
    together = threading.Barrier(number)

    def run() -> Any:
        together.wait()
        return call()

    with ThreadPoolExecutor(number) as pool:
        done = [pool.submit(run) for _ in range(number)]
    return [each.exception() or each.result() for each in done]


def operations(loopback: Any) -> list[str]:
    return [request["operation"] for request in loopback.requests]


def about_to_expire(signer: Any) -> AuthTokens:
    """Return tokens that are too old for a request in a second, where they are refreshed."""
    tokens: AuthTokens = signer.tokens(exp=int(time.time()) + 62)
    return tokens


def test_it_signs_as_the_user(
    aws_identity_pool: LocalIdentityPool, cognito: CognitoClient, aws_user: LocalUser
) -> None:
    tokens = cognito.login_user(aws_user.username, aws_user.password)

    key = key_of(cognito.boto3_session(tokens, region_name="us-east-1"))

    assert key is not None
    issued = aws_identity_pool.find(key)
    assert issued is not None
    assert issued.user_sub == aws_user.sub


def test_making_it_sends_nothing(
    scripted_client: CognitoClient, loopback: Any, signer: Any
) -> None:
    session = scripted_client.boto3_session(signer.tokens())

    session.client("s3")
    assert loopback.requests == []


def test_threads_share_the_first_fetch(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    loopback.answers = [IDENTITY, credentials_answer("ASIA1")]
    session = scripted_client.boto3_session(signer.tokens())

    assert in_threads(lambda: key_of(session)) == ["ASIA1"] * 50
    assert operations(loopback) == ["GetId", "GetCredentialsForIdentity"]


@pytest.mark.parametrize("rotation", [False, True])
def test_threads_on_an_expired_session_share_one_refresh(
    make_scripted_client: Callable[..., CognitoClient],
    loopback: Any,
    signer: Any,
    credentials_answer: Any,
    *,
    rotation: bool,
) -> None:
    cognito = make_scripted_client(refresh_token_rotation=rotation)
    new = {"RefreshToken": "refresh-2"} if rotation else {}
    loopback.answers = [
        IDENTITY,
        credentials_answer("ASIA1", lifetime=SECOND),
        (200, signer.result(**new)),
        IDENTITY,
        credentials_answer("ASIA2"),
    ]
    told: list[AuthTokens] = []
    session = cognito.boto3_session(about_to_expire(signer), on_tokens_refreshed=told.append)
    assert key_of(session) == "ASIA1"
    time.sleep(2.1)

    assert in_threads(lambda: key_of(session)) == ["ASIA2"] * 50

    refresh = "GetTokensFromRefreshToken" if rotation else "InitiateAuth"
    fetch = ["GetId", "GetCredentialsForIdentity"]
    assert operations(loopback) == [*fetch, refresh, *fetch]
    assert len(told) == 1
    assert told[0].id_token.get_secret_value() in loopback.requests[3]["Logins"].values()


def test_the_rotated_refresh_token_is_the_one_that_is_used_next(
    make_scripted_client: Callable[..., CognitoClient],
    loopback: Any,
    signer: Any,
    credentials_answer: Any,
) -> None:
    cognito = make_scripted_client(refresh_token_rotation=True)
    old = int(time.time()) + 10
    loopback.answers = [
        (200, signer.result(IdToken=signer.token(exp=old), RefreshToken="refresh-2")),
        IDENTITY,
        credentials_answer("ASIA1", lifetime=timedelta(minutes=5)),
        (200, signer.result(RefreshToken="refresh-3")),
        IDENTITY,
        credentials_answer("ASIA2"),
    ]
    told: list[AuthTokens] = []
    session = cognito.boto3_session(signer.tokens(exp=old), on_tokens_refreshed=told.append)

    # botocore asks anew in the last quarter of an hour of credentials.
    assert [key_of(session) for _ in range(3)] == ["ASIA1", "ASIA2", "ASIA2"]

    sent = [each["RefreshToken"] for each in loopback.requests if "RefreshToken" in each]
    assert sent == ["refresh-1", "refresh-2"]
    assert [each.refresh_token.get_secret_value() for each in told] == ["refresh-2", "refresh-3"]


def test_a_callback_may_use_the_session(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    loopback.answers = [(200, signer.result()), IDENTITY, credentials_answer("ASIA1")]
    used: list[str | None] = []
    session = scripted_client.boto3_session(
        signer.tokens(exp=int(time.time()) + 10),
        on_tokens_refreshed=lambda _: used.append(key_of(session)),
    )

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(key_of, session).result(10) == "ASIA1"

    assert used == ["ASIA1"]


def test_it_is_told_of_new_tokens_however_the_credentials_are_read(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    loopback.answers = [(200, signer.result()), IDENTITY, credentials_answer("ASIA1")]
    told: list[AuthTokens] = []
    session = scripted_client.boto3_session(
        signer.tokens(exp=int(time.time()) + 10), on_tokens_refreshed=told.append
    )
    request = AWSRequest("GET", "https://api.example.com/orders")
    credentials = session.get_credentials()
    assert credentials is not None

    SigV4Auth(credentials, "execute-api", "eu-west-1").add_auth(request)

    assert "ASIA1" in request.headers["Authorization"]
    assert len(told) == 1


def test_older_tokens_are_never_told_of_after_newer_ones(signer: Any) -> None:
    first, second = signer.tokens(jti="1"), signer.tokens(jti="2")
    renewal = _Renewal(first, refresh=lambda _: second, fetch=lambda _: None)  # type: ignore[arg-type,return-value]  # not called
    told: list[AuthTokens] = []

    def store(tokens: AuthTokens) -> None:
        told.append(tokens)
        if tokens == first:  # slow, so that another thread renews them meanwhile, and then failing
            renewal.news = second
            telling.tell()
            raise OSError("the database is down")

    telling = _Telling(renewal, store)
    renewal.news = first
    telling.tell()
    assert told == [first]
    telling._not_before = 0.0
    telling.tell()

    assert told == [first, second]
    assert renewal.news is None


def test_an_interrupted_callback_is_called_again(signer: Any) -> None:
    tokens = signer.tokens()
    renewal = _Renewal(tokens, refresh=lambda _: tokens, fetch=lambda _: None)  # type: ignore[arg-type,return-value]  # not called
    told: list[AuthTokens] = []

    def store(news: AuthTokens) -> None:
        told.append(news)
        if len(told) == 1:
            raise KeyboardInterrupt

    telling = _Telling(renewal, store)
    renewal.news = tokens
    with pytest.raises(KeyboardInterrupt):
        telling.tell()
    telling._not_before = 0.0
    telling.tell()

    assert told == [tokens, tokens]


def test_a_refusal_that_nobody_knows_ends_nothing_for_ever(
    make_scripted_client: Callable[..., CognitoClient],
    loopback: Any,
    signer: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("saigon.aws.cognito._session._PAUSE_SECONDS_UNKNOWN", 0.0)
    loopback.default = (400, {"__type": "NotAuthorizedException", "message": "Not today."})
    session = make_scripted_client().boto3_session(signer.tokens(exp=int(time.time()) + 10))

    for _ in range(2):
        with pytest.raises(RefreshTokenError):
            key_of(session)

    assert len(loopback.requests) == 2


def test_new_tokens_are_told_of_although_there_are_no_credentials(
    scripted_client: CognitoClient, loopback: Any, signer: Any
) -> None:
    loopback.answers = [(200, signer.result())]
    loopback.default = DOWN
    told: list[AuthTokens] = []
    session = scripted_client.boto3_session(
        signer.tokens(exp=int(time.time()) + 10), on_tokens_refreshed=told.append
    )

    with pytest.raises(CognitoError):
        key_of(session)

    assert len(told) == 1


def test_a_token_that_is_too_old_by_the_clock_of_the_service_is_refreshed(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    message = "Invalid login token. Token expired: 1 >= 0"
    loopback.answers = [
        (400, {"__type": "NotAuthorizedException", "message": message}),
        (200, signer.result()),
        IDENTITY,
        credentials_answer("ASIA1"),
    ]

    assert key_of(scripted_client.boto3_session(signer.tokens())) == "ASIA1"
    assert operations(loopback)[:3] == ["GetId", "InitiateAuth", "GetId"]


def test_a_callback_that_fails_is_called_with_the_same_tokens_again(
    scripted_client: CognitoClient,
    loopback: Any,
    signer: Any,
    credentials_answer: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loopback.answers = [(200, signer.result()), IDENTITY, credentials_answer("ASIA1")]
    told: list[AuthTokens] = []

    def store(tokens: AuthTokens) -> None:
        told.append(tokens)
        if len(told) == 1:
            raise OSError("the database is down")

    session = scripted_client.boto3_session(
        signer.tokens(exp=int(time.time()) + 10), on_tokens_refreshed=store
    )
    assert [key_of(session) for _ in range(3)] == ["ASIA1"] * 3
    assert len(told) == 1
    assert "OSError" in caplog.text
    assert "the database" not in caplog.text
    time.sleep(0.3)
    assert [key_of(session) for _ in range(3)] == ["ASIA1"] * 3

    assert told[0] == told[1]
    assert len(told) == 2
    assert operations(loopback) == ["InitiateAuth", "GetId", "GetCredentialsForIdentity"]


# botocore asks anew from a quarter of an hour before the end, and must from ten minutes.
@pytest.mark.parametrize("minutes", [12, 2])
@pytest.mark.parametrize("outage", [DOWN, None, (500, b"<html>")], ids=["error", "closed", "page"])
def test_valid_credentials_stay_in_use_while_the_service_is_down(
    scripted_client: CognitoClient,
    loopback: Any,
    signer: Any,
    credentials_answer: Any,
    *,
    minutes: int,
    outage: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = credentials_answer("ASIA1", lifetime=timedelta(minutes=minutes))
    loopback.answers = [IDENTITY, first]
    loopback.default = outage
    session = scripted_client.boto3_session(signer.tokens())
    assert key_of(session) == "ASIA1"

    assert in_threads(lambda: key_of(session)) == ["ASIA1"] * 50

    assert "those in hand stay" in caplog.text
    # One attempt, which botocore makes of three requests, and then a pause.
    assert operations(loopback)[2:] == ["GetId"] * (1 if outage == DOWN else 3)


def test_expired_credentials_are_an_error_while_the_service_is_down(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    loopback.answers = [IDENTITY, credentials_answer("ASIA1", lifetime=SECOND)]
    loopback.default = DOWN
    session = scripted_client.boto3_session(signer.tokens())
    assert key_of(session) == "ASIA1"
    time.sleep(1.1)

    seen = in_threads(lambda: key_of(session))

    assert {type(each) for each in seen} == {CognitoError}
    assert operations(loopback)[2:] == ["GetId"], "each thread asked for itself"
    time.sleep(0.3)
    loopback.answers = [IDENTITY, credentials_answer("ASIA2")]
    assert key_of(session) == "ASIA2"


def test_a_stolen_refresh_token_ends_the_session(
    make_scripted_client: Callable[..., CognitoClient], loopback: Any, signer: Any
) -> None:
    cognito = make_scripted_client(refresh_token_rotation=True)
    loopback.default = (400, {"__type": "RefreshTokenReuseException"})
    session = cognito.boto3_session(signer.tokens(exp=int(time.time()) + 10))

    seen = in_threads(lambda: key_of(session))

    assert {type(each) for each in seen} == {RefreshTokenReusedError}
    assert len(set(map(id, seen))) == len(seen), "threads share an error, and its traceback"
    time.sleep(0.3)
    with pytest.raises(RefreshTokenReusedError):
        key_of(session)
    assert operations(loopback) == ["GetTokensFromRefreshToken"]


def test_a_refreshed_session_is_of_the_new_id_token(
    scripted_client: CognitoClient, loopback: Any, signer: Any, credentials_answer: Any
) -> None:
    old = signer.tokens(exp=int(datetime.now(UTC).timestamp()) + 10)
    loopback.answers = [(200, signer.result()), IDENTITY, credentials_answer("ASIA1")]
    stored: list[AuthTokens] = []

    assert key_of(scripted_client.boto3_session(old, on_tokens_refreshed=stored.append)) == "ASIA1"

    assert len(stored) == 1
    assert stored[0].expires_at > old.expires_at
    token = next(iter(loopback.requests[1]["Logins"].values()))
    assert token == stored[0].id_token.get_secret_value()


def test_bad_input_is_refused_at_once(scripted_client: CognitoClient, signer: Any) -> None:
    text: Any = signer.token()

    with pytest.raises(InvalidInputError, match="tokens"):
        scripted_client.boto3_session(text)
    with pytest.raises(InvalidInputError, match="custom_role_arn"):
        scripted_client.boto3_session(signer.tokens(), custom_role_arn="clerk")

    async def awaited(_: AuthTokens) -> None:
        """Do nothing."""

    wrong: Any

    class Awaited:
        async def __call__(self, _: AuthTokens) -> None:
            """Do nothing."""

    for wrong in (awaited, Awaited(), "store", 7):
        with pytest.raises(InvalidInputError, match="on_tokens_refreshed"):
            scripted_client.boto3_session(signer.tokens(), on_tokens_refreshed=wrong)


def test_a_profile_that_is_missing_is_a_mistake_of_the_set_up(
    scripted_client: CognitoClient, signer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    with pytest.raises(CognitoConfigurationError, match="AWS_PROFILE"):
        scripted_client.boto3_session(signer.tokens())
