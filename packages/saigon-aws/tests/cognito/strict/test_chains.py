"""Every chain of challenges, against a pool that checks proofs, codes, hashes and sessions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, AuthTokens, CognitoIdp
from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    ChallengeRequiredError,
    CodeExpiredError,
    CodeMismatchError,
    CognitoError,
    InvalidCredentialsError,
    MfaError,
    PasswordPolicyError,
    PasswordResetRequiredError,
    UserDisabledError,
    UserNotConfirmedError,
)

FLOWS = ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
SECRET = "s3cret-of-the-app-client-0123456789"
EMAIL = "ada@example.com"
PASSWORD = "Pä ss0rd!e\u0301ß "
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

MakePool = Callable[..., Any]
IdpOf = Callable[..., CognitoIdp]
pytestmark = [
    pytest.mark.parametrize("flow", FLOWS),
    pytest.mark.parametrize(
        ("secret", "name"),
        [(None, "ada"), (SECRET, "ada"), (SECRET, EMAIL)],
        ids=["public", "secret", "secret-and-alias"],
    ),
]


def asked(outcome: AuthTokens | AuthChallenge, name: str) -> AuthChallenge:
    assert isinstance(outcome, AuthChallenge)
    assert outcome.name == name
    return outcome


def signed_in(outcome: AuthTokens | AuthChallenge, pool: Any) -> AuthTokens:
    assert isinstance(outcome, AuthTokens)
    assert (outcome.username, outcome.sub) == ("ada", pool.users["ada"].attributes["sub"])
    return outcome


def test_a_password_is_enough(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret)
    pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool, auth_flow=flow)

    tokens = signed_in(idp.login_user(name, PASSWORD), pool)

    signed_in(idp.refresh_tokens(tokens), pool)
    for wrong in (PASSWORD.strip(), PASSWORD.replace("e\u0301", "é"), PASSWORD.lower()):
        with pytest.raises(InvalidCredentialsError) as caught:
            idp.login_user(name, wrong)
        with pytest.raises(InvalidCredentialsError) as unknown:
            idp.login_user("nobody", wrong)
        assert caught.value.code == unknown.value.code
        assert caught.value.args[0].partition(" ")[2] == unknown.value.args[0].partition(" ")[2]


def test_a_password_is_never_sent_by_srp(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret)
    pool.add_user("ada", PASSWORD, email=EMAIL)

    idp_of(pool, auth_flow=flow).login_user(name, PASSWORD)

    sent = PASSWORD in json.dumps(pool.requests, ensure_ascii=False)
    assert sent == (flow != "USER_SRP_AUTH")


def test_a_new_password_then_an_app_then_its_code(
    make_pool: MakePool,
    idp_of: IdpOf,
    read_qr_code: Callable[[str], Any],
    *,
    flow: str,
    secret: str | None,
    name: str,
) -> None:
    pool = make_pool(client_secret=secret, mfa="ON")
    pool.add_user("ada", "T3mp!Passw0rd", email=EMAIL, status="FORCE_CHANGE_PASSWORD")
    idp = idp_of(pool, auth_flow=flow)

    first = asked(idp.initiate_auth(name, "T3mp!Passw0rd"), "NEW_PASSWORD_REQUIRED")
    with pytest.raises(PasswordPolicyError):
        idp.respond_to_challenge(first, "weak")
    setup = asked(
        idp.respond_to_challenge(first, PASSWORD, responses={"userAttributes.name": "Ada"}),
        "MFA_SETUP",
    )
    assert setup.choices == ("SOFTWARE_TOKEN_MFA",)
    token = idp.associate_software_token(setup)
    app = read_qr_code(token.otpauth_uri(issuer="Orders", account=name))
    assert token.challenge is not None
    with pytest.raises(CodeMismatchError):
        idp.respond_to_challenge(token.challenge, app.wrong_code())
    used = app.code()
    signed_in(idp.respond_to_challenge(token.challenge, used), pool)
    with pytest.raises(ChallengeExpiredError):
        idp.respond_to_challenge(token.challenge, app.code())

    assert pool.users["ada"].attributes["name"] == "Ada"
    with pytest.raises(ChallengeRequiredError) as caught:
        idp.login_user(name, PASSWORD)
    code = asked(caught.value.challenge, "SOFTWARE_TOKEN_MFA")
    with pytest.raises(CodeExpiredError):
        idp.respond_to_challenge(code, used)  # also where 30 seconds are over meanwhile
    with pytest.raises(CodeMismatchError):
        idp.respond_to_challenge(code, app.wrong_code())
    pool.clock_offset = 30
    signed_in(idp.respond_to_challenge(code, SecretStr(app.code(later=30))), pool)
    with pytest.raises(ChallengeExpiredError):
        idp.respond_to_challenge(code, app.code(later=60))


@pytest.mark.parametrize("method", ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"])
def test_one_of_several_factors_is_chosen(
    make_pool: MakePool,
    idp_of: IdpOf,
    read_qr_code: Callable[[str], Any],
    *,
    flow: str,
    secret: str | None,
    name: str,
    method: str,
) -> None:
    pool = make_pool(client_secret=secret, mfa="OPTIONAL")
    methods = ("SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA")
    user = pool.add_user("ada", PASSWORD, email=EMAIL, totp_secret=TOTP_SECRET, mfa_methods=methods)
    user.attributes |= {"phone_number": "+491234567", "phone_number_verified": "true"}
    idp = idp_of(pool, auth_flow=flow)

    choice = asked(idp.initiate_auth(name, PASSWORD), "SELECT_MFA_TYPE")
    assert choice.choices == methods
    code = asked(idp.respond_to_challenge(choice, method), method)
    app = read_qr_code(f"otpauth://totp/O:ada?secret={TOTP_SECRET}&issuer=O")
    right = app.code() if method == "SOFTWARE_TOKEN_MFA" else user.sent_code
    with pytest.raises(CodeMismatchError):
        idp.respond_to_challenge(code, app.wrong_code() if right == app.code() else right[::-1])
    signed_in(idp.respond_to_challenge(code, right), pool)

    if method != "SOFTWARE_TOKEN_MFA":
        assert code.parameters["CODE_DELIVERY_DESTINATION"]
    with pytest.raises(ChallengeExpiredError):
        idp.respond_to_challenge(choice, method)


def test_a_preferred_factor_is_not_asked_about(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret, mfa="OPTIONAL")
    user = pool.add_user("ada", PASSWORD, email=EMAIL, mfa_methods=("SMS_MFA", "EMAIL_OTP"))
    user.attributes |= {"phone_number": "+491234567", "phone_number_verified": "true"}
    idp = idp_of(pool, auth_flow=flow)
    idp.admin_set_user_mfa_preference("ada", preferred="EMAIL_OTP")

    code = asked(idp.initiate_auth(name, PASSWORD), "EMAIL_OTP")
    signed_in(idp.respond_to_challenge(code, user.sent_code), pool)


def test_a_session_ends(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret, mfa="OPTIONAL")
    user = pool.add_user("ada", PASSWORD, email=EMAIL, mfa_methods=("EMAIL_OTP",))
    idp = idp_of(pool, auth_flow=flow)
    code = asked(idp.initiate_auth(name, PASSWORD), "EMAIL_OTP")

    pool.clock_offset = 181

    with pytest.raises(ChallengeExpiredError):
        idp.respond_to_challenge(code, user.sent_code)


def test_a_lost_answer_is_told_and_nothing_is_sent_twice(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret, mfa="OPTIONAL")
    user = pool.add_user("ada", PASSWORD, email=EMAIL, mfa_methods=("EMAIL_OTP",))
    idp = idp_of(pool, auth_flow=flow)
    admin = "Admin" if flow.startswith("ADMIN") else ""
    pool.fail(f"{admin}InitiateAuth", "", after=True)
    with pytest.raises(CognitoError) as caught:
        idp.login_user(name, PASSWORD)
    assert caught.value.retryable
    assert pool.count(f"{admin}InitiateAuth") == 1

    code = asked(idp.initiate_auth(name, PASSWORD), "EMAIL_OTP")
    before = pool.count(f"{admin}RespondToAuthChallenge")
    pool.fail(f"{admin}RespondToAuthChallenge", "", after=True)
    with pytest.raises(CognitoError) as lost:
        idp.respond_to_challenge(code, user.sent_code)
    assert lost.value.retryable
    assert pool.count(f"{admin}RespondToAuthChallenge") == before + 1
    with pytest.raises(ChallengeExpiredError):
        idp.respond_to_challenge(code, user.sent_code)


@pytest.mark.parametrize(
    ("status", "enabled", "expected"),
    [
        ("UNCONFIRMED", True, UserNotConfirmedError),
        ("RESET_REQUIRED", True, PasswordResetRequiredError),
        ("CONFIRMED", False, UserDisabledError),
    ],
)
def test_who_may_not_sign_in_is_told_why(
    make_pool: MakePool,
    idp_of: IdpOf,
    *,
    flow: str,
    secret: str | None,
    name: str,
    status: str,
    enabled: bool,
    expected: type[CognitoError],
) -> None:
    pool = make_pool(client_secret=secret)
    user = pool.add_user("ada", PASSWORD, email=EMAIL, status=status)
    user.enabled = enabled
    idp = idp_of(pool, auth_flow=flow)

    with pytest.raises(expected):
        idp.login_user(name, PASSWORD)
    with pytest.raises(InvalidCredentialsError):
        idp.login_user(name, "Wr0ng!Passw0rd")


def test_setting_up_before_the_code_is_an_error_of_the_factor(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, name: str
) -> None:
    pool = make_pool(client_secret=secret, mfa="ON")
    pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool, auth_flow=flow)
    setup = asked(idp.initiate_auth(name, PASSWORD), "MFA_SETUP")

    with pytest.raises(MfaError):
        idp.respond_to_challenge(setup)
