"""The fake refuses what Cognito refuses; the right proofs are pycognito's and cryptography's."""

import base64
import hmac
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pycognito.aws_srp import AWSSRP, generate_hash_device, long_to_hex

POOL_ID = "eu-west-1_AbCdEfGhI"
CLIENT_ID = "1example23456789"
PASSWORD = "Passw0rd! é"
SECRET = "s3cret-of-twenty-four-chars"
USED = "session can only be used once"


class App:
    """A raw client of one pool, and what an app would compute for it."""

    def __init__(self, pool: Any, client: Any, admin: Any) -> None:
        self.pool, self.client, self.admin = pool, client, admin

    def sign_in(self, name: str = "ada", password: str = PASSWORD, **more: str) -> Any:
        return self.client.initiate_auth(
            ClientId=CLIENT_ID,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password, **more},
        )

    def tokens(self, **more: str) -> Any:
        return self.sign_in(**more)["AuthenticationResult"]

    def answer(self, challenge: Any, name: str = "ada", **responses: str) -> Any:
        session = {"Session": challenge["Session"]} if "Session" in challenge else {}
        return self.client.respond_to_auth_challenge(
            ClientId=CLIENT_ID,
            ChallengeName=challenge["ChallengeName"],
            ChallengeResponses={"USERNAME": name, **responses},
            **session,
        )

    def begin_srp(self, numbers: Any, name: str = "ada", **more: str) -> Any:
        return self.client.initiate_auth(
            ClientId=CLIENT_ID,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters={"USERNAME": name, "SRP_A": long_to_hex(numbers.large_a_value), **more},
        )

    def refresh(self, token: str, **more: str) -> Any:
        return self.client.initiate_auth(
            ClientId=CLIENT_ID,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": token, **more},
        )

    def rotate(self, token: str, **more: str) -> Any:
        return self.client.get_tokens_from_refresh_token(
            ClientId=CLIENT_ID, RefreshToken=token, **more
        )["AuthenticationResult"]


@pytest.fixture
def make_app(make_pool: Any, session: Any) -> Callable[..., App]:
    def make(**options: Any) -> App:
        pool = make_pool(**options)

        def client(**config: Any) -> Any:
            once = Config(retries={"total_max_attempts": 1}, **config)
            return session.client(
                "cognito-idp", region_name="eu-west-1", endpoint_url=pool.url, config=once
            )

        return App(pool, client(signature_version=UNSIGNED), client())

    return make


def numbers_of(password: str) -> Any:
    return AWSSRP("ada", password, POOL_ID, CLIENT_ID, client=object())


def stamp(moment: datetime) -> str:
    text: str = AWSSRP.get_cognito_formatted_timestamp(moment)
    return text


def claim(key: bytes, whose: str, parameters: Any, moment: str) -> dict[str, str]:
    block = base64.b64decode(parameters["SECRET_BLOCK"])
    digest = hmac.digest(key, whose.encode() + block + moment.encode(), "sha256")
    return {
        "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
        "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(digest).decode(),
        "TIMESTAMP": moment,
    }


def proof(numbers: Any, password: str, challenge: Any, moment: str | None = None) -> dict[str, str]:
    given = challenge["ChallengeParameters"]
    key = numbers.get_password_authentication_key(
        given["USER_ID_FOR_SRP"], password, int(given["SRP_B"], 16), given["SALT"]
    )
    whose = "AbCdEfGhI" + given["USER_ID_FOR_SRP"]
    return claim(bytes(key), whose, given, moment or stamp(datetime.now(UTC)))


def device_proof(
    numbers: Any, group: str, device: str, password: str, challenge: Any
) -> dict[str, str]:
    given = challenge["ChallengeParameters"]
    key = numbers.get_device_authentication_key(
        group, device, password, int(given["SRP_B"], 16), given["SALT"]
    )
    return claim(bytes(key), group + device, given, stamp(datetime.now(UTC)))


def code_of(secret: str, *, after: float = 0) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    totp = TOTP(key, 6, SHA1(), 30, enforce_key_length=False)
    return totp.generate(int(time.time() + after)).decode()


def refuses(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


# A password and its proof.


# Many times, because a padding mistake shows in a few of the numbers only.
@pytest.mark.parametrize("attempt", range(10))
@pytest.mark.parametrize("name", ["ada", "ada@example.com"])
def test_the_right_proof_brings_tokens(
    make_app: Callable[..., App], name: str, attempt: int
) -> None:
    app, numbers = make_app(), numbers_of(PASSWORD)
    app.pool.add_user("ada", PASSWORD, email="ada@example.com")

    challenge = app.begin_srp(numbers, name)

    assert challenge["ChallengeParameters"]["USERNAME"] == "ada"
    assert app.answer(challenge, name, **proof(numbers, PASSWORD, challenge))[
        "AuthenticationResult"
    ]["RefreshToken"]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_wrong_proof_and_an_unknown_user_are_refused_alike(
    make_app: Callable[..., App], name: str
) -> None:
    app, numbers = make_app(), numbers_of("Passw0rd?")
    app.pool.add_user("ada", PASSWORD)
    challenge = app.begin_srp(numbers, name)

    with refuses("NotAuthorizedException", "Incorrect username or password"):
        app.answer(challenge, name, **proof(numbers, "Passw0rd?", challenge))
    with refuses("NotAuthorizedException", USED):  # one guess for each challenge
        app.answer(challenge, name, **proof(numbers, PASSWORD, challenge))


def test_a_proof_is_for_one_attempt(make_app: Callable[..., App]) -> None:
    app, numbers = make_app(), numbers_of(PASSWORD)
    app.pool.add_user("ada", PASSWORD)
    challenge = app.begin_srp(numbers)
    answer = proof(numbers, PASSWORD, challenge)
    app.answer(challenge, **answer)

    with refuses("NotAuthorizedException", USED):
        app.answer(challenge, **answer)


def test_a_proof_of_another_time_is_refused(make_app: Callable[..., App]) -> None:
    app, numbers = make_app(), numbers_of(PASSWORD)
    app.pool.add_user("ada", PASSWORD)
    challenge = app.begin_srp(numbers)
    moment = stamp(datetime.now(UTC) - timedelta(minutes=6))

    with refuses("NotAuthorizedException"):
        app.answer(challenge, **proof(numbers, PASSWORD, challenge, moment))


@pytest.mark.parametrize(
    "moment",
    [
        "Wed Mar 04 05:06:07 UTC 2026",
        "Tue Mar 4 05:06:07 UTC 2026",
        "Wed Mar 4 05:06:07 GMT 2026",
        "2026-03-04T05:06:07Z",
    ],
)
def test_a_timestamp_of_another_form_is_refused(make_app: Callable[..., App], moment: str) -> None:
    app, numbers = make_app(), numbers_of(PASSWORD)
    app.pool.add_user("ada", PASSWORD)
    challenge = app.begin_srp(numbers)

    with refuses("InvalidParameterException", "TIMESTAMP"):
        app.answer(challenge, **proof(numbers, PASSWORD, challenge, moment))


@pytest.mark.parametrize("password", [PASSWORD + " ", "Passw0rd! e\u0301", ""])
def test_a_password_is_compared_exactly(make_app: Callable[..., App], password: str) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD)

    with pytest.raises(ClientError):
        app.sign_in(password=password)


# The client's secret.


def test_the_hash_is_of_the_name_that_is_sent(
    make_app: Callable[..., App], secret_hash: Any
) -> None:
    app = make_app(client_secret=SECRET)
    app.pool.add_user("ada", PASSWORD, email="ada@example.com")
    of_alias, of_name = secret_hash(SECRET, "ada@example.com"), secret_hash(SECRET, "ada")

    assert app.sign_in("ada@example.com", SECRET_HASH=of_alias)
    with refuses("NotAuthorizedException", "Unable to verify secret hash"):
        app.sign_in("ada@example.com", SECRET_HASH=of_name)
    with refuses("NotAuthorizedException", "SECRET_HASH was not received"):
        app.sign_in("ada@example.com")


def test_a_refresh_takes_the_hash_of_the_real_name_only(
    make_app: Callable[..., App], secret_hash: Any
) -> None:
    app = make_app(client_secret=SECRET)
    app.pool.add_user("ada", PASSWORD, email="ada@example.com")
    of_alias, of_name = secret_hash(SECRET, "ada@example.com"), secret_hash(SECRET, "ada")
    token = app.tokens(name="ada@example.com", SECRET_HASH=of_alias)["RefreshToken"]

    assert "RefreshToken" not in app.refresh(token, SECRET_HASH=of_name)["AuthenticationResult"]
    with refuses("NotAuthorizedException", "SecretHash does not match for the client"):
        app.refresh(token, SECRET_HASH=of_alias)


def test_the_secret_itself_goes_with_a_rotation_and_a_revocation(
    make_app: Callable[..., App], secret_hash: Any
) -> None:
    app = make_app(client_secret=SECRET, rotation=True)
    app.pool.add_user("ada", PASSWORD)
    token = app.tokens(SECRET_HASH=secret_hash(SECRET, "ada"))["RefreshToken"]

    with refuses("NotAuthorizedException"):
        app.rotate(token)
    with refuses("UnauthorizedException"):
        app.client.revoke_token(
            Token=token, ClientId=CLIENT_ID, ClientSecret="other".ljust(24, "x")
        )
    assert app.rotate(token, ClientSecret=SECRET)["RefreshToken"] != token


# Challenges.


def test_challenges_come_one_after_the_other(make_app: Callable[..., App]) -> None:
    app = make_app(mfa="ON")
    app.pool.add_user("ada", PASSWORD, status="FORCE_CHANGE_PASSWORD")
    first = app.sign_in()
    assert first["ChallengeParameters"]["USER_ID_FOR_SRP"] == "ada"
    with refuses("InvalidPasswordException"):
        app.answer(first, NEW_PASSWORD="weak")

    second = app.answer(first, NEW_PASSWORD="N3w-password")
    assert second["ChallengeParameters"] == {"MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]'}
    with refuses("SoftwareTokenMFANotFoundException"):
        app.answer(second)
    made = app.client.associate_software_token(Session=second["Session"])
    with refuses("NotAuthorizedException", USED):
        app.client.associate_software_token(Session=second["Session"])
    with refuses("EnableSoftwareTokenMFAException", "Code mismatch"):
        app.client.verify_software_token(Session=made["Session"], UserCode="000000")
    verified = app.client.verify_software_token(
        Session=made["Session"], UserCode=code_of(made["SecretCode"])
    )
    with refuses("NotAuthorizedException", USED):
        app.answer({**second, "Session": made["Session"]})

    assert app.answer({**second, "Session": verified["Session"]})["AuthenticationResult"]
    assert app.sign_in(password="N3w-password")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_session_is_used_once_for_one_challenge_of_one_user(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD, status="FORCE_CHANGE_PASSWORD")
    app.pool.add_user("bob", PASSWORD)
    challenge = app.sign_in()

    with refuses("NotAuthorizedException", "Invalid session for the user."):
        app.answer(challenge, "bob", NEW_PASSWORD="N3w-password")
    with refuses("NotAuthorizedException", "Invalid session for the user."):
        app.answer({**challenge, "ChallengeName": "MFA_SETUP"})
    app.answer(challenge, NEW_PASSWORD="N3w-password")
    with refuses("NotAuthorizedException", USED):
        app.answer(challenge, NEW_PASSWORD="N3w-password")


def test_a_session_expires(make_app: Callable[..., App]) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD, status="FORCE_CHANGE_PASSWORD")
    challenge = app.sign_in()
    app.pool.clock_offset = 181

    with refuses("NotAuthorizedException", "session is expired"):
        app.answer(challenge, NEW_PASSWORD="N3w-password")


def test_a_software_token_code_is_checked_and_used_once(make_app: Callable[..., App]) -> None:
    app = make_app(mfa="OPTIONAL")
    secret = base64.b32encode(bytes(range(20))).decode()
    app.pool.add_user("ada", PASSWORD, totp_secret=secret, mfa_methods=["SOFTWARE_TOKEN_MFA"])
    challenge, code = app.sign_in(), code_of(secret)

    with refuses("CodeMismatchException"):
        app.answer(challenge, SOFTWARE_TOKEN_MFA_CODE=code_of(secret, after=3600))
    assert app.answer(challenge, SOFTWARE_TOKEN_MFA_CODE=code)["AuthenticationResult"]
    again = app.sign_in()
    with refuses("ExpiredCodeException", "already been used once"):
        app.answer(again, SOFTWARE_TOKEN_MFA_CODE=code)
    assert app.answer(again, SOFTWARE_TOKEN_MFA_CODE=code_of(secret, after=30))


@pytest.mark.parametrize(("method", "digits"), [("SMS_MFA", 6), ("EMAIL_OTP", 8)])
def test_a_method_is_chosen_and_its_code_checked(
    make_app: Callable[..., App], method: str, digits: int
) -> None:
    app = make_app(mfa="OPTIONAL")
    user = app.pool.add_user("ada", PASSWORD, mfa_methods=["SMS_MFA", "EMAIL_OTP"])
    choice = app.sign_in()

    assert choice["ChallengeParameters"]["MFAS_CAN_CHOOSE"] == '["SMS_MFA", "EMAIL_OTP"]'
    with refuses("InvalidParameterException"):
        app.answer(choice, ANSWER="SOFTWARE_TOKEN_MFA")
    challenge = app.answer(choice, ANSWER=method)
    assert challenge["ChallengeName"] == method
    assert len(user.sent_code) == digits
    with refuses("CodeMismatchException"):
        app.answer(challenge, **{f"{method}_CODE": "x"})
    assert app.answer(challenge, **{f"{method}_CODE": user.sent_code})["AuthenticationResult"]


def test_an_admin_is_asked_for_a_signature_and_answers_as_an_admin(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD, status="FORCE_CHANGE_PASSWORD")
    begin = {
        "UserPoolId": POOL_ID,
        "ClientId": CLIENT_ID,
        "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "ada", "PASSWORD": PASSWORD},
    }
    _, unsigned = app.pool.handle("AdminInitiateAuth", begin, is_signed=False)
    assert unsigned["__type"] == "MissingAuthenticationTokenException"
    challenge = app.admin.admin_initiate_auth(**begin)
    with refuses("NotAuthorizedException", "Invalid session"):
        app.answer(challenge, NEW_PASSWORD="N3w-password")
    assert app.admin.admin_respond_to_auth_challenge(
        UserPoolId=POOL_ID,
        ClientId=CLIENT_ID,
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": "ada", "NEW_PASSWORD": "N3w-password"},
    )["AuthenticationResult"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("UNCONFIRMED", "UserNotConfirmedException"),
        ("RESET_REQUIRED", "PasswordResetRequiredException"),
    ],
)
def test_a_state_of_the_user_shows_after_the_right_password_only(
    make_app: Callable[..., App], status: str, code: str
) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD, status=status)

    with refuses("NotAuthorizedException"):
        app.sign_in(password="Other-passw0rd")
    with refuses(code):
        app.sign_in()


# Devices.


def remembered(app: App) -> tuple[Any, dict[str, str], str]:
    """Confirm a device as one would; return the tokens, its metadata and its password."""
    tokens = app.tokens()
    metadata = tokens["NewDeviceMetadata"]
    password, config = generate_hash_device(metadata["DeviceGroupKey"], metadata["DeviceKey"])
    app.client.confirm_device(
        AccessToken=tokens["AccessToken"],
        DeviceKey=metadata["DeviceKey"],
        DeviceSecretVerifierConfig=config,
        DeviceName="laptop",
    )
    return tokens, metadata, password


@pytest.mark.parametrize("attempt", range(5))
def test_a_remembered_device_proves_itself_in_place_of_a_second_factor(
    make_app: Callable[..., App], attempt: int
) -> None:
    app = make_app(mfa="OPTIONAL", device_tracking=True)
    user = app.pool.add_user("ada", PASSWORD)
    _, metadata, password = remembered(app)
    user.mfa_methods.append("SMS_MFA")
    group, key = metadata["DeviceGroupKey"], metadata["DeviceKey"]
    assert app.sign_in()["ChallengeName"] == "SMS_MFA"

    for given, is_right in ((password, True), ("wrong", False)):
        numbers, first = numbers_of(PASSWORD), numbers_of(PASSWORD)
        challenge = app.begin_srp(first)
        device = app.answer(challenge, DEVICE_KEY=key, **proof(first, PASSWORD, challenge))
        assert device["ChallengeName"] == "DEVICE_SRP_AUTH"
        asked = app.answer(device, DEVICE_KEY=key, SRP_A=long_to_hex(numbers.large_a_value))
        assert asked["ChallengeParameters"]["USERNAME"] == "ada"
        claimed = device_proof(numbers, group, key, given, asked)
        if is_right:
            result = app.answer(asked, DEVICE_KEY=key, **claimed)["AuthenticationResult"]
            assert "NewDeviceMetadata" not in result
        else:
            with refuses("NotAuthorizedException"):
                app.answer(asked, DEVICE_KEY=key, **claimed)


def test_a_device_is_confirmed_once_and_known_until_it_is_forgotten(
    make_app: Callable[..., App],
) -> None:
    app = make_app(device_tracking=True, user_opt_in_devices=True)
    user = app.pool.add_user("ada", PASSWORD)
    tokens, metadata, _ = remembered(app)
    access, key = tokens["AccessToken"], metadata["DeviceKey"]
    _, config = generate_hash_device("-group", key)
    confirm = {"AccessToken": access, "DeviceSecretVerifierConfig": config}

    with refuses("DeviceKeyExistsException"):
        app.client.confirm_device(DeviceKey=key, **confirm)
    with refuses("ResourceNotFoundException"):
        app.client.confirm_device(DeviceKey=f"eu-west-1_{uuid.uuid4()}", **confirm)
    assert not user.devices[key].remembered
    app.client.update_device_status(
        AccessToken=access, DeviceKey=key, DeviceRememberedStatus="remembered"
    )
    assert user.devices[key].remembered
    app.client.forget_device(AccessToken=access, DeviceKey=key)
    with refuses("ResourceNotFoundException", "Device does not exist"):
        app.sign_in(DEVICE_KEY=key)


@pytest.mark.parametrize("part", ["Salt", "PasswordVerifier"])
def test_a_verifier_whose_numbers_are_negative_is_refused(
    make_app: Callable[..., App], part: str
) -> None:
    app = make_app(device_tracking=True)
    app.pool.add_user("ada", PASSWORD)
    tokens = app.tokens()
    metadata = tokens["NewDeviceMetadata"]
    _, config = generate_hash_device(metadata["DeviceGroupKey"], metadata["DeviceKey"])

    with refuses("InvalidParameterException", part):
        app.client.confirm_device(
            AccessToken=tokens["AccessToken"],
            DeviceKey=metadata["DeviceKey"],
            DeviceSecretVerifierConfig={**config, part: base64.b64encode(b"\xff" * 16).decode()},
        )


def test_a_token_of_a_device_is_refreshed_with_its_key(make_app: Callable[..., App]) -> None:
    app = make_app(device_tracking=True)
    app.pool.add_user("ada", PASSWORD)
    tokens = app.tokens()
    key = tokens["NewDeviceMetadata"]["DeviceKey"]

    assert app.refresh(tokens["RefreshToken"], DEVICE_KEY=key)
    with refuses("NotAuthorizedException", "Invalid Refresh Token"):
        app.refresh(tokens["RefreshToken"])


# Tokens.


def test_a_rotated_token_that_is_used_again_revokes_its_family(
    make_app: Callable[..., App],
) -> None:
    app = make_app(rotation=True)
    app.pool.add_user("ada", PASSWORD)
    old = app.tokens()
    new = app.rotate(old["RefreshToken"])

    with refuses("InvalidParameterException"):
        app.refresh(new["RefreshToken"])
    with refuses("RefreshTokenReuseException"):
        app.rotate(old["RefreshToken"])
    with refuses("NotAuthorizedException", "Refresh Token has been revoked"):
        app.rotate(new["RefreshToken"])
    with refuses("NotAuthorizedException", "Access Token has been revoked"):
        app.client.get_user(AccessToken=new["AccessToken"])


def test_a_sign_out_revokes_all_tokens_and_a_revocation_those_of_one_sign_in(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD)
    one, two = app.tokens(), app.tokens()

    app.client.revoke_token(Token=one["RefreshToken"], ClientId=CLIENT_ID)
    with refuses("NotAuthorizedException", "Access Token has been revoked"):
        app.client.get_user(AccessToken=one["AccessToken"])
    app.client.global_sign_out(AccessToken=two["AccessToken"])
    with refuses("NotAuthorizedException", "Access Token has been revoked"):
        app.client.get_user(AccessToken=two["AccessToken"])
    with refuses("NotAuthorizedException", "Refresh Token has been revoked"):
        app.refresh(two["RefreshToken"])


@pytest.mark.parametrize("use", ["IdToken", "RefreshToken"])
def test_an_access_token_is_what_it_has_to_be(make_app: Callable[..., App], use: str) -> None:
    app = make_app()
    app.pool.add_user("ada", PASSWORD)
    tokens = app.tokens()

    with refuses("NotAuthorizedException", "Invalid Access Token"):
        app.client.get_user(AccessToken=tokens[use])
    app.pool.clock_offset = 3601
    with refuses("NotAuthorizedException", "Access Token has expired"):
        app.client.get_user(AccessToken=tokens["AccessToken"])


# Accounts.


def test_an_account_is_made_used_and_deleted(make_app: Callable[..., App]) -> None:
    app = make_app()
    email = {"Name": "email", "Value": "ada@example.com"}
    new = {"ClientId": CLIENT_ID, "Username": "ada"}
    app.client.sign_up(**new, Password=PASSWORD, UserAttributes=[email])
    with refuses("UsernameExistsException"):
        app.client.sign_up(**new, Password=PASSWORD)
    with refuses("CodeMismatchException"):
        app.client.confirm_sign_up(**new, ConfirmationCode="x")
    app.client.resend_confirmation_code(**new)
    app.client.confirm_sign_up(**new, ConfirmationCode=app.pool.users["ada"].sent_code)
    with refuses("NotAuthorizedException", "Current status is CONFIRMED"):
        app.client.confirm_sign_up(**new, ConfirmationCode="x")
    access = app.tokens(name="ada@example.com")["AccessToken"]
    assert app.client.get_user(AccessToken=access)["Username"] == "ada"
    app.client.delete_user(AccessToken=access)
    with refuses("UserNotFoundException"):
        app.client.get_user(AccessToken=access)


def test_a_changed_address_is_an_alias_again_once_it_is_verified(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    user = app.pool.add_user("ada", PASSWORD, email="ada@example.com")
    access = app.tokens()["AccessToken"]
    new = {"Name": "email", "Value": "ada@example.org"}
    sent = app.client.update_user_attributes(AccessToken=access, UserAttributes=[new])

    assert sent["CodeDeliveryDetailsList"][0]["AttributeName"] == "email"
    with refuses("NotAuthorizedException"):
        app.sign_in("ada@example.org")
    verify = {"AccessToken": access, "AttributeName": "email", "Code": user.sent_code}
    app.client.verify_user_attribute(**verify)
    with refuses("ExpiredCodeException"):
        app.client.verify_user_attribute(**verify)
    assert app.sign_in("ada@example.org")


def test_a_forgotten_password_is_replaced_by_a_code_that_is_used_once(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    user = app.pool.add_user("ada", PASSWORD, email="ada@example.com")
    named = {"ClientId": CLIENT_ID, "Username": "ada"}
    app.client.forgot_password(**named)
    given = {**named, "Password": "N3w-password"}

    with refuses("CodeMismatchException"):
        app.client.confirm_forgot_password(**given, ConfirmationCode="x")
    app.client.confirm_forgot_password(**given, ConfirmationCode=user.sent_code)
    with refuses("ExpiredCodeException"):
        app.client.confirm_forgot_password(**given, ConfirmationCode=user.sent_code)
    assert app.sign_in(password="N3w-password")


def test_a_preference_needs_a_verified_software_token(make_app: Callable[..., App]) -> None:
    app = make_app(mfa="OPTIONAL")
    user = app.pool.add_user("ada", PASSWORD)
    access = app.tokens()["AccessToken"]
    wanted = {
        "AccessToken": access,
        "SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True},
    }
    with refuses("InvalidParameterException", "has not verified software token"):
        app.client.set_user_mfa_preference(**wanted)
    secret = app.client.associate_software_token(AccessToken=access)["SecretCode"]
    app.client.verify_software_token(AccessToken=access, UserCode=code_of(secret))
    app.client.set_user_mfa_preference(**wanted)

    assert user.preferred_mfa == "SOFTWARE_TOKEN_MFA"
    assert app.sign_in()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_an_admin_makes_a_user_who_has_to_choose_a_password(make_app: Callable[..., App]) -> None:
    app = make_app()
    named = {"UserPoolId": POOL_ID, "Username": "ada"}
    app.admin.admin_create_user(**named, TemporaryPassword=PASSWORD)
    with refuses("UsernameExistsException"):
        app.admin.admin_create_user(**named)

    assert app.sign_in()["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    app.admin.admin_set_user_password(**named, Password="N3w-password", Permanent=True)
    assert app.admin.admin_get_user(**named)["UserStatus"] == "CONFIRMED"
    app.admin.admin_delete_user(**named)
    with refuses("UserNotFoundException"):
        app.admin.admin_get_user(**named)


# The service itself.


def test_what_the_service_does_not_know_is_refused(make_app: Callable[..., App]) -> None:
    app = make_app()

    with refuses("InvalidParameterException", "Unknown parameter"):
        app.sign_in(SECRETHASH="x")
    with refuses("UnknownOperationException"):
        app.admin.list_devices(AccessToken="x")
    with refuses("ResourceNotFoundException", "User pool client other does not exist"):
        app.client.forgot_password(ClientId="other", Username="ada")
    with refuses("InvalidParameterException", "not supported"):
        app.client.initiate_auth(
            ClientId=CLIENT_ID,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
        )
    for body in ({"Extra": 1}, {"ClientId": CLIENT_ID, "ChallengeName": "NONSENSE"}):
        status, answer = app.pool.handle("RespondToAuthChallenge", body, is_signed=False)
        assert (status, answer["__type"]) == (400, "InvalidParameterException")


def test_a_fault_comes_as_often_as_told_and_may_come_after_the_effect(
    make_app: Callable[..., App],
) -> None:
    app = make_app()
    user = app.pool.add_user("ada", PASSWORD)
    access = app.tokens()["AccessToken"]
    change = {
        "AccessToken": access,
        "PreviousPassword": PASSWORD,
        "ProposedPassword": "N3w-password",
    }
    app.pool.fail("ChangePassword", "TooManyRequestsException", "slower", times=2)
    app.pool.fail("ChangePassword", "", after=True)

    for _ in range(2):
        with refuses("TooManyRequestsException", "slower"):
            app.client.change_password(**change)
    assert user.password == PASSWORD
    with pytest.raises(ConnectionClosedError):
        app.client.change_password(**change)
    assert user.password == "N3w-password"
    assert app.pool.count("ChangePassword") == 3
