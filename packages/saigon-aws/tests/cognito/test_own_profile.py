"""moto lacks codes for attributes and the removal of oneself: the service is scripted for them."""

from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito import CognitoIdp
from saigon.aws.cognito.exceptions import (
    CodeMismatchError,
    InvalidInputError,
    TokenVerificationError,
    UserExistsError,
)
from saigon.aws.testing import LocalUser

DETAILS = {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}


def test_users_see_and_change_themselves(idp: CognitoIdp, aws_user: LocalUser) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)

    idp.update_user_attributes(tokens, {"name": "Ada", "locale": "en"})

    user = idp.get_user(tokens)
    assert (user.username, user.attributes["name"]) == (aws_user.username, "Ada")
    assert idp.admin_get_user(aws_user.username).attributes == user.attributes


def test_the_access_token_alone_will_do(idp: CognitoIdp, aws_user: LocalUser) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)
    plain = tokens.access_token.get_secret_value()

    assert idp.get_user(tokens.access_token) == idp.get_user(plain) == idp.get_user(tokens)
    for wrong in (tokens.id_token, tokens.refresh_token, tokens.id_token.get_secret_value(), ""):
        with pytest.raises(InvalidInputError, match="access token"):
            idp.get_user(wrong)


def test_an_access_token_that_cannot_be_one_is_refused(scripted: Any, loopback: Any) -> None:
    for wrong in ("a.b.c", "x" * 30_000, None, 7, b"a.b.c", SecretStr("")):
        with pytest.raises(InvalidInputError, match="tokens"):
            scripted().get_user(wrong)

    assert loopback.requests == []


def test_a_changed_address_is_confirmed_by_a_code(
    scripted: Any, loopback: Any, signer: Any
) -> None:
    idp, access = scripted(), signer.token("access")
    loopback.answers = [
        (200, {"CodeDeliveryDetailsList": [DETAILS]}),
        (200, {"CodeDeliveryDetails": DETAILS}),
        (400, {"__type": "CodeMismatchException", "message": "Invalid verification code"}),
        (200, {}),
    ]

    sent = idp.update_user_attributes(access, {"email": "ada@example.com"})
    again = idp.send_attribute_code(access, "email")
    with pytest.raises(CodeMismatchError):
        idp.verify_user_attribute(access, "email", "000000")
    idp.verify_user_attribute(access, "email", SecretStr("123456"))

    assert sent == [again]
    assert (again.destination, again.medium, again.attribute) == ("a***@e***", "EMAIL", "email")
    assert [each["operation"] for each in loopback.requests] == [
        "UpdateUserAttributes",
        "GetUserAttributeVerificationCode",
        "VerifyUserAttribute",
        "VerifyUserAttribute",
    ]
    assert loopback.requests[0]["UserAttributes"] == [{"Name": "email", "Value": "ada@example.com"}]
    assert loopback.requests[3]["Code"] == "123456"


def test_attributes_and_oneself_are_removed(scripted: Any, loopback: Any, signer: Any) -> None:
    idp, access = scripted(), signer.token("access")
    loopback.default = (200, {})

    idp.delete_user_attributes(access, ["name", "custom:shop", "name"])
    idp.delete_own_user(access)

    assert [each["operation"] for each in loopback.requests] == [
        "DeleteUserAttributes",
        "DeleteUser",
    ]
    assert loopback.requests[0]["UserAttributeNames"] == ["name", "custom:shop"]
    assert all(each["AccessToken"] == access for each in loopback.requests)


def test_an_address_of_another_user_is_told(scripted: Any, loopback: Any, signer: Any) -> None:
    loopback.default = (400, {"__type": "AliasExistsException"})

    with pytest.raises(UserExistsError):
        scripted().update_user_attributes(signer.token("access"), {"email": "ada@example.com"})


def test_an_administrator_changes_attributes(idp: CognitoIdp, aws_user: LocalUser) -> None:
    idp.admin_update_user_attributes(aws_user.username, {"name": "Ada", "locale": "en"})
    assert idp.admin_get_user(aws_user.username).attributes["name"] == "Ada"

    idp.admin_delete_user_attributes(aws_user.username, ["locale"])

    attributes = idp.admin_get_user(aws_user.username).attributes
    assert attributes["name"] == "Ada"
    assert "locale" not in attributes


def test_an_administrator_signs_a_user_out(idp: CognitoIdp, aws_user: LocalUser) -> None:
    tokens = idp.login_user(aws_user.username, aws_user.password)

    idp.admin_sign_out(aws_user.username)

    with pytest.raises(TokenVerificationError):
        idp.get_user(tokens)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda idp, access: idp.update_user_attributes(access, {"": "x"}), "attributes"),
        (lambda idp, access: idp.update_user_attributes(access, ["x"]), "attributes"),
        (lambda idp, access: idp.update_user_attributes(access, {}), "attributes"),
        (lambda idp, _: idp.admin_update_user_attributes("ada", {}), "attributes"),
        (lambda idp, access: idp.delete_user_attributes(access, []), "names"),
        (lambda idp, access: idp.delete_user_attributes(access, "name"), "names"),
        (lambda idp, access: idp.delete_user_attributes(access, ["n" * 33]), "names"),
        (lambda idp, access: idp.send_attribute_code(access, "two words"), "attribute"),
        (lambda idp, access: idp.verify_user_attribute(access, "email", ""), "code"),
        (lambda idp, access: idp.verify_user_attribute(access, "", "123456"), "attribute"),
        (lambda idp, _: idp.admin_update_user_attributes("", {"name": "x"}), "username"),
        (lambda idp, _: idp.admin_delete_user_attributes("ada", []), "names"),
        (lambda idp, _: idp.admin_sign_out(""), "username"),
    ],
    ids=range(13),
)
def test_bad_input_is_refused_before_any_request(
    scripted: Any, loopback: Any, signer: Any, call: Any, field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call(scripted(), signer.token("access"))

    assert caught.value.field == field
    assert loopback.requests == []
