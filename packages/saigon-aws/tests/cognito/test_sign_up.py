from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP

from saigon.aws.cognito import CognitoIdp
from saigon.aws.cognito.exceptions import (
    InvalidCredentialsError,
    InvalidInputError,
    PasswordPolicyError,
    UserExistsError,
    UserNotConfirmedError,
    UserNotFoundError,
)
from saigon.aws.testing import LocalUser

PASSWORD = "Passw0rd!x"


def test_a_user_signs_up_confirms_and_signs_in(idp: CognitoIdp) -> None:
    signed_up = idp.sign_up("ada", PASSWORD, attributes={"email": "ada@example.com"})

    assert not signed_up.confirmed
    with pytest.raises(UserNotConfirmedError):
        idp.login_user("ada", PASSWORD)
    idp.confirm_sign_up("ada", "123456")
    assert idp.login_user("ada", PASSWORD).sub == signed_up.sub


@pytest.mark.parametrize("code", [None, "123456"])
def test_a_user_is_confirmed_with_a_code_or_by_an_administrator(
    idp: CognitoIdp, code: str | None
) -> None:
    idp.sign_up("ada", PASSWORD)

    idp.confirm_user("ada", code)

    assert idp.login_user("ada", PASSWORD).username == "ada"


def test_a_taken_name_and_a_weak_password_are_told(idp: CognitoIdp, aws_user: LocalUser) -> None:
    with pytest.raises(UserExistsError):
        idp.sign_up(aws_user.username, PASSWORD)
    with pytest.raises(PasswordPolicyError):
        idp.sign_up("ada", "weak")
    with pytest.raises(UserNotFoundError):
        idp.confirm_sign_up("nobody", "123456")


def test_a_password_is_changed_by_its_owner(idp: CognitoIdp, aws_user: LocalUser) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)

    with pytest.raises(InvalidCredentialsError):
        idp.change_password(tokens, "wr0ng!Pass", "N3w!Passw0rd")
    idp.change_password(tokens, aws_user.password, "N3w!Passw0rd")

    assert idp.login_user(aws_user.username, "N3w!Passw0rd").sub == aws_user.sub


def test_a_forgotten_password_is_reset(idp: CognitoIdp) -> None:
    idp.create_user("ada", PASSWORD, attributes={"email": "ada@example.com"})

    delivery = idp.forgot_password("ada")
    idp.confirm_forgot_password("ada", "123456", "N3w!Passw0rd")

    assert delivery is not None
    assert "ada@example.com" not in delivery.destination
    assert idp.login_user("ada", "N3w!Passw0rd").username == "ada"


def test_a_code_is_sent_again(scripted: Any, loopback: Any) -> None:
    # moto does not implement ResendConfirmationCode.
    details = {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    loopback.answers = [(200, {"CodeDeliveryDetails": details})]

    delivery = scripted().resend_confirmation_code("ada")

    assert (delivery.destination, delivery.medium) == ("a***@e***", "EMAIL")


@pytest.mark.parametrize(
    "call",
    [
        lambda idp: idp.sign_up("ada", PASSWORD),
        lambda idp: idp.confirm_sign_up("ada", "123456"),
        lambda idp: idp.confirm_user("ada", "123456"),
        lambda idp: idp.resend_confirmation_code("ada"),
        lambda idp: idp.forgot_password("ada"),
        lambda idp: idp.confirm_forgot_password("ada", "123456", PASSWORD),
    ],
    ids=["sign_up", "confirm_sign_up", "confirm_user", "resend", "forgot", "confirm_forgot"],
)
def test_the_secret_hash_goes_along_and_nothing_is_tried_twice(
    scripted: Any, loopback: Any, call: Any
) -> None:
    with pytest.raises(Exception, match="InternalErrorException"):
        call(scripted(client_secret="t0ps3cret"))

    assert len(loopback.requests) == 1
    request = loopback.requests[0]
    # pycognito computes it too: an oracle of other hands.
    assert request["SecretHash"] == AWSSRP.get_secret_hash("ada", request["ClientId"], "t0ps3cret")
    loopback.requests.clear()
    with pytest.raises(Exception, match="InternalErrorException"):
        call(scripted())
    assert "SecretHash" not in loopback.requests[0]


@pytest.mark.parametrize("code", ["", "   ", None, 123456, "1" * 2049])
def test_a_bad_code_is_refused_before_any_request(scripted: Any, loopback: Any, code: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scripted().confirm_sign_up("ada", code)

    assert caught.value.field == "confirmation_code"
    assert loopback.requests == []
