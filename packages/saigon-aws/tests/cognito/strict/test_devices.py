"""Devices that the pool tracks; moto knows none."""

from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.cognito import AuthChallenge, AuthTokens, CognitoIdp, DeviceCredentials
from saigon.aws.cognito.exceptions import (
    CognitoError,
    DeviceRefusedError,
    InvalidInputError,
    RefreshTokenError,
    TokenVerificationError,
)

FLOWS = ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
SECRET = "s3cret-of-the-app-client-0123456789"
EMAIL = "ada@example.com"
PASSWORD = "Passw0rd!x"

MakePool = Callable[..., Any]
IdpOf = Callable[..., CognitoIdp]


def tracking(make_pool: MakePool, **options: Any) -> Any:
    pool = make_pool(device_tracking=True, **options)
    pool.add_user("ada", PASSWORD, email=EMAIL, mfa_methods=("EMAIL_OTP",))
    return pool


def sign_in_with_code(
    idp: CognitoIdp, pool: Any, device: DeviceCredentials | None = None
) -> AuthTokens:
    challenge = idp.initiate_auth(EMAIL, PASSWORD, device=device)
    assert isinstance(challenge, AuthChallenge)
    assert challenge.name == "EMAIL_OTP"
    tokens = idp.respond_to_challenge(challenge, pool.users["ada"].sent_code)
    assert isinstance(tokens, AuthTokens)
    return tokens


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("secret", [None, SECRET], ids=["public", "secret"])
@pytest.mark.parametrize("rotation", [False, True])
def test_a_remembered_device_stands_for_the_second_factor(
    make_pool: MakePool, idp_of: IdpOf, *, flow: str, secret: str | None, rotation: bool
) -> None:
    pool = tracking(make_pool, mfa="OPTIONAL", client_secret=secret, rotation=rotation)
    idp = idp_of(pool, auth_flow=flow)

    device = idp.confirm_device(sign_in_with_code(idp, pool), device_name="Ada's telephone")
    tokens = idp.login_user(EMAIL, PASSWORD, device=device)

    assert not device.user_confirmation_necessary
    assert pool.users["ada"].devices[device.device_key].name == "Ada's telephone"
    assert (tokens.username, tokens.device_key) == ("ada", device.device_key)
    refreshed = idp.refresh_tokens(tokens)
    assert refreshed.device_key == device.device_key
    assert idp.refresh_tokens(refreshed).username == "ada"


@pytest.mark.parametrize("rotation", [False, True])
def test_a_refresh_names_the_device(make_pool: MakePool, idp_of: IdpOf, *, rotation: bool) -> None:
    pool = tracking(make_pool, rotation=rotation)
    idp = idp_of(pool)
    tokens = idp.login_user(EMAIL, PASSWORD)
    assert tokens.device_key is not None

    refreshed = idp.refresh_tokens(tokens)

    assert refreshed.device_key == tokens.device_key
    with pytest.raises(RefreshTokenError):
        idp.refresh_tokens(refreshed.model_copy(update={"device_key": None}))


# Often, because a padding mistake shows in a few of the numbers only.
@pytest.mark.parametrize("attempt", range(5))
def test_the_devices_password_is_proved(make_pool: MakePool, idp_of: IdpOf, attempt: int) -> None:
    pool = tracking(make_pool)
    idp = idp_of(pool)
    device = idp.confirm_device(idp.login_user("ada", PASSWORD))

    assert idp.login_user("ada", PASSWORD, device=device).device_key == device.device_key

    other = idp.confirm_device(idp.login_user("ada", PASSWORD))
    forged = device.model_copy(update={"password": other.password})
    with pytest.raises(DeviceRefusedError):
        idp.login_user("ada", PASSWORD, device=forged)


def test_the_user_may_be_asked_whether_it_is_remembered(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = tracking(make_pool, mfa="OPTIONAL", user_opt_in_devices=True)
    idp = idp_of(pool)

    tokens = sign_in_with_code(idp, pool)
    device = idp.confirm_device(tokens)
    assert device.user_confirmation_necessary
    # Tracked, but not remembered: code first, and then the device's own proof.
    assert sign_in_with_code(idp, pool, device).device_key == device.device_key

    idp.update_device_status(tokens, device, remembered=True)
    assert idp.login_user(EMAIL, PASSWORD, device=device).device_key == device.device_key

    idp.update_device_status(tokens, device, remembered=False)
    assert isinstance(idp.initiate_auth(EMAIL, PASSWORD, device=device), AuthChallenge)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_forgotten_device_is_told(make_pool: MakePool, idp_of: IdpOf, *, flow: str) -> None:
    pool = tracking(make_pool)
    idp = idp_of(pool, auth_flow=flow)
    tokens = idp.login_user("ada", PASSWORD)
    device = idp.confirm_device(tokens)

    idp.forget_device(tokens, device)

    with pytest.raises(DeviceRefusedError):
        idp.login_user("ada", PASSWORD, device=device)
    with pytest.raises(DeviceRefusedError):
        idp.forget_device(tokens, device)
    assert idp.login_user("ada", PASSWORD).device_key != device.device_key


def test_a_lost_confirmation_is_sent_once(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = tracking(make_pool)
    idp = idp_of(pool)
    tokens = idp.login_user("ada", PASSWORD)
    pool.fail("ConfirmDevice", "", after=True)

    with pytest.raises(CognitoError) as caught:
        idp.confirm_device(tokens)

    assert caught.value.retryable
    assert pool.count("ConfirmDevice") == 1
    with pytest.raises(CognitoError) as again:
        idp.confirm_device(tokens)
    assert again.value.code == "DeviceKeyExistsException"


def test_what_is_no_device_is_refused_before_any_request(
    make_pool: MakePool, idp_of: IdpOf
) -> None:
    pool = make_pool()
    pool.add_user("ada", PASSWORD)
    idp = idp_of(pool)
    tokens = idp.login_user("ada", PASSWORD)
    before = len(pool.requests)
    text: Any = "eu-west-1_5f1c"

    with pytest.raises(InvalidInputError, match="device"):
        idp.confirm_device(tokens)  # the pool does not track any
    with pytest.raises(InvalidInputError, match="tokens"):
        idp.confirm_device(text)
    with pytest.raises(InvalidInputError, match="device"):
        idp.login_user("ada", PASSWORD, device=text)
    with pytest.raises(InvalidInputError, match="device"):
        idp.update_device_status(tokens, text, remembered=True)
    with pytest.raises(InvalidInputError, match="device"):
        idp.forget_device(tokens, "a device")

    assert len(pool.requests) == before


def test_a_signed_out_user_has_no_say(make_pool: MakePool, idp_of: IdpOf) -> None:
    pool = tracking(make_pool)
    idp = idp_of(pool)
    tokens = idp.login_user("ada", PASSWORD)
    idp.sign_out(tokens)

    with pytest.raises(TokenVerificationError):
        idp.confirm_device(tokens)
