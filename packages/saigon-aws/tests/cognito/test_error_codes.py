"""Every code of botocore's model of the operations in use has its class, written down here by hand.

What botocore learns with a new version, and what operation the package comes to use, is noticed.
"""

import ast
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from boto3.session import Session
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.aws import cognito
from saigon.aws.cognito import (
    AuthChallenge,
    AuthTokens,
    CognitoClient,
    CognitoClientConfig,
    DeviceCredentials,
)
from saigon.aws.cognito._calls import error_codes, errors
from saigon.aws.cognito.exceptions import CognitoError, InvalidCredentialsError

SERVICES: Final = ("cognito-idp", "cognito-identity")
IDENTITY_POOL: Final = "eu-west-1:5f1c0000-0000-4000-8000-000000000000"
SESSION: Final = "session-of-twenty-characters"
PASSWORD: Final = "Passw0rd!x"

OPERATIONS: Final = frozenset(
    {
        "AdminAddUserToGroup",
        "AdminConfirmSignUp",
        "AdminCreateUser",
        "AdminDeleteUser",
        "AdminDeleteUserAttributes",
        "AdminDisableUser",
        "AdminEnableUser",
        "AdminGetUser",
        "AdminInitiateAuth",
        "AdminListGroupsForUser",
        "AdminRemoveUserFromGroup",
        "AdminRespondToAuthChallenge",
        "AdminSetUserMFAPreference",
        "AdminSetUserPassword",
        "AdminUpdateUserAttributes",
        "AdminUserGlobalSignOut",
        "AssociateSoftwareToken",
        "ChangePassword",
        "ConfirmDevice",
        "ConfirmForgotPassword",
        "ConfirmSignUp",
        "CreateGroup",
        "DeleteGroup",
        "DeleteUser",
        "DeleteUserAttributes",
        "ForgetDevice",
        "ForgotPassword",
        "GetCredentialsForIdentity",
        "GetId",
        "GetTokensFromRefreshToken",
        "GetUser",
        "GetUserAttributeVerificationCode",
        "GlobalSignOut",
        "InitiateAuth",
        "ListGroups",
        "ListUsers",
        "ListUsersInGroup",
        "ResendConfirmationCode",
        "RespondToAuthChallenge",
        "RevokeToken",
        "SetUserMFAPreference",
        "SignUp",
        "UpdateDeviceStatus",
        "UpdateUserAttributes",
        "VerifySoftwareToken",
        "VerifyUserAttribute",
    }
)

# Where an unknown user and a wrong password must not be told apart.
MASKED: Final = frozenset(
    {
        "AdminInitiateAuth",
        "AdminRespondToAuthChallenge",
        "ChangePassword",
        "InitiateAuth",
        "RespondToAuthChallenge",
    }
)

# Code: its class, and an operation that gives it, to be seen over the wire.
EXPECTED: Final[dict[str, tuple[str, str]]] = {
    "AliasExistsException": ("UserExistsError", "ConfirmSignUp"),
    "CodeDeliveryFailureException": ("CodeDeliveryError", "ForgotPassword"),
    "CodeMismatchException": ("CodeMismatchError", "RespondToAuthChallenge"),
    "ConcurrentModificationException": ("CognitoError", "AssociateSoftwareToken"),
    "DeviceKeyExistsException": ("CognitoError", "ConfirmDevice"),
    "EnableSoftwareTokenMFAException": ("CodeMismatchError", "VerifySoftwareToken"),
    "ExpiredCodeException": ("CodeExpiredError", "ConfirmForgotPassword"),
    "ExternalServiceException": ("CognitoError", "GetId"),
    "FeatureUnavailableInTierException": ("CognitoConfigurationError", "InitiateAuth"),
    "ForbiddenException": ("CognitoError", "InitiateAuth"),
    "GroupExistsException": ("GroupExistsError", "CreateGroup"),
    "InternalErrorException": ("CognitoError", "SignUp"),
    "InvalidEmailRoleAccessPolicyException": ("CognitoConfigurationError", "SignUp"),
    "InvalidIdentityPoolConfigurationException": (
        "CognitoConfigurationError",
        "GetCredentialsForIdentity",
    ),
    "InvalidLambdaResponseException": ("CognitoConfigurationError", "SignUp"),
    "InvalidPasswordException": ("PasswordPolicyError", "ChangePassword"),
    "InvalidSmsRoleAccessPolicyException": ("CognitoConfigurationError", "SignUp"),
    "InvalidSmsRoleTrustRelationshipException": ("CognitoConfigurationError", "SignUp"),
    "InvalidUserPoolConfigurationException": ("CognitoConfigurationError", "InitiateAuth"),
    "LimitExceededException": ("TooManyRequestsError", "ForgotPassword"),
    "MFAMethodNotFoundException": ("MfaError", "RespondToAuthChallenge"),
    "OperationNotEnabledException": ("CognitoConfigurationError", "InitiateAuth"),
    "PasswordHistoryPolicyViolationException": ("PasswordPolicyError", "ChangePassword"),
    "PasswordResetRequiredException": ("PasswordResetRequiredError", "InitiateAuth"),
    "PreconditionNotMetException": ("CognitoError", "AdminCreateUser"),
    "RefreshTokenReuseException": ("RefreshTokenReusedError", "GetTokensFromRefreshToken"),
    "ResourceConflictException": ("IdentityRefusedError", "GetId"),
    "ResourceNotFoundException": ("CognitoConfigurationError", "InitiateAuth"),
    "SoftwareTokenMFANotFoundException": ("MfaError", "AssociateSoftwareToken"),
    "TooManyFailedAttemptsException": ("TooManyRequestsError", "ConfirmSignUp"),
    "TooManyRequestsException": ("TooManyRequestsError", "InitiateAuth"),
    "UnauthorizedException": ("CognitoConfigurationError", "RevokeToken"),
    "UnexpectedLambdaException": ("CognitoError", "SignUp"),
    "UnsupportedOperationException": ("CognitoConfigurationError", "RevokeToken"),
    "UnsupportedTokenTypeException": ("CognitoConfigurationError", "RevokeToken"),
    "UnsupportedUserStateException": ("CognitoError", "AdminCreateUser"),
    "UserLambdaValidationException": ("CognitoError", "SignUp"),
    "UserNotConfirmedException": ("UserNotConfirmedError", "InitiateAuth"),
    "UserNotFoundException": ("UserNotFoundError", "ConfirmSignUp"),
    "UsernameExistsException": ("UserExistsError", "SignUp"),
}

# Told by the message, and for the first by the operation.
# Not in the model of the oldest botocore that is supported.
LATER: Final = frozenset({"FeatureUnavailableInTierException", "OperationNotEnabledException"})

SPECIAL: Final = frozenset({"NotAuthorizedException", "InvalidParameterException"})

# In no operation's model.
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/CommonErrors.html
COMMON: Final[dict[str, tuple[int, str]]] = {
    "AccessDeniedException": (400, "CognitoConfigurationError"),
    "ExpiredTokenException": (403, "CognitoConfigurationError"),
    "IncompleteSignature": (403, "CognitoConfigurationError"),
    "InternalFailure": (500, "CognitoError"),
    "InvalidClientTokenId": (403, "CognitoConfigurationError"),
    "InvalidSignatureException": (403, "CognitoConfigurationError"),
    "MissingAuthenticationTokenException": (403, "CognitoConfigurationError"),
    "RequestLimitExceeded": (400, "TooManyRequestsError"),
    "ServiceUnavailable": (503, "CognitoError"),
    "Throttling": (400, "TooManyRequestsError"),
    "ThrottlingException": (400, "TooManyRequestsError"),
    "UnrecognizedClientException": (403, "CognitoConfigurationError"),
}

RETRYABLE: Final = frozenset(
    {
        "ConcurrentModificationException",
        "ExternalServiceException",
        "InternalErrorException",
        "InternalFailure",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyFailedAttemptsException",
        "TooManyRequestsException",
    }
)

CHALLENGE: Final = AuthChallenge(name="SMS_MFA", username="ada", session=SecretStr(SESSION))
SETUP: Final = AuthChallenge(name="MFA_SETUP", username="ada", session=SecretStr(SESSION))
DEVICE: Final = DeviceCredentials(
    device_key="eu-west-1_device", device_group_key="group", password=SecretStr("d3v1ce")
)

# How each operation that the tables name is caused; those that botocore would send again are
# given no code that it waits for.
CALLS: Final[dict[str, Callable[[CognitoClient, AuthTokens], object]]] = {
    "AdminCreateUser": lambda client, _: client.create_user("ada"),
    "AdminInitiateAuth": lambda client, _: client.login_user(
        "ada", PASSWORD, auth_flow="ADMIN_USER_PASSWORD_AUTH"
    ),
    "AdminSetUserPassword": lambda client, _: client.set_user_password("ada", PASSWORD),
    "AssociateSoftwareToken": lambda client, _: client.associate_software_token(SETUP),
    "ChangePassword": lambda client, tokens: client.change_password(
        tokens, PASSWORD, "N3w!Passw0rd"
    ),
    "ConfirmDevice": lambda client, tokens: client.confirm_device(tokens),
    "ConfirmForgotPassword": lambda client, _: client.confirm_forgot_password(
        "ada", "123456", PASSWORD
    ),
    "ConfirmSignUp": lambda client, _: client.confirm_sign_up("ada", "123456"),
    "CreateGroup": lambda client, _: client.create_group("clerks"),
    "ForgetDevice": lambda client, tokens: client.forget_device(tokens, DEVICE),
    "ForgotPassword": lambda client, _: client.forgot_password("ada"),
    "GetCredentialsForIdentity": lambda client, _: client.get_guest_iam_credentials(
        identity_id=IDENTITY_POOL
    ),
    "GetId": lambda client, tokens: client.get_identity_id(tokens),
    "GetTokensFromRefreshToken": lambda client, tokens: client.refresh_tokens(tokens),
    "GetUser": lambda client, tokens: client.get_user(tokens),
    "InitiateAuth": lambda client, _: client.login_user("ada", PASSWORD),
    "RespondToAuthChallenge": lambda client, _: client.respond_to_challenge(CHALLENGE, "123456"),
    "RevokeToken": lambda client, tokens: client.revoke_token(tokens),
    "SignUp": lambda client, _: client.sign_up("ada", PASSWORD),
    "VerifySoftwareToken": lambda client, tokens: client.verify_software_token(tokens, "123456"),
}

# What the service says, as it is documented or seen; {} is the id of the app client.
# Message, code, operation, class.
TOLD: Final = [
    ("Device does not exist.", "ResourceNotFoundException", "ForgetDevice", "DeviceRefusedError"),
    ("Device does not exist.", "NotAuthorizedException", "InitiateAuth", "DeviceRefusedError"),
    ("User is disabled.", "NotAuthorizedException", "InitiateAuth", "UserDisabledError"),
    (
        "Password attempts exceeded",
        "NotAuthorizedException",
        "InitiateAuth",
        "TooManyRequestsError",
    ),
    (
        "Invalid session for the user, session is expired.",
        "NotAuthorizedException",
        "RespondToAuthChallenge",
        "ChallengeExpiredError",
    ),
    (
        "Invalid session for the user, session can only be used once.",
        "NotAuthorizedException",
        "AssociateSoftwareToken",
        "ChallengeExpiredError",
    ),
    (
        "Your session is expired.",
        "NotAuthorizedException",
        "RespondToAuthChallenge",
        "ChallengeExpiredError",
    ),
    (
        "Refresh Token has expired",
        "NotAuthorizedException",
        "GetTokensFromRefreshToken",
        "RefreshTokenExpiredError",
    ),
    (
        "Refresh Token has been revoked",
        "NotAuthorizedException",
        "GetTokensFromRefreshToken",
        "RefreshTokenRevokedError",
    ),
    (
        "Invalid Refresh Token.",
        "NotAuthorizedException",
        "GetTokensFromRefreshToken",
        "RefreshTokenError",
    ),
    ("Access Token has expired", "NotAuthorizedException", "GetUser", "TokenExpiredError"),
    (
        "Access Token has been revoked",
        "NotAuthorizedException",
        "GetUser",
        "TokenVerificationError",
    ),
    (
        "Access Token has been revoked",
        "NotAuthorizedException",
        "ChangePassword",
        "TokenVerificationError",
    ),
    ("Invalid Access Token", "NotAuthorizedException", "ChangePassword", "TokenVerificationError"),
    (
        "Invalid login token. Token expired: 1432136391 >= 1432135791",
        "NotAuthorizedException",
        "GetId",
        "TokenExpiredError",
    ),
    (
        "The ambiguous role mapping rules for: accounts.example.com denied this request.",
        "NotAuthorizedException",
        "GetCredentialsForIdentity",
        "RoleChoiceRequiredError",
    ),
    (
        "Temporary password has expired and must be reset by an administrator.",
        "NotAuthorizedException",
        "InitiateAuth",
        "TemporaryPasswordExpiredError",
    ),
    (
        "Unable to verify secret hash for client {}",
        "NotAuthorizedException",
        "InitiateAuth",
        "CognitoConfigurationError",
    ),
    (
        "SecretHash does not match for the client: {}",
        "NotAuthorizedException",
        "ConfirmSignUp",
        "CognitoConfigurationError",
    ),
    (
        "Client {} is configured with secret but SECRET_HASH was not received",
        "NotAuthorizedException",
        "SignUp",
        "CognitoConfigurationError",
    ),
    # https://github.com/furaiev/amazon-cognito-identity-dart-2/issues/164
    (
        "Client {} is configured for secret but secret was not received",
        "NotAuthorizedException",
        "InitiateAuth",
        "CognitoConfigurationError",
    ),
    (
        "Client {} is configured for secret but secret was not received",
        "NotAuthorizedException",
        "GetTokensFromRefreshToken",
        "CognitoConfigurationError",
    ),
    (
        "USER_PASSWORD_AUTH flow not enabled for this client",
        "InvalidParameterException",
        "InitiateAuth",
        "CognitoConfigurationError",
    ),
    (
        "Auth flow not enabled for this client",
        "NotAuthorizedException",
        "AdminInitiateAuth",
        "CognitoConfigurationError",
    ),
    (
        "Explicit auth flow not enabled",
        "InvalidParameterException",
        "InitiateAuth",
        "CognitoConfigurationError",
    ),
]

# What a refusal means whose text tells nothing.
REFUSED: Final = [
    ("AdminInitiateAuth", "InvalidCredentialsError"),
    ("AdminSetUserPassword", "CognitoError"),
    ("AssociateSoftwareToken", "ChallengeExpiredError"),
    ("ChangePassword", "InvalidCredentialsError"),
    ("ConfirmDevice", "TokenVerificationError"),
    ("ConfirmSignUp", "CognitoError"),
    ("GetCredentialsForIdentity", "IdentityRefusedError"),
    ("GetId", "IdentityRefusedError"),
    ("GetTokensFromRefreshToken", "RefreshTokenError"),
    ("GetUser", "TokenVerificationError"),
    ("InitiateAuth", "InvalidCredentialsError"),
    ("RespondToAuthChallenge", "InvalidCredentialsError"),
    ("VerifySoftwareToken", "TokenVerificationError"),
]


@cache
def codes_of_operations() -> dict[str, frozenset[str]]:
    """Return the codes that each operation of both services can give, as botocore knows them."""
    session = botocore.session.get_session()
    models = [session.get_service_model(name) for name in SERVICES]
    return {
        operation: frozenset(
            shape.metadata.get("error", {}).get("code") or shape.name
            for shape in model.operation_model(operation).error_shapes
        )
        for model in models
        for operation in model.operation_names
    }


def operations_named(tree: ast.AST) -> Iterator[str]:
    """Yield the operations that a module names, whole or by a prefix to those that it names."""
    known = codes_of_operations().keys()
    nodes = list(ast.walk(tree))
    whole = set(filter(known.__contains__, map(text_of, nodes)))
    yield from whole
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            prefix = text_of(node.values[0])
            yield from {f"{prefix}{name}" for name in whole} & known


def text_of(node: ast.AST) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def operations_used() -> set[str]:
    folder = Path(cognito.__file__).parent
    return {
        name
        for path in folder.rglob("*.py")
        for name in operations_named(ast.parse(path.read_text("utf-8")))
    }


def client_error(operation: str, code: str, message: str, status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": "request-1",
                "HostId": "",
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )


def translated(operation: str, code: str, message: str = "", status: int = 400) -> CognitoError:
    """Return what the edge makes of an answer of the operation."""
    return errors.from_client_error(
        client_error(operation, code, message, status),
        operation=operation,
        refused=InvalidCredentialsError if operation in MASKED else CognitoError,
    )


@pytest.fixture
def client(loopback: Any, session: Session, make_config: Callable[..., Any]) -> CognitoClient:
    config = CognitoClientConfig(
        **make_config(endpoint_url=loopback.url, refresh_token_rotation=True).model_dump(),
        identity_pool_id=IDENTITY_POOL,
        identity_endpoint_url=loopback.url,
    )
    return CognitoClient(config, session=session)


@pytest.fixture
def tokens(signer: Any) -> AuthTokens:
    return AuthTokens(
        id_token=SecretStr(signer.token()),
        access_token=SecretStr(signer.token("access")),
        refresh_token=SecretStr("refresh-1"),
        expires_at=datetime.now(UTC),
        username="ada",
        sub="5f1c",
        device_key="eu-west-1_device",
        device_group_key="group",
    )


@pytest.fixture
def failure(
    client: CognitoClient, loopback: Any, tokens: AuthTokens
) -> Callable[..., CognitoError]:
    """Cause an operation that is answered by an error; return what is raised."""

    def cause(operation: str, code: str, message: str = "", status: int = 400) -> CognitoError:
        loopback.default = (status, {"__type": code, "message": message})
        loopback.headers = {"x-amzn-RequestId": "request-1"}
        with pytest.raises(CognitoError) as caught:
            CALLS[operation](client, tokens)
        assert operation in [request["operation"] for request in loopback.requests]
        return caught.value

    return cause


def status_of(code: str) -> int:
    return 500 if code == "InternalErrorException" else 400


def test_the_operations_used_are_known_here() -> None:
    used = operations_used()

    assert {"AdminInitiateAuth", "GetId", "GetTokensFromRefreshToken"} <= used
    assert used - OPERATIONS == set(), "new: see that EXPECTED has their codes, then add them"
    assert OPERATIONS - used == set(), "no longer used"


def test_every_code_of_the_operations_used_is_known_here() -> None:
    given_by: dict[str, set[str]] = {}
    for operation in operations_used():
        for code in codes_of_operations()[operation]:
            given_by.setdefault(code, set()).add(operation)
    known = EXPECTED.keys() | SPECIAL

    new = {code: names for code, names in given_by.items() if code not in known}
    assert new == {}, "botocore's model has codes that EXPECTED lacks"
    assert known - given_by.keys() - LATER == set(), "botocore's model has them no more"


@pytest.mark.parametrize("code", EXPECTED)
def test_a_code_becomes_its_class_from_every_operation_that_gives_it(code: str) -> None:
    givers = [name for name in OPERATIONS if code in codes_of_operations()[name]]

    assert givers or code in LATER
    for operation in givers:
        masked = operation in MASKED and code == "UserNotFoundException"
        error = translated(operation, code, "It failed.", status_of(code))
        expected = "InvalidCredentialsError" if masked else EXPECTED[code][0]
        assert type(error).__name__ == expected, operation


@pytest.mark.parametrize("code", EXPECTED)
def test_a_code_becomes_its_class_over_the_wire(
    failure: Callable[..., CognitoError], code: str
) -> None:
    expected, operation = EXPECTED[code]
    assert code in codes_of_operations()[operation] | LATER

    error = failure(operation, code, "It failed.", status_of(code))

    assert type(error).__name__ == expected
    assert (error.code, error.operation, error.request_id) == (code, operation, "request-1")
    assert error.retryable is (code in RETRYABLE)
    assert str(error) == f"{operation} failed: It failed. ({code})"
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("code", [*EXPECTED, *SPECIAL, *COMMON])
def test_only_what_may_pass_by_itself_is_retryable(code: str) -> None:
    status = COMMON[code][0] if code in COMMON else status_of(code)

    assert translated("SignUp", code, status=status).retryable is (code in RETRYABLE)
    assert translated("SignUp", code, status=503).retryable


@pytest.mark.parametrize("code", COMMON)
def test_a_code_that_all_services_share_becomes_its_class(code: str) -> None:
    status, expected = COMMON[code]

    assert type(translated("AdminGetUser", code, status=status)).__name__ == expected


@pytest.mark.parametrize(
    "operation",
    ["AdminInitiateAuth", "ChangePassword", "InitiateAuth", "RespondToAuthChallenge"],
)
def test_an_unknown_user_looks_exactly_like_a_wrong_password(
    failure: Callable[..., CognitoError], operation: str
) -> None:
    unknown = failure(operation, "UserNotFoundException", "User does not exist.")
    wrong = failure(operation, "NotAuthorizedException", "Incorrect username or password.")

    assert type(unknown) is type(wrong) is InvalidCredentialsError
    assert str(unknown) == str(wrong)
    assert vars(unknown) == vars(wrong)
    assert unknown.code == "NotAuthorizedException"
    assert (unknown.__context__, unknown.__cause__) == (None, None)


@pytest.mark.parametrize(
    ("message", "code", "operation", "expected"),
    TOLD,
    ids=[f"{operation}: {message}" for message, _, operation, _ in TOLD],
)
def test_a_message_tells_the_kind(
    failure: Callable[..., CognitoError], message: str, code: str, operation: str, expected: str
) -> None:
    error = failure(operation, code, message.format("1example23456789"))

    assert type(error).__name__ == expected
    assert (error.code, error.operation, error.request_id) == (code, operation, "request-1")
    assert error.retryable is (expected == "TooManyRequestsError")


@pytest.mark.parametrize("case", [str.upper, str.lower], ids=["upper", "lower"])
def test_a_message_tells_the_kind_in_any_case_of_letters(case: Callable[[str], str]) -> None:
    for message, code, operation, _ in TOLD:
        kind = type(translated(operation, code, message))
        assert type(translated(operation, code, case(message))) is kind, message


def test_every_text_that_the_package_looks_for_is_in_a_message_here() -> None:
    messages = [message.lower() for message, *_ in TOLD]

    for text, _ in error_codes.BY_MESSAGE:
        assert any(text in message for message in messages), text


@pytest.mark.parametrize("code", sorted(EXPECTED.keys() - {"ResourceNotFoundException"}))
def test_a_message_tells_nothing_where_the_code_does(code: str) -> None:
    for message, *_ in TOLD:
        assert type(translated("SignUp", code, message)).__name__ == EXPECTED[code][0], message


@pytest.mark.parametrize(("operation", "expected"), REFUSED)
def test_a_refusal_means_what_it_can_mean_there(
    failure: Callable[..., CognitoError], operation: str, expected: str
) -> None:
    error = failure(operation, "NotAuthorizedException", "No.")

    assert type(error).__name__ == expected
    assert (error.code, error.retryable) == ("NotAuthorizedException", False)


@pytest.mark.parametrize("operation", ["InitiateAuth", "GetId", "SignUp"])
def test_a_code_that_nobody_knows_is_a_plain_error(
    failure: Callable[..., CognitoError], operation: str
) -> None:
    error = failure(operation, "QuotaOfTheYear2099Exception", "It failed.")

    assert type(error) is CognitoError
    assert (error.code, error.operation, error.request_id, error.retryable) == (
        "QuotaOfTheYear2099Exception",
        operation,
        "request-1",
        False,
    )


def test_an_error_without_anything_is_an_error_of_ours() -> None:
    error = errors.from_client_error(
        ClientError({}, "SignUp"), operation="SignUp", refused=CognitoError
    )

    assert type(error) is CognitoError
    assert (error.operation, error.request_id, error.retryable) == ("SignUp", None, False)


codes = st.sampled_from([*EXPECTED, *SPECIAL, *COMMON]) | st.text(max_size=2000)
messages = st.text(max_size=2000) | st.sampled_from([message for message, *_ in TOLD])
PAGE: Final = f"<html><body>{'Bad gateway ' * 200}</body></html>"


@given(code=codes, message=messages, status=st.integers(200, 599))
@example(code=PAGE, message="", status=502)
@example(code="InternalErrorException", message=PAGE, status=502)
@example(code="x" * 2000, message="", status=400)
def test_whatever_the_service_says_the_text_is_short_and_no_page(
    code: str, message: str, status: int
) -> None:
    for operation in ("InitiateAuth", "SignUp"):
        error = translated(operation, code, message, status)

        assert "<" not in str(error)
        assert len(str(error)) <= 500


# The server and the client are the same for all the examples, and remember nothing that matters.
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(code=codes, message=messages, status=st.integers(200, 599))
@example(code=PAGE, message="", status=502)
@example(code="a#b:c", message="", status=400)
def test_whatever_comes_over_the_wire_is_an_error_of_ours(
    failure: Callable[..., CognitoError], code: str, message: str, status: int
) -> None:
    error = failure("InitiateAuth", code, message, status)

    assert "<" not in str(error)
    assert len(str(error)) <= 500
    assert (error.__cause__, error.__context__) == (None, None)
