"""Against moto, which here checks the codes of authenticator apps, and a scripted service."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, AuthTokens, CognitoIdp, SoftwareToken
from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    ChallengeRequiredError,
    CodeMismatchError,
    InvalidInputError,
    MfaError,
    TokenVerificationError,
)
from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool

ReadQrCode = Callable[[str], Any]
SESSION = "session-of-twenty-characters"


def setup_challenge(name: str = "MFA_SETUP") -> AuthChallenge:
    return AuthChallenge(name=name, username="ada", session=SecretStr(SESSION))


@pytest.fixture
def strict_idp(aws: LocalAws, aws_user_pool: LocalUserPool, idp: CognitoIdp) -> CognitoIdp:
    """Every user of the pool has to have a second factor."""
    aws.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=aws_user_pool.user_pool_id,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="ON",
    )
    return idp


def test_a_user_enrols_an_authenticator_app_and_signs_in_with_it(
    idp: CognitoIdp, aws_user: LocalUser, read_qr_code: ReadQrCode
) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)

    token = idp.associate_software_token(tokens)
    app = read_qr_code(token.otpauth_uri(issuer="Orders & Co", account=aws_user.username))
    with pytest.raises(CodeMismatchError):
        idp.verify_software_token(tokens, app.wrong_code())
    idp.verify_software_token(tokens, app.code(), device_name="Ada's telephone")
    idp.set_user_mfa_preference(tokens, preferred="SOFTWARE_TOKEN_MFA")

    assert token.challenge is None
    assert (app.issuer, app.label) == ("Orders & Co", f"Orders & Co:{aws_user.username}")
    user = idp.get_user(tokens)
    assert (user.mfa_methods, user.preferred_mfa) == (("SOFTWARE_TOKEN_MFA",), "SOFTWARE_TOKEN_MFA")
    with pytest.raises(ChallengeRequiredError) as caught:
        idp.login_user(aws_user.username, aws_user.password)
    challenge = caught.value.challenge
    assert challenge.name == "SOFTWARE_TOKEN_MFA"
    with pytest.raises(CodeMismatchError):
        idp.respond_to_challenge(challenge, app.wrong_code())
    answered = idp.respond_to_challenge(challenge, app.code())
    assert isinstance(answered, AuthTokens)
    assert answered.sub == aws_user.sub


def test_a_pool_that_asks_for_it_enrols_at_the_first_sign_in(
    strict_idp: CognitoIdp, read_qr_code: ReadQrCode
) -> None:
    strict_idp.create_user("ada", "T3mp!Passw0rd", temporary=True)
    first = strict_idp.initiate_auth("ada", "T3mp!Passw0rd")
    assert isinstance(first, AuthChallenge)
    setup = strict_idp.respond_to_challenge(first, "N3w!Passw0rd")
    assert isinstance(setup, AuthChallenge)
    assert setup.name == "MFA_SETUP"

    token = strict_idp.associate_software_token(setup)
    app = read_qr_code(token.otpauth_uri(issuer="Orders", account="ada"))
    assert token.challenge is not None
    with pytest.raises(CodeMismatchError):
        strict_idp.respond_to_challenge(token.challenge, app.wrong_code())
    tokens = strict_idp.respond_to_challenge(token.challenge, SecretStr(app.code()))

    assert isinstance(tokens, AuthTokens)
    assert tokens.username == "ada"
    again = strict_idp.initiate_auth("ada", "N3w!Passw0rd")
    assert isinstance(again, AuthChallenge)
    assert again.name == "SOFTWARE_TOKEN_MFA"
    assert isinstance(strict_idp.respond_to_challenge(again, app.code()), AuthTokens)


def test_an_administrator_turns_it_off_for_who_has_lost_the_telephone(
    idp: CognitoIdp, aws_user: LocalUser, read_qr_code: ReadQrCode
) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)
    token = idp.associate_software_token(tokens.access_token)
    app = read_qr_code(token.otpauth_uri(issuer="Orders", account="ada"))
    idp.verify_software_token(tokens.access_token, app.code())
    idp.admin_set_user_mfa_preference(aws_user.username, preferred="SOFTWARE_TOKEN_MFA")
    assert isinstance(idp.initiate_auth(aws_user.username, aws_user.password), AuthChallenge)

    idp.admin_set_user_mfa_preference(aws_user.username, software_token=False)

    assert idp.login_user(aws_user.username, aws_user.password).sub == aws_user.sub


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (
            {"preferred": "SMS_MFA"},
            {"SMSMfaSettings": {"Enabled": True, "PreferredMfa": True}},
        ),
        (
            {"software_token": False, "sms": False, "email": False},
            {
                "SMSMfaSettings": {"Enabled": False},
                "SoftwareTokenMfaSettings": {"Enabled": False},
                "EmailMfaSettings": {"Enabled": False},
            },
        ),
        (
            {"software_token": True, "email": True, "preferred": "EMAIL_OTP"},
            {
                "SoftwareTokenMfaSettings": {"Enabled": True},
                "EmailMfaSettings": {"Enabled": True, "PreferredMfa": True},
            },
        ),
    ],
    ids=["preferred", "off", "both"],
)
def test_what_is_chosen_is_sent_and_nothing_else(
    scripted: Any, loopback: Any, signer: Any, arguments: dict[str, Any], sent: dict[str, Any]
) -> None:
    loopback.default = (200, {})

    scripted().set_user_mfa_preference(signer.token("access"), **arguments)
    scripted().admin_set_user_mfa_preference("ada", **arguments)

    for request in loopback.requests:
        assert {k: v for k, v in request.items() if k.endswith("Settings")} == sent


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "preferred"),
        ({"preferred": "SMS"}, "preferred"),
        ({"sms": False, "preferred": "SMS_MFA"}, "preferred"),
        ({"sms": "yes"}, "sms"),
        ({"software_token": 1}, "software_token"),
    ],
    ids=str,
)
def test_a_choice_that_is_none_is_refused_before_any_request(
    scripted: Any, loopback: Any, signer: Any, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as own:
        scripted().set_user_mfa_preference(signer.token("access"), **arguments)
    with pytest.raises(InvalidInputError) as by_admin:
        scripted().admin_set_user_mfa_preference("ada", **arguments)

    assert own.value.field == by_admin.value.field == field
    assert loopback.requests == []


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "\uff11" * 6, None, 123456])
def test_a_code_that_is_none_is_refused_before_any_request(
    scripted: Any, loopback: Any, signer: Any, code: Any
) -> None:
    with pytest.raises(InvalidInputError, match="six digits"):
        scripted().verify_software_token(signer.token("access"), code)
    if code is not None:
        with pytest.raises(InvalidInputError, match="six digits"):
            scripted().respond_to_challenge(setup_challenge(), code)

    assert loopback.requests == []


def test_another_challenge_enrols_nothing(scripted: Any, loopback: Any) -> None:
    for challenge in (
        setup_challenge("SMS_MFA"),
        AuthChallenge(name="MFA_SETUP", username="ada"),
        "MFA_SETUP",
        None,
    ):
        with pytest.raises(InvalidInputError):
            scripted().associate_software_token(challenge)

    assert loopback.requests == []


def test_a_used_session_and_a_signed_out_user_are_told_apart(
    scripted: Any, loopback: Any, signer: Any
) -> None:
    loopback.default = (400, {"__type": "NotAuthorizedException", "message": "No."})

    with pytest.raises(ChallengeExpiredError):
        scripted().associate_software_token(setup_challenge())
    with pytest.raises(TokenVerificationError):
        scripted().associate_software_token(signer.token("access"))


def test_an_app_that_the_pool_does_not_accept_is_an_error(
    scripted: Any, loopback: Any, signer: Any
) -> None:
    loopback.default = (200, {"Status": "ERROR"})

    with pytest.raises(MfaError):
        scripted().verify_software_token(signer.token("access"), "123456")


def test_the_secret_is_masked() -> None:
    token = SoftwareToken(secret_code=SecretStr("S3CRETS3CRETS3CRET"), challenge=setup_challenge())

    assert "S3CRET" not in repr(token) + str(token) + token.model_dump_json()
    assert SESSION not in repr(token) + str(token) + token.model_dump_json()
    assert "S3CRET" in token.otpauth_uri(issuer="a/b?c", account="d&e")
    assert token.otpauth_uri(issuer="a/b?c", account="d&e").count("?") == 1


@pytest.mark.parametrize(
    ("told", "choices"),
    [
        ({}, ()),
        (
            {"MFAS_CAN_CHOOSE": '["SMS_MFA","SOFTWARE_TOKEN_MFA"]'},
            ("SMS_MFA", "SOFTWARE_TOKEN_MFA"),
        ),
        ({"MFAS_CAN_SETUP": '["EMAIL_OTP"]'}, ("EMAIL_OTP",)),
        ({"MFAS_CAN_CHOOSE": "SMS_MFA"}, ()),
        ({"MFAS_CAN_CHOOSE": '{"a": 1}'}, ()),
        ({"MFAS_CAN_CHOOSE": "[" * 100_000}, ()),
    ],
    ids=["none", "choose", "setup", "text", "object", "deep"],
)
def test_what_can_be_chosen_is_read(told: dict[str, str], choices: tuple[str, ...]) -> None:
    challenge = AuthChallenge(name="SELECT_MFA_TYPE", username="ada", parameters=told)

    assert challenge.choices == choices
