import base64
import html
import json
import pickle
import traceback
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError

from saigon.aws.cognito import AuthChallenge, CognitoIdp, exceptions
from saigon.aws.cognito.exceptions import (
    ChallengeRequiredError,
    CognitoConfigurationError,
    CognitoConnectionError,
    CognitoError,
    InvalidInputError,
)
from saigon.aws.exceptions import MissingExtraError

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("UserNotFoundException", "User does not exist.", "UserNotFoundError"),
        ("UsernameExistsException", "", "UserExistsError"),
        ("AliasExistsException", "", "UserExistsError"),
        ("UserNotConfirmedException", "", "UserNotConfirmedError"),
        ("InvalidPasswordException", "Password not long enough", "PasswordPolicyError"),
        ("PasswordHistoryPolicyViolationException", "", "PasswordPolicyError"),
        ("PasswordResetRequiredException", "", "PasswordResetRequiredError"),
        ("CodeMismatchException", "", "CodeMismatchError"),
        ("ExpiredCodeException", "", "CodeExpiredError"),
        ("SoftwareTokenMFANotFoundException", "", "MfaError"),
        ("MFAMethodNotFoundException", "", "MfaError"),
        ("TooManyFailedAttemptsException", "", "TooManyRequestsError"),
        ("NotAuthorizedException", "Password attempts exceeded", "TooManyRequestsError"),
        ("NotAuthorizedException", "User is disabled.", "UserDisabledError"),
        ("NotAuthorizedException", "SecretHash does not match", "CognitoConfigurationError"),
        (
            "InvalidParameterException",
            "USER_PASSWORD_AUTH flow not enabled for this client",
            "CognitoConfigurationError",
        ),
        ("InvalidParameterException", "Something else", "CognitoError"),
        ("ResourceNotFoundException", "User pool does not exist.", "CognitoConfigurationError"),
        ("AccessDeniedException", "", "CognitoConfigurationError"),
        ("UserLambdaValidationException", "PreSignUp failed", "CognitoError"),
        ("SomethingNewException", "", "CognitoError"),
    ],
)
def test_each_code_becomes_its_error(
    scripted: Any, loopback: Any, code: str, message: str, expected: str
) -> None:
    loopback.default = (400, {"__type": code, "message": message})
    loopback.headers = {"x-amzn-RequestId": "request-1"}

    with pytest.raises(CognitoError) as caught:
        scripted().set_user_password("ada", "Passw0rd!x")

    error = caught.value
    assert type(error).__name__ == expected
    assert (error.code, error.operation, error.request_id) == (
        code,
        "AdminSetUserPassword",
        "request-1",
    )
    assert error.retryable == (expected == "TooManyRequestsError")
    assert message in str(error)


@pytest.mark.parametrize(
    "message",
    [
        f"Token {TOKEN} is not valid",
        "Value 'Passw0rd!x' failed to satisfy the constraint",
        "<html><body>Bad gateway</body></html>",
        "x" * 1000,
        "User ada-lovelace is not allowed to",
    ],
    ids=["token", "password", "page", "long", "name"],
)
def test_a_message_that_quotes_is_left_out(scripted: Any, loopback: Any, message: str) -> None:
    loopback.default = (400, {"__type": "InvalidParameterException", "message": message})

    with pytest.raises(CognitoError) as caught:
        scripted().set_user_password("ada-lovelace", "Passw0rd!x")

    assert str(caught.value) == "AdminSetUserPassword failed: InvalidParameterException"
    assert message not in "".join(traceback.format_exception(caught.value))


PASSWORD = 'corr"ect h\u00f6rse\\x'


@pytest.mark.parametrize(
    "spelling",
    [
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        repr(PASSWORD)[1:-1],
        quote(PASSWORD),
        PASSWORD.upper(),
        PASSWORD[:9],
        PASSWORD[-9:],
        base64.b64encode(PASSWORD.encode()).decode(),
        html.escape(PASSWORD),
        quote_plus(PASSWORD),
    ],
    ids=range(11),
)
def test_a_message_that_quotes_in_another_spelling_is_left_out(
    scripted: Any, loopback: Any, spelling: str
) -> None:
    message = f"UserMigration failed with error {{{spelling}}}."
    loopback.default = (400, {"__type": "UserLambdaValidationException", "message": message})

    with pytest.raises(CognitoError) as caught:
        scripted().login_user("ada", PASSWORD)

    assert str(caught.value) == "InitiateAuth failed: UserLambdaValidationException"


def test_a_message_that_quotes_the_client_secret_is_left_out(scripted: Any, loopback: Any) -> None:
    secret = "s3cret-of-the-app-client"
    loopback.default = (400, {"__type": "InvalidParameterException", "message": f"No {secret}"})

    with pytest.raises(CognitoError) as caught:
        scripted(client_secret=secret).forgot_password("ada")

    assert secret not in str(caught.value)


def test_a_message_about_an_attribute_is_told(scripted: Any, loopback: Any) -> None:
    message = "Attributes did not conform to the schema: email: The attribute is required"
    loopback.default = (400, {"__type": "InvalidParameterException", "message": message})

    with pytest.raises(CognitoError, match="email: The attribute is required"):
        scripted().sign_up("ada", "Passw0rd!x", attributes={"email": ""})


@pytest.mark.parametrize("word", ["password", "cas", "user", "deploy"])
def test_a_common_word_hides_nothing(scripted: Any, loopback: Any, word: str) -> None:
    message = "Password did not conform: it must have uppercase characters of deployments. User."
    loopback.default = (400, {"__type": "InvalidPasswordException", "message": message})

    with pytest.raises(CognitoError, match="must have uppercase characters"):
        scripted().set_user_password(word, word)


def test_a_long_request_is_searched_quickly(scripted: Any, loopback: Any) -> None:
    message = "x" * 300
    loopback.default = (400, {"__type": "InvalidParameterException", "message": message})
    many = {f"custom:{n}": "ä" * 2048 for n in range(50)}

    with pytest.raises(CognitoError, match="xxx"):
        scripted().sign_up("ada", "Passw0rd!x", attributes=many)


def test_neither_code_nor_request_id_are_an_echo(scripted: Any, loopback: Any) -> None:
    loopback.default = (400, {"__type": "hunter2secret", "message": ""})
    loopback.headers = {"x-amzn-RequestId": TOKEN * 3}

    with pytest.raises(CognitoError) as caught:
        scripted().set_user_password("ada", "hunter2secret")

    assert "hunter2" not in f"{caught.value}{vars(caught.value)}"
    assert caught.value.code is None
    assert caught.value.request_id is None


def test_what_the_set_up_lacks_is_told(scripted: Any, loopback: Any) -> None:
    message = "User pool client 1example23456789 does not exist."
    loopback.default = (400, {"__type": "ResourceNotFoundException", "message": message})

    with pytest.raises(CognitoConfigurationError, match="1example23456789 does not exist"):
        scripted().login_user("ada", "Passw0rd!x")


@pytest.mark.parametrize(
    "user",
    [
        {"Username": 5},
        {"Username": None},
        {"Username": "ada", "UserCreateDate": "yesterday"},
        {"Username": "ada", "UserCreateDate": 1e300},
        {"Username": "ada", "UserAttributes": [{}]},
        {"Username": "ada", "UserAttributes": [None]},
        {"Username": "ada", "UserMFASettingList": 7},
    ],
    ids=str,
)
def test_an_answer_that_makes_no_sense_is_as_good_as_lost(
    scripted: Any, loopback: Any, user: dict[str, Any]
) -> None:
    loopback.default = (200, user)

    with pytest.raises(CognitoConnectionError) as caught:
        scripted().admin_get_user("ada")

    assert caught.value.retryable
    assert caught.value.__context__ is None


@pytest.mark.parametrize("error", [RuntimeError("s3cret"), KeyError("s3cret"), TypeError("s3cret")])
def test_a_provider_of_credentials_that_fails_is_a_mistake_of_the_set_up(
    session: Session, make_config: Any, loopback: Any, error: Exception
) -> None:
    client = session.client("cognito-idp", endpoint_url=loopback.url)

    def fail(**_: Any) -> None:
        raise error

    client.meta.events.register("request-created.cognito-idp", fail)

    with pytest.raises(CognitoConfigurationError, match=type(error).__name__) as caught:
        CognitoIdp(make_config(), client=client).admin_get_user("ada")

    assert "s3cret" not in str(caught.value)
    assert loopback.requests == []


def test_the_failure_of_another_call_for_credentials_is_a_mistake_of_the_set_up(
    session: Session, make_config: Any, loopback: Any
) -> None:
    client = session.client("cognito-idp", endpoint_url=loopback.url)
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "AssumeRole")

    def fail(**_: Any) -> None:
        raise refused

    client.meta.events.register("request-created.cognito-idp", fail)

    with pytest.raises(CognitoConfigurationError, match="AssumeRole failed") as caught:
        CognitoIdp(make_config(), client=client).admin_get_user("ada")

    assert (caught.value.code, caught.value.operation) == ("AccessDenied", "AdminGetUser")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"\x00\xff"])
@pytest.mark.parametrize("status", [200, 400, 503])
def test_an_answer_that_is_no_json_is_an_error_without_the_body(
    scripted: Any, loopback: Any, status: int, body: bytes
) -> None:
    loopback.default = (status, body)

    with pytest.raises(CognitoError) as caught:
        scripted().login_user("ada", "Passw0rd!x")

    assert "html" not in str(caught.value)
    assert "\xff" not in str(caught.value)


def test_no_aws_credentials_is_a_mistake_of_the_set_up(
    make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    idp = CognitoIdp(make_config(endpoint_url="http://127.0.0.1:1"))

    with pytest.raises(CognitoConfigurationError, match="NoCredentialsError"):
        idp.admin_get_user("ada")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(CognitoConfigurationError, match="ProfileNotFound"):
        CognitoIdp(make_config()).admin_get_user("ada")


def test_the_tree_at_the_head_names_every_error() -> None:
    drawn = exceptions.__doc__ or ""

    for name in exceptions.__all__:
        assert f"{name} " in drawn.replace("\n", " \n"), name


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", [[], b"null", 7, "text", b"[" * 100_000])
def test_json_that_is_no_answer_is_an_error(
    scripted: Any, loopback: Any, status: int, body: Any
) -> None:
    loopback.default = (status, body)

    with pytest.raises(CognitoConnectionError) as caught:
        scripted().login_user("ada", "Passw0rd!x")

    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "error",
    [
        CognitoError("failed", code="SomeException", retryable=True),
        InvalidInputError("username", "text"),
        ChallengeRequiredError(AuthChallenge(name="SMS_MFA", username="ada")),
        MissingExtraError("cognito", "jwt"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_between_processes(error: Exception) -> None:
    received = pickle.loads(pickle.dumps(error))

    assert (type(received), str(received), vars(received)) == (type(error), str(error), vars(error))
