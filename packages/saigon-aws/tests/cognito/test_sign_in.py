from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, AuthTokens, CognitoIdp, DeviceCredentials
from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    ChallengeRequiredError,
    CognitoConnectionError,
    CognitoError,
    InvalidCredentialsError,
    InvalidInputError,
    PasswordPolicyError,
    RefreshTokenError,
    RefreshTokenExpiredError,
    RefreshTokenReusedError,
    RefreshTokenRevokedError,
    TokenVerificationError,
)
from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool

FLOWS = ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
SECRET = "t0ps3cret"


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("with_client_secret", [False, True])
def test_a_user_signs_in(aws: LocalAws, flow: Any, with_client_secret: bool) -> None:
    pool = aws.create_user_pool(with_client_secret=with_client_secret)
    user = aws.create_user(pool)
    idp = CognitoIdp(pool.config(auth_flow=flow), session=aws.session())

    tokens = idp.login_user(user.username, user.password)

    assert (tokens.username, tokens.sub) == (user.username, user.sub)
    left = tokens.expires_at - datetime.now(UTC)
    assert timedelta(minutes=55) < left <= timedelta(hours=1)
    assert idp.verify_id_token(tokens).sub == user.sub
    assert idp.verify_access_token(tokens).sub == user.sub


# moto accepts every SRP proof, so that flow is left out.
@pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"])
def test_a_wrong_password_and_an_unknown_user_look_the_same(
    idp: CognitoIdp, aws_user: LocalUser, flow: Any
) -> None:
    with pytest.raises(InvalidCredentialsError) as wrong:
        idp.login_user(aws_user.username, "Wr0ng!pass", auth_flow=flow)
    with pytest.raises(InvalidCredentialsError) as unknown:
        idp.login_user("nobody", "Wr0ng!pass", auth_flow=flow)

    assert str(wrong.value) == str(unknown.value)
    assert wrong.value.code == unknown.value.code
    for error in (wrong.value, unknown.value):
        assert error.__cause__ is None
        assert error.__context__ is None


def test_also_by_srp_where_the_pool_tells_of_unknown_users(scripted: Any, loopback: Any) -> None:
    # moto does not tell, nor does it check a proof.
    idp = scripted(auth_flow="USER_SRP_AUTH")
    asked = {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": "ada",
            "SALT": "1",
            "SRP_B": "2",
            "SECRET_BLOCK": "YmxvY2s=",
        },
    }
    wrong = {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
    unknown = {"__type": "UserNotFoundException", "message": "User does not exist."}
    errors = []
    for answers in ([(200, asked), (400, wrong)], [(400, unknown)]):
        loopback.answers = answers
        with pytest.raises(InvalidCredentialsError) as caught:
            idp.login_user("ada", "Passw0rd!x")
        errors.append((str(caught.value), vars(caught.value)))

    assert errors[0] == errors[1]


def test_signing_in_needs_no_aws_credentials(
    loopback: Any, signer: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    # An attempt to reach the instance's metadata would fail at this address, and be slow.
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", loopback.url)
    loopback.answers = [(200, signer.result())]

    tokens = CognitoIdp(make_config(endpoint_url=loopback.url)).login_user("ada", "Passw0rd!x")

    assert tokens.username == "ada"
    assert [request["operation"] for request in loopback.requests] == ["InitiateAuth"]


def test_a_failed_attempt_is_sent_once(scripted: Any, loopback: Any) -> None:
    with pytest.raises(CognitoError) as caught:
        scripted().login_user("ada", "Passw0rd!x")

    assert len(loopback.requests) == 1
    assert caught.value.retryable


class TestChallenges:
    @pytest.fixture
    def challenge(self, idp: CognitoIdp) -> AuthChallenge:
        idp.create_user("ada", "T3mp!Passw0rd", temporary=True)
        outcome = idp.initiate_auth("ada", "T3mp!Passw0rd")
        assert isinstance(outcome, AuthChallenge)
        return outcome

    def test_a_challenge_is_answered(self, idp: CognitoIdp, challenge: AuthChallenge) -> None:
        assert challenge.name == "NEW_PASSWORD_REQUIRED"
        assert challenge.session is not None
        assert challenge.session.get_secret_value() not in repr(challenge)

        tokens = idp.respond_to_challenge(challenge, "N3w!Passw0rd")

        assert isinstance(tokens, AuthTokens)
        assert idp.login_user("ada", "N3w!Passw0rd").sub == tokens.sub

    def test_a_weak_answer_is_told(self, idp: CognitoIdp, challenge: AuthChallenge) -> None:
        with pytest.raises(PasswordPolicyError):
            idp.respond_to_challenge(challenge, "weak")

    def test_login_raises_what_it_cannot_answer(self, idp: CognitoIdp) -> None:
        idp.create_user("ada", "T3mp!Passw0rd", temporary=True)

        with pytest.raises(ChallengeRequiredError) as caught:
            idp.login_user("ada", "T3mp!Passw0rd")

        challenge = caught.value.challenge
        assert challenge.session is not None
        assert challenge.session.get_secret_value() not in repr(caught.value)
        assert isinstance(idp.respond_to_challenge(challenge, "N3w!Passw0rd"), AuthTokens)

    def test_an_administrators_challenge_is_answered_by_the_administrator(
        self, idp: CognitoIdp
    ) -> None:
        idp.create_user("ada", "T3mp!Passw0rd", temporary=True)

        outcome = idp.initiate_auth("ada", "T3mp!Passw0rd", auth_flow="ADMIN_USER_PASSWORD_AUTH")

        assert isinstance(outcome, AuthChallenge)
        assert outcome.by_admin
        assert isinstance(idp.respond_to_challenge(outcome, "N3w!Passw0rd"), AuthTokens)

    def test_they_form_chains_with_the_real_name_and_one_session_each(
        self, scripted: Any, loopback: Any, signer: Any
    ) -> None:
        loopback.answers = [
            (
                200,
                {
                    "ChallengeName": "SELECT_MFA_TYPE",
                    "Session": "session-1-of-twenty-characters",
                    "ChallengeParameters": {"USER_ID_FOR_SRP": "real-ada"},
                },
            ),
            (
                200,
                {
                    "ChallengeName": "SOFTWARE_TOKEN_MFA",
                    "Session": "session-2-of-twenty-characters",
                },
            ),
            (200, signer.result()),
        ]
        idp = scripted(client_secret=SECRET)

        first = idp.initiate_auth("ada@example.com", "Passw0rd!x")
        second = idp.respond_to_challenge(first, "SOFTWARE_TOKEN_MFA")
        tokens = idp.respond_to_challenge(second, "123456")

        assert isinstance(tokens, AuthTokens)
        sent = loopback.requests
        assert [request.get("Session") for request in sent] == [
            None,
            "session-1-of-twenty-characters",
            "session-2-of-twenty-characters",
        ]
        real_hash = AWSSRP.get_secret_hash("real-ada", sent[0]["ClientId"], SECRET)
        assert sent[0]["AuthParameters"]["SECRET_HASH"] != real_hash
        assert sent[1]["ChallengeResponses"] == {
            "USERNAME": "real-ada",
            "ANSWER": "SOFTWARE_TOKEN_MFA",
            "SECRET_HASH": real_hash,
        }
        assert sent[2]["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"] == "123456"

    def test_an_unknown_one_is_carried(self, scripted: Any, loopback: Any, signer: Any) -> None:
        loopback.answers = [
            (
                200,
                {
                    "ChallengeName": "FUTURE",
                    "Session": "session-of-twenty-characters",
                    "ChallengeParameters": {"a": "b"},
                },
            ),
            (200, signer.result()),
        ]
        idp = scripted()
        challenge = idp.initiate_auth("ada", "Passw0rd!x")

        assert (challenge.name, challenge.parameters) == ("FUTURE", {"a": "b"})
        with pytest.raises(InvalidInputError, match="FUTURE"):
            idp.respond_to_challenge(challenge, "x")
        answered = idp.respond_to_challenge(challenge, responses={"FUTURE_ANSWER": SecretStr("x")})
        assert isinstance(answered, AuthTokens)
        assert loopback.requests[1]["ChallengeResponses"]["FUTURE_ANSWER"] == "x"

    @pytest.mark.parametrize(
        "responses",
        [
            {"USERNAME": "eve"},
            {"SECRET_HASH": "x"},
            {"DEVICE_KEY": "x"},
            {5: "x"},
            {b"ANSWER": "x"},
            {None: "x"},
            {"": "x"},
            {"t0ps3cret": 5},
            {"ANSWER": 5},
            {"ANSWER": ""},
        ],
        ids=str,
    )
    def test_responses_are_names_and_text(
        self, scripted: Any, loopback: Any, responses: Any
    ) -> None:
        challenge = AuthChallenge(name="FUTURE", username="ada", session=SecretStr("s" * 20))

        with pytest.raises(InvalidInputError, match="responses") as caught:
            scripted().respond_to_challenge(challenge, responses=responses)

        assert "s3cret" not in str(caught.value)
        assert loopback.requests == []

    def test_an_attribute_may_have_any_name_that_cognito_allows(
        self, scripted: Any, loopback: Any, signer: Any
    ) -> None:
        loopback.default = (200, signer.result())
        challenge = AuthChallenge(
            name="NEW_PASSWORD_REQUIRED", username="ada", session=SecretStr("s" * 20)
        )
        given = {"userAttributes.custom:cost-center": "7", "userAttributes.custom:größe": "L"}

        scripted().respond_to_challenge(challenge, "N3w!Passw0rd", responses=given)

        assert given.items() <= loopback.requests[0]["ChallengeResponses"].items()

    def test_a_proof_that_is_asked_for_again_and_again_is_not_given_for_ever(
        self, scripted: Any, loopback: Any
    ) -> None:
        device = DeviceCredentials(
            device_key="eu-west-1_5f1c", device_group_key="group", password=SecretStr("x")
        )
        again = {"ChallengeName": "DEVICE_SRP_AUTH", "Session": "session-of-twenty-characters"}
        loopback.default = (200, again)

        outcome = scripted().initiate_auth("ada", "Passw0rd!x", device=device)

        assert outcome.name == "DEVICE_SRP_AUTH"
        assert len(loopback.requests) == 2

    def test_an_old_session_is_told(self, scripted: Any, loopback: Any) -> None:
        message = "Invalid session for the user, session is expired."
        loopback.answers = [(400, {"__type": "NotAuthorizedException", "message": message})]
        challenge = AuthChallenge(
            name="SMS_MFA", username="ada", session=SecretStr("old-session-of-twenty-characters")
        )

        with pytest.raises(ChallengeExpiredError):
            scripted().respond_to_challenge(challenge, "123456")

    def test_an_answer_that_is_none_is_an_error(self, scripted: Any, loopback: Any) -> None:
        loopback.answers = [(200, {})]

        with pytest.raises(CognitoError, match="neither tokens nor a challenge"):
            scripted().initiate_auth("ada", "Passw0rd!x")


class TestRefresh:
    def test_the_old_refresh_token_stays_where_no_new_one_comes(
        self, idp: CognitoIdp, aws_user: LocalUser
    ) -> None:
        tokens = idp.login_user(aws_user.username, aws_user.password)

        refreshed = idp.refresh_tokens(tokens)

        assert refreshed.refresh_token == tokens.refresh_token
        assert refreshed.id_token != tokens.id_token
        assert idp.verify_id_token(refreshed).sub == aws_user.sub
        assert idp.refresh_tokens(refreshed).sub == aws_user.sub

    def test_the_hash_is_of_the_real_name_and_the_device_goes_along(
        self, scripted: Any, loopback: Any, signer: Any
    ) -> None:
        device = {"NewDeviceMetadata": {"DeviceKey": "eu-west-1_device", "DeviceGroupKey": "g"}}
        loopback.answers = [(200, signer.result(**device)), (200, signer.result())]
        idp = scripted(client_secret=SECRET)

        tokens = idp.login_user("ada@example.com", "Passw0rd!x")
        refreshed = idp.refresh_tokens(tokens)

        assert tokens.device_key == refreshed.device_key == "eu-west-1_device"
        sent = loopback.requests[1]
        assert sent["AuthFlow"] == "REFRESH_TOKEN_AUTH"
        assert sent["AuthParameters"] == {
            "REFRESH_TOKEN": "refresh-1",
            "DEVICE_KEY": "eu-west-1_device",
            "SECRET_HASH": AWSSRP.get_secret_hash("ada", sent["ClientId"], SECRET),
        }

    def test_a_rotating_client_exchanges_the_token_once(
        self, scripted: Any, loopback: Any, signer: Any
    ) -> None:
        # moto does not implement GetTokensFromRefreshToken.
        secret = SECRET + "x" * 24
        loopback.answers = [(200, signer.result()), (200, signer.result(RefreshToken="refresh-2"))]
        idp = scripted(client_secret=secret, refresh_token_rotation=True)
        tokens = idp.login_user("ada", "Passw0rd!x")

        refreshed = idp.refresh_tokens(tokens)

        assert refreshed.refresh_token.get_secret_value() == "refresh-2"
        sent = loopback.requests[1]
        assert sent["operation"] == "GetTokensFromRefreshToken"
        assert (sent["RefreshToken"], sent["ClientSecret"]) == ("refresh-1", secret)
        with pytest.raises(CognitoError):
            idp.refresh_tokens(refreshed)
        assert len(loopback.requests) == 3

    @pytest.mark.parametrize(
        ("code", "message", "expected"),
        [
            ("NotAuthorizedException", "Refresh Token has expired", RefreshTokenExpiredError),
            ("NotAuthorizedException", "Refresh Token has been revoked", RefreshTokenRevokedError),
            ("NotAuthorizedException", "Invalid Refresh Token.", RefreshTokenError),
            ("NotAuthorizedException", "Something new", RefreshTokenError),
            ("RefreshTokenReuseException", "Refresh token reuse.", RefreshTokenReusedError),
        ],
    )
    def test_a_dead_refresh_token_says_why(
        self, scripted: Any, loopback: Any, signer: Any, *, code: str, message: str, expected: Any
    ) -> None:
        loopback.answers = [
            (200, signer.result()),
            (400, {"__type": code, "message": message}),
        ]
        idp = scripted()
        tokens = idp.login_user("ada", "Passw0rd!x")

        with pytest.raises(RefreshTokenError) as caught:
            idp.refresh_tokens(tokens)

        assert type(caught.value) is expected

    def test_a_sign_out_revokes(self, idp: CognitoIdp, aws_user: LocalUser) -> None:
        tokens = idp.login_user(aws_user.username, aws_user.password)

        idp.sign_out(tokens)

        with pytest.raises(RefreshTokenRevokedError):
            idp.refresh_tokens(tokens)
        with pytest.raises(TokenVerificationError):
            idp.get_user(tokens)

    def test_a_token_is_revoked(self, scripted: Any, loopback: Any, signer: Any) -> None:
        # moto does not implement RevokeToken.
        loopback.answers = [(200, signer.result()), (200, {})]
        idp = scripted()

        idp.revoke_token(idp.login_user("ada", "Passw0rd!x"))

        assert loopback.requests[1]["Token"] == "refresh-1"


def test_a_user_sees_the_own_attributes(idp: CognitoIdp) -> None:
    idp.create_user("ada", "Passw0rd!x", attributes={"name": "Ada"})

    user = idp.get_user(idp.login_user("ada", "Passw0rd!x"))

    assert (user.username, user.attributes["name"]) == ("ada", "Ada")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("", "Passw0rd!x"), "username"),
        (("ada", ""), "password"),
        (("ada", "   "), "password"),
        (("ada", b"Passw0rd!x"), "password"),
        (("ada", SecretStr("")), "password"),
        (("ada", SecretStr(5)), "password"),  # type: ignore[arg-type]  # pydantic takes it
        (("ada", SecretStr(b"Passw0rd!x")), "password"),  # type: ignore[arg-type]  # likewise
    ],
)
def test_bad_input_is_refused_before_any_request(
    scripted: Any, loopback: Any, arguments: tuple[Any, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scripted().login_user(*arguments)

    assert caught.value.field == field
    assert loopback.requests == []


@pytest.mark.parametrize("wrong", ["t0ps3cret", None, 7])
def test_what_is_not_tokens_is_refused_before_any_request(
    scripted: Any, loopback: Any, wrong: Any
) -> None:
    idp: CognitoIdp = scripted()
    text: Any = "123456"
    for call in (idp.refresh_tokens, idp.get_user, idp.sign_out, idp.revoke_token):
        with pytest.raises(InvalidInputError, match="tokens"):
            call(wrong)
    with pytest.raises(InvalidInputError, match="tokens"):
        idp.change_password(wrong, "Passw0rd!x", "N3w!Passw0rd")
    with pytest.raises(InvalidInputError, match="challenge"):
        idp.respond_to_challenge(wrong, "123456")
    with pytest.raises(InvalidInputError, match="responses"):
        idp.respond_to_challenge(AuthChallenge(name="SMS_MFA", username="ada"), responses=text)

    assert loopback.requests == []


@pytest.mark.parametrize("claim", [{"exp": 10**30}, {"exp": float("inf")}, {"exp": "soon"}])
def test_tokens_without_a_time_are_an_error(
    scripted: Any, loopback: Any, signer: Any, claim: dict[str, Any]
) -> None:
    tokens = {"IdToken": signer.token(**claim), "AccessToken": signer.token("access", **claim)}
    loopback.answers = [(200, signer.result(**tokens))]

    with pytest.raises(CognitoConnectionError, match="cannot be read") as caught:
        scripted().login_user("ada", "Passw0rd!x")

    assert caught.value.__context__ is None


def test_an_unknown_flow_is_refused(scripted: Any, loopback: Any) -> None:
    with pytest.raises(InvalidInputError, match="auth_flow"):
        scripted().login_user("ada", "Passw0rd!x", auth_flow="CUSTOM")
    with pytest.raises(InvalidInputError, match="auth_flow"):
        scripted().login_user("ada", "Passw0rd!x", auth_flow="")
    with pytest.raises(InvalidInputError, match="new_password"):
        scripted().login_user("ada", "Passw0rd!x", new_password="")
    assert loopback.requests == []


def test_one_client_serves_two_users(
    aws: LocalAws, aws_user_pool: LocalUserPool, idp: CognitoIdp
) -> None:
    users = [aws.create_user(aws_user_pool) for _ in range(2)]

    tokens = [idp.login_user(user.username, user.password) for user in users]

    assert [each.sub for each in tokens] == [user.sub for user in users]
    assert [idp.refresh_tokens(each).sub for each in tokens] == [user.sub for user in users]
