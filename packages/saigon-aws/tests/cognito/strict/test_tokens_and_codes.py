"""Tokens renewed and taken back, codes and passwords, against a pool that checks them."""

from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.cognito import CognitoIdp
from saigon.aws.cognito.exceptions import (
    CodeExpiredError,
    CodeMismatchError,
    CognitoConfigurationError,
    CognitoConnectionError,
    InvalidCredentialsError,
    RefreshTokenError,
    RefreshTokenExpiredError,
    RefreshTokenReusedError,
    RefreshTokenRevokedError,
    TokenVerificationError,
    UserNotConfirmedError,
)

SECRET = "s3cret-of-the-app-client-0123456789"
EMAIL = "ada@example.com"
PASSWORD = "Passw0rd!x"

MakePool = Callable[..., Any]
IdpOf = Callable[..., CognitoIdp]
secrets = pytest.mark.parametrize("secret", [None, SECRET], ids=["public", "secret"])


@secrets
def test_refresh_tokens_rotate(make_pool: MakePool, idp_of: IdpOf, secret: str | None) -> None:
    pool = make_pool(client_secret=secret, rotation=True)
    pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool)
    first = idp.login_user(EMAIL, PASSWORD)

    second = idp.refresh_tokens(first)
    third = idp.refresh_tokens(second)

    assert len({each.refresh_token.get_secret_value() for each in (first, second, third)}) == 3
    assert third.username == "ada"
    with pytest.raises(RefreshTokenReusedError):
        idp.refresh_tokens(first)
    with pytest.raises(RefreshTokenError):
        idp.refresh_tokens(third)  # theft revokes all that came of the sign-in


@secrets
def test_refresh_tokens_stay(make_pool: MakePool, idp_of: IdpOf, secret: str | None) -> None:
    pool = make_pool(client_secret=secret)
    pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool)
    first = idp.login_user(EMAIL, PASSWORD)

    second = idp.refresh_tokens(first)

    assert second.refresh_token == first.refresh_token
    assert second.access_token != first.access_token
    # Reading and renewing are tried again; here the first attempt had its effect, too.
    pool.fail("InitiateAuth", "", after=True)
    assert idp.refresh_tokens(second).username == "ada"
    pool.clock_offset = 31 * 86_400
    with pytest.raises(RefreshTokenExpiredError):
        idp.refresh_tokens(second)


def test_the_way_of_refreshing_is_not_guessed(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = make_pool(rotation=True)
    pool.add_user("ada", PASSWORD)
    idp = idp_of(pool, refresh_token_rotation=False)
    tokens = idp.login_user("ada", PASSWORD)
    before = len(pool.requests)

    with pytest.raises(Exception, match="InitiateAuth failed"):
        idp.refresh_tokens(tokens)

    assert [operation for operation, _ in pool.requests[before:]] == ["InitiateAuth"]


@secrets
@pytest.mark.parametrize("rotation", [False, True])
def test_a_revoked_token_gives_no_more(
    make_pool: MakePool, idp_of: IdpOf, *, secret: str | None, rotation: bool
) -> None:
    pool = make_pool(client_secret=secret, rotation=rotation)
    pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool)
    mine, other = idp.login_user(EMAIL, PASSWORD), idp.login_user("ada", PASSWORD)

    idp.revoke_token(mine)

    with pytest.raises(RefreshTokenRevokedError):
        idp.refresh_tokens(mine)
    with pytest.raises(TokenVerificationError):
        idp.get_user(mine)
    assert idp.refresh_tokens(other).username == "ada"


@pytest.mark.parametrize("by_admin", [False, True])
def test_a_sign_out_is_of_every_device(
    make_pool: MakePool, idp_of: IdpOf, *, by_admin: bool
) -> None:
    pool = make_pool()
    pool.add_user("ada", PASSWORD)
    idp = idp_of(pool)
    mine, other = idp.login_user("ada", PASSWORD), idp.login_user("ada", PASSWORD)

    if by_admin:
        idp.admin_sign_out("ada")
    else:
        idp.sign_out(mine)

    for tokens in (mine, other):
        with pytest.raises(TokenVerificationError):
            idp.get_user(tokens)
        with pytest.raises(RefreshTokenRevokedError):
            idp.refresh_tokens(tokens)


def test_a_sign_out_whose_answer_is_lost_is_a_sign_out(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = make_pool()
    pool.add_user("ada", PASSWORD)
    idp = idp_of(pool)
    tokens = idp.login_user("ada", PASSWORD)
    pool.fail("GlobalSignOut", "", after=True)

    idp.sign_out(tokens)

    assert pool.count("GlobalSignOut") == 2
    with pytest.raises(TokenVerificationError):
        idp.sign_out(tokens)


@secrets
def test_a_user_signs_up_and_removes_the_account(
    make_pool: MakePool, idp_of: IdpOf, secret: str | None
) -> None:
    pool = make_pool(client_secret=secret)
    idp = idp_of(pool)

    signed_up = idp.sign_up("ada", PASSWORD, attributes={"email": EMAIL})
    user = pool.users["ada"]
    first_code = user.sent_code
    assert signed_up.code_delivery is not None
    assert EMAIL not in signed_up.code_delivery.destination
    with pytest.raises(UserNotConfirmedError):
        idp.login_user("ada", PASSWORD)
    assert idp.resend_confirmation_code("ada") == signed_up.code_delivery
    with pytest.raises(CodeMismatchError):
        idp.confirm_sign_up("ada", "000000" if user.sent_code != "000000" else "000001")
    assert user.sent_code != first_code
    idp.confirm_sign_up("ada", user.sent_code)
    tokens = idp.login_user(EMAIL, PASSWORD)
    assert tokens.sub == signed_up.sub
    pool.fail("DeleteUser", "", after=True)
    idp.delete_own_user(tokens)

    assert pool.users == {}
    with pytest.raises(InvalidCredentialsError):
        idp.login_user("ada", PASSWORD)


@secrets
def test_a_forgotten_password_is_reset(
    make_pool: MakePool, idp_of: IdpOf, secret: str | None
) -> None:
    pool = make_pool(client_secret=secret)
    user = pool.add_user("ada", PASSWORD, email=EMAIL)
    idp = idp_of(pool)

    assert idp.forgot_password(EMAIL) is not None
    pool.clock_offset = 3601
    with pytest.raises(CodeExpiredError):
        idp.confirm_forgot_password(EMAIL, user.sent_code, "N3w!Passw0rd")
    idp.forgot_password(EMAIL)
    idp.confirm_forgot_password(EMAIL, user.sent_code, "N3w!Passw0rd")

    assert idp.login_user("ada", "N3w!Passw0rd").username == "ada"


def test_a_changed_address_is_confirmed(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = make_pool()
    user = pool.add_user("ada", PASSWORD)
    idp = idp_of(pool)
    tokens = idp.login_user("ada", PASSWORD)

    (sent,) = idp.update_user_attributes(tokens, {"email": EMAIL})
    assert idp.send_attribute_code(tokens, "email") == sent
    idp.verify_user_attribute(tokens, "email", user.sent_code)

    assert idp.get_user(tokens).attributes["email_verified"] == "true"
    assert idp.login_user(EMAIL, PASSWORD).username == "ada"
    idp.delete_user_attributes(tokens, ["email"])
    assert "email" not in idp.get_user(tokens).attributes


def test_a_wrong_client_secret_is_a_mistake_of_the_set_up(
    make_pool: MakePool, idp_of: IdpOf
) -> None:
    pool = make_pool(client_secret=SECRET)
    pool.add_user("ada", PASSWORD)

    for wrong in (None, SECRET[::-1]):
        idp = idp_of(pool, client_secret=wrong)
        with pytest.raises(CognitoConfigurationError):
            idp.login_user("ada", PASSWORD)
        with pytest.raises(CognitoConfigurationError):
            idp.login_user("ada", PASSWORD, auth_flow="USER_SRP_AUTH")
        with pytest.raises(CognitoConfigurationError):
            idp.sign_up("eve", PASSWORD)
        with pytest.raises(CognitoConfigurationError):
            idp.forgot_password("ada")


class TestCreateUser:
    """Faults injected at each step, by the service, before and after it took effect."""

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("operation", ["AdminCreateUser", "AdminSetUserPassword"])
    @pytest.mark.parametrize("code", ["InternalErrorException", "InvalidParameterException"])
    def test_no_step_leaves_a_half_made_user(
        self, make_pool: MakePool, idp_of: IdpOf, *, operation: str, code: str, after: bool
    ) -> None:
        pool = make_pool()
        idp = idp_of(pool)
        pool.fail(operation, code, after=after)

        if operation == "AdminCreateUser" and after:
            assert idp.create_user("ada", PASSWORD).username == "ada"
            assert idp.login_user("ada", PASSWORD).username == "ada"
        else:
            with pytest.raises(Exception, match=operation):
                idp.create_user("ada", PASSWORD)
            assert pool.users == {}

        assert pool.count("AdminCreateUser") == 1

    def test_who_cannot_be_removed_is_told_of(self, make_pool: MakePool, idp_of: IdpOf) -> None:
        pool = make_pool()
        pool.fail("AdminSetUserPassword", "InvalidParameterException")
        pool.fail("AdminDeleteUser", "InternalErrorException", times=3)

        with pytest.raises(Exception, match="AdminSetUserPassword") as caught:
            idp_of(pool).create_user("ada", PASSWORD)

        assert "half-made user could not be removed" in caught.value.__notes__[0]
        assert list(pool.users) == ["ada"]

    def test_a_removal_whose_answer_is_lost_is_one(
        self, make_pool: MakePool, idp_of: IdpOf
    ) -> None:
        pool = make_pool()
        pool.fail("AdminSetUserPassword", "InvalidParameterException")
        pool.fail("AdminDeleteUser", "", after=True)

        with pytest.raises(Exception, match="AdminSetUserPassword") as caught:
            idp_of(pool).create_user("ada", PASSWORD)

        assert not getattr(caught.value, "__notes__", [])
        assert pool.users == {}


def test_a_pool_out_of_reach_is_told(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = make_pool()
    idp = idp_of(pool, endpoint_url="http://127.0.0.1:1")

    with pytest.raises(CognitoConnectionError):
        idp.login_user("ada", PASSWORD)
