import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.session import Session
from pydantic import SecretStr

from saigon.aws.cognito import AuthTokens, CognitoClient, CognitoClientConfig
from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoError,
    IdentityRefusedError,
    InvalidInputError,
    RoleChoiceRequiredError,
    TokenExpiredError,
)
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUser, LocalUserPool

IDENTITY_POOL = "eu-west-1:5f1c0000-0000-4000-8000-000000000000"
ROLE = "arn:aws:iam::123456789012:role/clerk"


@pytest.fixture
def scripted_client(
    loopback: Any, session: Session, make_config: Callable[..., Any]
) -> CognitoClient:
    config = CognitoClientConfig(
        **make_config(endpoint_url=loopback.url).model_dump(),
        identity_pool_id=IDENTITY_POOL,
        identity_endpoint_url=loopback.url,
    )
    return CognitoClient(config, session=session)


def tokens_of(signer: Any, **claims: Any) -> AuthTokens:
    return AuthTokens(
        id_token=SecretStr(signer.token(**claims)),
        access_token=SecretStr(signer.token("access", **claims)),
        refresh_token=SecretStr("refresh-1"),
        expires_at=datetime.fromtimestamp(
            claims.get("exp", datetime.now(UTC).timestamp() + 3600), tz=UTC
        ),
        username="ada",
        sub="5f1c",
    )


def answer(key_id: str, *, lifetime: timedelta = timedelta(hours=1)) -> tuple[int, Any]:
    credentials = {
        "AccessKeyId": key_id,
        "SecretKey": "s3cret",
        "SessionToken": "s3cret-token",
        "Expiration": (datetime.now(UTC) + lifetime).timestamp(),
    }
    return 200, {"IdentityId": "eu-west-1:identity", "Credentials": credentials}


def test_two_users_get_identities_and_keys_of_their_own(
    aws: LocalAws,
    aws_user_pool: LocalUserPool,
    aws_identity_pool: LocalIdentityPool,
    cognito: CognitoClient,
) -> None:
    users = [aws.create_user(aws_user_pool) for _ in range(2)]

    given = [
        cognito.get_iam_credentials(cognito.login_user(user.username, user.password))
        for user in users
    ]

    assert given[0].identity_id != given[1].identity_id
    for user, credentials in zip(users, given, strict=True):
        issued = aws_identity_pool.find(credentials.access_key_id)
        assert issued is not None
        assert issued.user_sub == user.sub
        assert issued.secret_access_key == credentials.secret_access_key
        assert issued.session_token == credentials.session_token
        assert issued.expiration == credentials.expiration
        assert credentials.expiration.tzinfo is UTC


def test_a_user_keeps_the_identity(cognito: CognitoClient, aws_user: LocalUser) -> None:
    tokens = cognito.login_user(aws_user.username, aws_user.password)
    again = cognito.login_user(aws_user.username, aws_user.password)

    identity_id = cognito.get_identity_id(tokens)

    assert identity_id == cognito.get_identity_id(again.id_token)
    assert identity_id == cognito.get_iam_credentials(again).identity_id


@pytest.mark.parametrize("kind", ["access", "empty", "text", "deep", "none"])
def test_what_is_no_id_token_is_refused_before_any_request(
    scripted_client: CognitoClient, loopback: Any, signer: Any, kind: str
) -> None:
    wrong: Any = {
        "access": signer.token("access"),
        "empty": "",
        "text": "a.b.c",
        "deep": f"a.{'W1tb' * 5000}.c",
        "none": None,
    }[kind]

    for call in (scripted_client.get_identity_id, scripted_client.get_iam_credentials):
        with pytest.raises(InvalidInputError, match="ID token"):
            call(wrong)

    assert loopback.requests == []


def test_another_pools_user_is_refused(aws: LocalAws, cognito: CognitoClient) -> None:
    other = aws.create_user_pool()
    user = aws.create_user(other)
    stranger = CognitoClient(
        aws.create_identity_pool(other).config(), session=aws.session()
    ).login_user(user.username, user.password)

    with pytest.raises(IdentityRefusedError):
        cognito.get_iam_credentials(stranger)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid login token. Token expired: 1 >= 0", TokenExpiredError),
        ("The ambiguous role mapping rules denied this request", RoleChoiceRequiredError),
        ("Invalid login token. Issuer doesn't match providerName", IdentityRefusedError),
    ],
)
def test_a_refusal_says_why(
    scripted_client: CognitoClient, loopback: Any, signer: Any, message: str, expected: Any
) -> None:
    loopback.default = (400, {"__type": "NotAuthorizedException", "message": message})

    with pytest.raises(expected):
        scripted_client.get_iam_credentials(tokens_of(signer))


def test_a_role_can_be_chosen(scripted_client: CognitoClient, loopback: Any, signer: Any) -> None:
    loopback.answers = [(200, {"IdentityId": "eu-west-1:identity"}), answer("ASIA1")]

    scripted_client.get_iam_credentials(tokens_of(signer), custom_role_arn=ROLE)

    assert loopback.requests[1]["CustomRoleArn"] == ROLE
    with pytest.raises(InvalidInputError, match="custom_role_arn"):
        scripted_client.get_iam_credentials(tokens_of(signer), custom_role_arn="clerk")
    assert len(loopback.requests) == 2


class TestBoto3Session:
    def test_it_signs_as_the_user(
        self, aws_identity_pool: LocalIdentityPool, cognito: CognitoClient, aws_user: LocalUser
    ) -> None:
        tokens = cognito.login_user(aws_user.username, aws_user.password)

        session = cognito.boto3_session(tokens, region_name="us-east-1")

        credentials = session.get_credentials()
        assert credentials is not None
        frozen = credentials.get_frozen_credentials()
        assert frozen.access_key is not None
        issued = aws_identity_pool.find(frozen.access_key)
        assert issued is not None
        assert issued.user_sub == aws_user.sub

    def test_making_it_sends_nothing(
        self, scripted_client: CognitoClient, loopback: Any, signer: Any
    ) -> None:
        session = scripted_client.boto3_session(tokens_of(signer))

        session.client("s3")
        assert loopback.requests == []

    def test_threads_share_one_fetch(
        self, scripted_client: CognitoClient, loopback: Any, signer: Any
    ) -> None:
        loopback.answers = [(200, {"IdentityId": "eu-west-1:identity"}), answer("ASIA1")]
        session = scripted_client.boto3_session(tokens_of(signer))
        together = threading.Barrier(50)
        seen: list[str | None] = []

        def use() -> None:
            together.wait()
            credentials = session.get_credentials()
            assert credentials is not None
            seen.append(credentials.get_frozen_credentials().access_key)

        threads = [threading.Thread(target=use) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert seen == ["ASIA1"] * 50
        assert len(loopback.requests) == 2

    def test_an_old_id_token_is_refreshed_first(
        self, scripted_client: CognitoClient, loopback: Any, signer: Any
    ) -> None:
        old = tokens_of(signer, exp=int(datetime.now(UTC).timestamp()) + 10)
        loopback.answers = [
            (200, signer.result()),
            (200, {"IdentityId": "eu-west-1:identity"}),
            answer("ASIA1"),
        ]
        stored: list[AuthTokens] = []

        session = scripted_client.boto3_session(old, on_tokens_refreshed=stored.append)
        credentials = session.get_credentials()
        assert credentials is not None
        credentials.get_frozen_credentials()

        assert len(stored) == 1
        assert stored[0].expires_at > old.expires_at
        token = next(iter(loopback.requests[1]["Logins"].values()))
        assert token == stored[0].id_token.get_secret_value()

    # botocore asks anew from a quarter of an hour before the end, and must from ten minutes.
    @pytest.mark.parametrize("minutes", [12, 2])
    def test_valid_credentials_stay_in_use_while_the_service_is_down(
        self, scripted_client: CognitoClient, loopback: Any, signer: Any, minutes: int
    ) -> None:
        loopback.answers = [
            (200, {"IdentityId": "eu-west-1:identity"}),
            answer("ASIA1", lifetime=timedelta(minutes=minutes)),
        ]
        loopback.default = (400, {"__type": "ExternalServiceException"})
        credentials = scripted_client.boto3_session(tokens_of(signer)).get_credentials()
        assert credentials is not None

        assert [credentials.get_frozen_credentials().access_key for _ in range(3)] == ["ASIA1"] * 3
        assert len(loopback.requests) > 2

    def test_expired_credentials_are_an_error_while_the_service_is_down(
        self, scripted_client: CognitoClient, loopback: Any, signer: Any
    ) -> None:
        loopback.default = (400, {"__type": "ExternalServiceException"})
        credentials = scripted_client.boto3_session(tokens_of(signer)).get_credentials()
        assert credentials is not None

        with pytest.raises(CognitoError):
            credentials.get_frozen_credentials()

    def test_bad_input_is_refused_at_once(
        self, scripted_client: CognitoClient, signer: Any
    ) -> None:
        text: Any = signer.token()

        with pytest.raises(InvalidInputError, match="tokens"):
            scripted_client.boto3_session(text)
        with pytest.raises(InvalidInputError, match="custom_role_arn"):
            scripted_client.boto3_session(tokens_of(signer), custom_role_arn="clerk")

    def test_a_profile_that_is_missing_is_a_mistake_of_the_set_up(
        self, scripted_client: CognitoClient, signer: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

        with pytest.raises(CognitoConfigurationError, match="AWS_PROFILE"):
            scripted_client.boto3_session(tokens_of(signer))
