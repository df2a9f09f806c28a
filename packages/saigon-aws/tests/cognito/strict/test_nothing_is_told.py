"""What went over the wire is in no log, error, repr or dump, but for names that are public.

Every flow runs at DEBUG level, with and without success; then all that a request or an answer held
is looked for in all that came out.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from saigon.aws.cognito import AuthChallenge, AuthTokens, CognitoIdp
from saigon.aws.cognito.exceptions import CognitoError

FLOWS = ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
SECRET = "s3cret-of-the-app-client-0123456789"
EMAIL = "ada@example.com"
PASSWORD, NEW, WRONG = "S3cret!Password", "S3cret!New", "S3cret!Wrong"
TEMPORARY, WEAK = "S3cret!Temporary", "weak-s3cret"
# By name, because a traceback quotes the lines of this file.
CODE, APP_CODE = "S3cret!Code", "271828"
# Under these names a request or an answer holds nothing that has to be kept to oneself.
PUBLIC = {
    *("AttributeName", "AuthFlow", "ChallengeName", "ClientId", "DeliveryMedium", "Destination"),
    *("DeviceGroupKey", "DeviceKey", "DeviceName", "DeviceRememberedStatus", "MessageAction"),
    *("Name", "Status", "TokenType", "UserAttributeNames", "UserPoolId", "UserStatus", "UserSub"),
    *("Username", "Value", "PreferredMfaSetting", "UserMFASettingList", "__type", "message"),
    *("ANSWER", "DEVICE_KEY", "TIMESTAMP", "USERNAME", "USER_ID_FOR_SRP", "userAttributes.name"),
    *("CODE_DELIVERY_DELIVERY_MEDIUM", "CODE_DELIVERY_DESTINATION", "MFAS_CAN_CHOOSE"),
    *("MFAS_CAN_SETUP", "requiredAttributes", "userAttributes", "FriendlyDeviceName"),
}

pytestmark = pytest.mark.usefixtures("redaction")


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Give every text in a request or an answer that is not public."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in PUBLIC:
                yield from texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, name)
    elif isinstance(value, str) and len(value) > 5:
        yield value


class Wire:
    """A pool whose requests and answers are all kept as secrets."""

    def __init__(self, pool: Any, idp: CognitoIdp, witness: Any) -> None:
        self.pool, self.idp, self._witness = pool, idp, witness
        handle = pool.handle

        def kept(operation: str, body: Any, **options: Any) -> Any:
            answered = handle(operation, body, **options)
            for each in texts(body):
                witness.secrets.add(each)
            for each in texts(answered[1] if answered else {}):
                witness.secrets.add(each)
            return answered

        pool.handle = kept

    def challenge(self, outcome: Any) -> AuthChallenge:
        assert isinstance(outcome, AuthChallenge)
        self._witness.saw(outcome)
        return outcome

    def tokens(self, outcome: Any) -> AuthTokens:
        assert isinstance(outcome, AuthTokens)
        self._witness.saw(outcome)
        return outcome


@pytest.fixture(params=FLOWS)
def wire(
    request: pytest.FixtureRequest,
    make_pool: Callable[..., Any],
    idp_of: Callable[..., CognitoIdp],
    witness: Any,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Wire]:
    caplog.set_level(logging.DEBUG)
    pool = make_pool(client_secret=SECRET, mfa="OPTIONAL", rotation=True, device_tracking=True)
    pool.add_user("ada", PASSWORD, email=EMAIL)
    pool.add_user("tim", TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    witness.secrets |= {SECRET, PASSWORD, NEW, WRONG, TEMPORARY, WEAK, CODE, APP_CODE}
    made = Wire(pool, idp_of(pool, auth_flow=request.param), witness)
    yield made
    logged = "\n".join(map(caplog.handler.format, caplog.get_records("call")))
    assert len(witness.secrets) > 10
    assert "botocore" in logged, "nothing was logged, so nothing is proved"
    witness.check(logged)


def test_sign_ins(wire: Wire, witness: Any) -> None:
    idp = wire.idp
    with witness.failing():
        idp.login_user("ada", WRONG)
    with witness.failing():
        idp.login_user("nobody", PASSWORD)
    with witness.failing():
        idp.login_user("tim", TEMPORARY)
    first = wire.challenge(idp.initiate_auth("tim", TEMPORARY))
    with witness.failing():
        idp.respond_to_challenge(first, WEAK)
    wire.tokens(idp.respond_to_challenge(first, NEW, responses={"userAttributes.name": "Tim"}))
    with witness.failing():
        idp.respond_to_challenge(first, NEW)


def test_second_factors(wire: Wire, witness: Any, read_qr_code: Callable[[str], Any]) -> None:
    idp, ada = wire.idp, wire.pool.users["ada"]
    tokens = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    token = idp.associate_software_token(tokens)
    witness.saw(token)
    app = read_qr_code(token.otpauth_uri(issuer="Orders", account="ada"))
    with witness.failing():
        idp.verify_software_token(tokens, app.wrong_code())
    idp.verify_software_token(tokens, app.code(), device_name="telephone")
    idp.set_user_mfa_preference(tokens, software_token=True, email=True)
    assert set(ada.mfa_methods) == {"SOFTWARE_TOKEN_MFA", "EMAIL_OTP"}

    choice = wire.challenge(idp.initiate_auth(EMAIL, PASSWORD))
    code = wire.challenge(idp.respond_to_challenge(choice, "EMAIL_OTP"))
    with witness.failing():
        idp.respond_to_challenge(code, ada.sent_code[::-1] + "0")
    wire.tokens(idp.respond_to_challenge(code, ada.sent_code))
    with witness.failing():
        idp.login_user(EMAIL, PASSWORD)

    wire.pool.mfa = "ON"
    wire.pool.add_user("eve", PASSWORD)
    setup = wire.challenge(idp.initiate_auth("eve", PASSWORD))
    begun = idp.associate_software_token(setup)
    witness.saw(begun)
    with witness.failing():
        idp.associate_software_token(setup)
    app = read_qr_code(begun.otpauth_uri(issuer="Orders", account="eve"))
    with witness.failing():
        idp.respond_to_challenge(wire.challenge(begun.challenge), app.wrong_code())
    wire.tokens(idp.respond_to_challenge(wire.challenge(begun.challenge), app.code()))


def test_devices(wire: Wire, witness: Any) -> None:
    idp = wire.idp
    tokens = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    device = idp.confirm_device(tokens, device_name="telephone")
    witness.saw(device)
    with witness.failing():
        idp.confirm_device(tokens)
    wire.tokens(idp.login_user(EMAIL, PASSWORD, device=device))
    with witness.failing():
        forged = {"password": type(device.password)(WRONG)}
        idp.login_user(EMAIL, PASSWORD, device=device.model_copy(update=forged))
    wire.pool.users["ada"].mfa_methods = ["EMAIL_OTP"]
    wire.pool.users["ada"].devices[device.device_key].remembered = False
    witness.saw(wire.challenge(idp.initiate_auth(EMAIL, PASSWORD, device=device)))
    idp.forget_device(tokens, device)
    with witness.failing():
        idp.login_user(EMAIL, PASSWORD, device=device)


def test_tokens(wire: Wire, witness: Any) -> None:
    idp = wire.idp
    first = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    second = wire.tokens(idp.refresh_tokens(first))
    witness.saw(idp.get_user(second))
    with witness.failing():
        idp.refresh_tokens(first)
    with witness.failing():
        idp.get_user(second)
    third = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    idp.revoke_token(third)
    with witness.failing():
        idp.refresh_tokens(third)
    fourth = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    idp.sign_out(fourth)
    with witness.failing():
        idp.sign_out(fourth)


def test_codes_and_passwords(wire: Wire, witness: Any) -> None:
    idp, pool = wire.idp, wire.pool
    witness.saw(idp.sign_up("sue", PASSWORD, attributes={"email": "sue@example.com"}))
    with witness.failing():
        idp.confirm_sign_up("sue", CODE)
    idp.confirm_sign_up("sue", pool.users["sue"].sent_code)
    with witness.failing():
        idp.sign_up("sue", WRONG)
    idp.forgot_password(EMAIL)
    with witness.failing():
        idp.confirm_forgot_password(EMAIL, CODE, NEW)
    idp.confirm_forgot_password(EMAIL, pool.users["ada"].sent_code, NEW)
    tokens = wire.tokens(idp.login_user(EMAIL, NEW))
    with witness.failing():
        idp.change_password(tokens, WRONG, PASSWORD)
    idp.change_password(tokens, NEW, PASSWORD)
    idp.update_user_attributes(tokens, {"email": "new@example.com"})
    with witness.failing():
        idp.verify_user_attribute(tokens, "email", CODE)
    idp.verify_user_attribute(tokens, "email", pool.users["ada"].sent_code)
    witness.saw(idp.create_user("joe", PASSWORD))
    with witness.failing():
        idp.create_user("jim", "weak")
    with witness.failing():
        idp.set_user_password("joe", "weak")
    idp.delete_own_user(tokens)


@pytest.mark.parametrize("after", [False, True])
def test_a_service_that_echoes_and_one_that_is_silent(
    wire: Wire, witness: Any, *, after: bool
) -> None:
    idp = wire.idp
    tokens = wire.tokens(idp.login_user(EMAIL, PASSWORD))
    calls: dict[str, Callable[[], Any]] = {
        "InitiateAuth": lambda: idp.login_user(EMAIL, PASSWORD, auth_flow="USER_PASSWORD_AUTH"),
        "GetTokensFromRefreshToken": lambda: idp.refresh_tokens(tokens),
        "GetUser": lambda: idp.get_user(tokens),
        "ChangePassword": lambda: idp.change_password(tokens, PASSWORD, NEW),
        "VerifySoftwareToken": lambda: idp.verify_software_token(tokens, APP_CODE),
        "ConfirmDevice": lambda: idp.confirm_device(tokens),
        "AdminSetUserPassword": lambda: idp.set_user_password("ada", PASSWORD),
    }
    for operation, call in calls.items():
        echo = " ".join([PASSWORD, NEW, tokens.access_token.get_secret_value(), SECRET, APP_CODE])
        wire.pool.fail(operation, "InvalidParameterException", echo, times=1, after=after)
        with contextlib.suppress(CognitoError):  # where it is tried again, it may succeed
            try:
                call()
            except CognitoError as error:
                witness.failed(error)
                raise


def test_arguments_that_are_refused(wire: Wire, witness: Any) -> None:
    idp: Any = wire.idp
    wire.tokens(idp.login_user(EMAIL, PASSWORD))
    too_long = PASSWORD * 100
    wrong: Any = {name: [PASSWORD] for name in AuthTokens.model_fields}
    for call in (
        lambda: idp.login_user(PASSWORD + " ", PASSWORD),
        lambda: idp.login_user("ada", too_long),
        lambda: idp.login_user("ada", [PASSWORD]),
        lambda: idp.get_user(PASSWORD),
        lambda: idp.refresh_tokens(PASSWORD),
        lambda: idp.verify_software_token(PASSWORD, PASSWORD),
        lambda: idp.associate_software_token(PASSWORD),
        lambda: idp.confirm_device(PASSWORD),
        lambda: idp.respond_to_challenge(PASSWORD, PASSWORD),
        lambda: idp.verify_id_token(PASSWORD),
        lambda: AuthTokens(**wrong),
        lambda: AuthTokens.model_validate({"id_token": [PASSWORD]}),
        lambda: AuthTokens.model_validate_json(f'{{"id_token": ["{PASSWORD}"]}}'),
    ):
        with witness.failing():
            call()


def test_the_search_would_find_them(
    make_pool: Callable[..., Any], idp_of: Callable[..., CognitoIdp], witness: Any
) -> None:
    pool = make_pool(client_secret=SECRET)
    pool.add_user("ada", PASSWORD)
    wire = Wire(pool, idp_of(pool), witness)

    tokens = wire.tokens(wire.idp.login_user("ada", PASSWORD))

    assert {PASSWORD, tokens.access_token.get_secret_value()} <= witness.secrets
    for told in (PASSWORD, tokens.id_token.get_secret_value()):
        with pytest.raises(AssertionError):
            witness.check(f"... {told} ...")
    assert re.search("[0-9]", "".join(witness.secrets))
