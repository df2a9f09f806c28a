"""What is sent again, and what never: requests counted at a server that fails in one way each.

Reads and admin calls go by botocore's standard mode, which makes three attempts. Sign-in,
challenge, code and password calls are sent once: a retried LimitExceeded burns the limit, and the
session of a challenge can be used once.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import SecretStr

from saigon.aws.cognito import (
    AuthChallenge,
    AuthTokens,
    CognitoClient,
    CognitoClientConfig,
    CognitoIdp,
    CognitoIdpConfig,
    DeviceCredentials,
)
from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoError,
    DeviceRefusedError,
    GroupNotFoundError,
    TokenVerificationError,
    UserNotFoundError,
)

ONCE: Final = 1
RETRIED: Final = 3

IDENTITY_POOL: Final = "eu-west-1:5f1c0000-0000-4000-8000-000000000000"
SESSION: Final = "session-of-twenty-characters"
PASSWORD: Final = "Passw0rd!x"
NEW_PASSWORD: Final = "N3w!Passw0rd"
CODE: Final = "123456"


def unsigned(use: str) -> str:
    """Return a token that says what it is for; nothing here looks at its signature."""
    claims = json.dumps({"token_use": use, "sub": "5f1c"}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode()}.c2ln"


TOKENS: Final = AuthTokens(
    id_token=SecretStr(unsigned("id")),
    access_token=SecretStr(unsigned("access")),
    refresh_token=SecretStr("refresh-1"),
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    username="ada",
    sub="5f1c",
    device_key="eu-west-1_device",
    device_group_key="group",
)
DEVICE: Final = DeviceCredentials(
    device_key="eu-west-1_device", device_group_key="group", password=SecretStr("d3v1ce")
)
CHALLENGE: Final = AuthChallenge(name="SMS_MFA", username="ada", session=SecretStr(SESSION))
ADMINS_CHALLENGE: Final = CHALLENGE.model_copy(update={"by_admin": True})
SETUP: Final = AuthChallenge(name="MFA_SETUP", username="ada", session=SecretStr(SESSION))

Answer = tuple[int, Any] | None
NEW_USER: Final[Answer] = (
    200,
    {"User": {"Username": "ada", "UserStatus": "FORCE_CHANGE_PASSWORD", "Attributes": []}},
)
IDENTITY: Final[Answer] = (200, {"IdentityId": IDENTITY_POOL})


def asked(name: str, **parameters: str) -> Answer:
    return 200, {"ChallengeName": name, "Session": SESSION, "ChallengeParameters": parameters}


SRP_ASKED: Final = {
    "USER_ID_FOR_SRP": "ada",
    "SALT": "5a17",
    "SRP_B": "b" * 64,
    "SECRET_BLOCK": "c2VjcmV0",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a public method, and how often the operation that fails is to be sent."""

    method: str
    operation: str
    attempts: int
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Answer, ...] = ()
    """What the service answers before it fails."""
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    """What tells it from another call of the method."""

    def __str__(self) -> str:
        return f"{self.method}-{self.name or self.operation}"

    def make(self, client: CognitoIdp) -> object:
        """Call the method, and have done what it left for later."""
        result = getattr(client, self.method)(*self.arguments, **self.options)
        if isinstance(result, Session):
            credentials = result.get_credentials()
            assert credentials is not None
            return credentials.get_frozen_credentials()
        return list(result) if isinstance(result, Iterator) else result


# Sign-in.
SIGN_IN: Final = [
    Call("login_user", "InitiateAuth", ONCE, ("ada", PASSWORD)),
    Call(
        "login_user",
        "InitiateAuth",
        ONCE,
        ("ada", PASSWORD),
        {"auth_flow": "USER_SRP_AUTH"},
        name="srp",
    ),
    Call(
        "login_user",
        "AdminInitiateAuth",
        ONCE,
        ("ada", PASSWORD),
        {"auth_flow": "ADMIN_USER_PASSWORD_AUTH"},
    ),
    Call("initiate_auth", "InitiateAuth", ONCE, ("ada", PASSWORD)),
    Call(
        "initiate_auth",
        "AdminInitiateAuth",
        ONCE,
        ("ada", PASSWORD),
        {"auth_flow": "ADMIN_USER_PASSWORD_AUTH"},
    ),
    # A refresh token that rotates counts as stolen when it is used again.
    Call(
        "refresh_tokens",
        "GetTokensFromRefreshToken",
        ONCE,
        (TOKENS,),
        config={"refresh_token_rotation": True},
    ),
]

CHALLENGES: Final = [
    Call("respond_to_challenge", "RespondToAuthChallenge", ONCE, (CHALLENGE, CODE)),
    Call("respond_to_challenge", "AdminRespondToAuthChallenge", ONCE, (ADMINS_CHALLENGE, CODE)),
    Call("respond_to_challenge", "VerifySoftwareToken", ONCE, (SETUP, CODE)),
    Call(
        "respond_to_challenge",
        "RespondToAuthChallenge",
        ONCE,
        (SETUP, CODE),
        before=((200, {"Status": "SUCCESS", "Session": SESSION}),),
        name="setup",
    ),
    Call(
        "login_user",
        "RespondToAuthChallenge",
        ONCE,
        ("ada", PASSWORD),
        {"new_password": NEW_PASSWORD},
        before=(asked("NEW_PASSWORD_REQUIRED"),),
        name="new-password",
    ),
    Call(
        "login_user",
        "RespondToAuthChallenge",
        ONCE,
        ("ada", PASSWORD),
        {"auth_flow": "USER_SRP_AUTH"},
        before=(asked("PASSWORD_VERIFIER", **SRP_ASKED),),
        name="proof",
    ),
    Call(
        "login_user",
        "RespondToAuthChallenge",
        ONCE,
        ("ada", PASSWORD),
        {"device": DEVICE},
        before=(asked("DEVICE_SRP_AUTH"),),
        name="device",
    ),
    Call("associate_software_token", "AssociateSoftwareToken", ONCE, (SETUP,), name="setup"),
]

CODES: Final = [
    Call("sign_up", "SignUp", ONCE, ("ada", PASSWORD)),
    Call("confirm_sign_up", "ConfirmSignUp", ONCE, ("ada", CODE)),
    Call("confirm_user", "ConfirmSignUp", ONCE, ("ada", CODE)),
    Call("resend_confirmation_code", "ResendConfirmationCode", ONCE, ("ada",)),
    Call("forgot_password", "ForgotPassword", ONCE, ("ada",)),
    Call("confirm_forgot_password", "ConfirmForgotPassword", ONCE, ("ada", CODE, PASSWORD)),
    Call("send_attribute_code", "GetUserAttributeVerificationCode", ONCE, (TOKENS, "email")),
    Call("verify_user_attribute", "VerifyUserAttribute", ONCE, (TOKENS, "email", CODE)),
    # It sends codes.
    Call(
        "update_user_attributes",
        "UpdateUserAttributes",
        ONCE,
        (TOKENS, {"email": "ada@example.com"}),
    ),
    Call("associate_software_token", "AssociateSoftwareToken", ONCE, (TOKENS,)),
    Call("verify_software_token", "VerifySoftwareToken", ONCE, (TOKENS, CODE)),
]

PASSWORDS: Final = [
    Call("change_password", "ChangePassword", ONCE, (TOKENS, PASSWORD, NEW_PASSWORD)),
    Call("set_user_password", "AdminSetUserPassword", ONCE, ("ada", PASSWORD)),
    Call("create_user", "AdminSetUserPassword", ONCE, ("ada", PASSWORD), before=(NEW_USER,)),
    # It gives the device a password.
    Call("confirm_device", "ConfirmDevice", ONCE, (TOKENS,)),
]

# A second attempt would find the first.
NOT_IDEMPOTENT: Final = [
    Call("get_guest_iam_credentials", "GetId", ONCE),
    Call("create_user", "AdminCreateUser", ONCE, ("ada",)),
    Call("create_group", "CreateGroup", ONCE, ("clerks",)),
]

READS: Final = [
    Call("get_user", "GetUser", RETRIED, (TOKENS,)),
    Call("admin_get_user", "AdminGetUser", RETRIED, ("ada",)),
    Call("list_users", "ListUsers", RETRIED),
    Call("list_users_page", "ListUsers", RETRIED),
    Call("list_groups", "ListGroups", RETRIED),
    Call("list_groups_for_user", "AdminListGroupsForUser", RETRIED, ("ada",)),
    Call("list_users_in_group", "ListUsersInGroup", RETRIED, ("clerks",)),
    Call(
        "create_user",
        "AdminGetUser",
        RETRIED,
        ("ada",),
        {"exist_ok": True},
        before=((400, {"__type": "UsernameExistsException"}),),
    ),
    Call("get_identity_id", "GetId", RETRIED, (TOKENS,)),
    Call("get_iam_credentials", "GetId", RETRIED, (TOKENS,)),
    Call(
        "get_iam_credentials", "GetCredentialsForIdentity", RETRIED, (TOKENS,), before=(IDENTITY,)
    ),
    Call(
        "get_guest_iam_credentials",
        "GetCredentialsForIdentity",
        RETRIED,
        options={"identity_id": IDENTITY_POOL},
    ),
    Call("boto3_session", "GetId", RETRIED, (TOKENS,)),
    Call("boto3_session", "GetCredentialsForIdentity", RETRIED, (TOKENS,), before=(IDENTITY,)),
]

ADMIN_CALLS: Final = [
    Call("delete_user", "AdminDeleteUser", RETRIED, ("ada",)),
    Call("confirm_user", "AdminConfirmSignUp", RETRIED, ("ada",)),
    Call("enable_user", "AdminEnableUser", RETRIED, ("ada",)),
    Call("disable_user", "AdminDisableUser", RETRIED, ("ada",)),
    Call("admin_sign_out", "AdminUserGlobalSignOut", RETRIED, ("ada",)),
    Call(
        "admin_update_user_attributes",
        "AdminUpdateUserAttributes",
        RETRIED,
        ("ada", {"name": "Ada"}),
    ),
    Call("admin_delete_user_attributes", "AdminDeleteUserAttributes", RETRIED, ("ada", ["name"])),
    Call(
        "admin_set_user_mfa_preference",
        "AdminSetUserMFAPreference",
        RETRIED,
        ("ada",),
        {"sms": True},
    ),
    Call("add_user_to_group", "AdminAddUserToGroup", RETRIED, ("ada", "clerks")),
    Call("remove_user_from_group", "AdminRemoveUserFromGroup", RETRIED, ("ada", "clerks")),
    Call("delete_group", "DeleteGroup", RETRIED, ("clerks",)),
    Call(
        "create_user",
        "AdminAddUserToGroup",
        RETRIED,
        ("ada",),
        {"groups": ["clerks"]},
        before=(NEW_USER,),
    ),
    Call(
        "create_user",
        "AdminDeleteUser",
        RETRIED,
        ("ada", PASSWORD),
        before=(NEW_USER,),
    ),
]

# The specification names them neither way; they are the same when they are done twice.
THE_SAME_TWICE: Final = [
    Call("refresh_tokens", "InitiateAuth", RETRIED, (TOKENS,)),
    Call("revoke_token", "RevokeToken", RETRIED, (TOKENS,)),
    Call("sign_out", "GlobalSignOut", RETRIED, (TOKENS,)),
    Call("delete_own_user", "DeleteUser", RETRIED, (TOKENS,)),
    Call("delete_user_attributes", "DeleteUserAttributes", RETRIED, (TOKENS, ["name"])),
    Call("set_user_mfa_preference", "SetUserMFAPreference", RETRIED, (TOKENS,), {"sms": True}),
    Call(
        "update_device_status",
        "UpdateDeviceStatus",
        RETRIED,
        (TOKENS, DEVICE),
        {"remembered": True},
    ),
    Call("forget_device", "ForgetDevice", RETRIED, (TOKENS, DEVICE)),
]

CALLS: Final = [
    *SIGN_IN,
    *CHALLENGES,
    *CODES,
    *PASSWORDS,
    *NOT_IDEMPOTENT,
    *READS,
    *ADMIN_CALLS,
    *THE_SAME_TWICE,
]

# They call no operation; the pool's keys, which they may fetch, have tests of their own.
WITHOUT_OPERATION: Final = frozenset({"verify_access_token", "verify_id_token"})

FAILURES: Final[dict[str, Answer]] = {
    "internal": (500, {"__type": "InternalErrorException", "message": ""}),
    "throttled": (400, {"__type": "TooManyRequestsException", "message": ""}),
    "limit": (400, {"__type": "LimitExceededException", "message": ""}),
    "refused": (400, {"__type": "NotAuthorizedException", "message": ""}),
    "silent": None,
}


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make botocore wait no time between attempts, of which it makes as many as before."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr("botocore.retryhandler.delay_exponential", lambda *_, **__: 0.0)


@pytest.fixture
def make_client(
    loopback: Any,
    scripted: Callable[..., CognitoIdp],
    session: Session,
    make_config: Callable[..., Any],
) -> Callable[..., CognitoIdp]:
    """Make the client that has a method, each anew: botocore's quota of retries is a client's."""

    def make(method: str, **config: Any) -> CognitoIdp:
        if hasattr(CognitoIdp, method):
            return scripted(**config)
        both = CognitoClientConfig(
            **make_config(endpoint_url=loopback.url, **config).model_dump(),
            identity_pool_id=IDENTITY_POOL,
            identity_endpoint_url=loopback.url,
        )
        return CognitoClient(both, session=session)

    return make


def operations(loopback: Any) -> list[str]:
    return [request["operation"] for request in loopback.requests]


@pytest.mark.parametrize("owner", [CognitoIdp, CognitoClient])
def test_every_public_method_is_counted(owner: type[CognitoIdp]) -> None:
    counted = {call.method for call in CALLS if hasattr(owner, call.method)} | WITHOUT_OPERATION
    public = {name for name in dir(owner) if not name.startswith("_")}

    assert "login_user" in public
    assert public - counted == set(), "new: say whether it is sent again"
    assert counted - public == set(), "there no more"


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_failing_operation_is_sent_as_often_as_it_should_be(
    make_client: Callable[..., CognitoIdp], loopback: Any, call: Call, failure: str
) -> None:
    loopback.answers = list(call.before)
    loopback.default = FAILURES[failure]
    client = make_client(call.method, **call.config)

    with pytest.raises(CognitoError) as caught:
        call.make(client)

    expected = ONCE if failure == "refused" else call.attempts
    assert operations(loopback).count(call.operation) == expected
    assert caught.value.retryable is (failure != "refused")


# botocore's modes both, of which the first is its default.
@pytest.mark.parametrize(
    ("mode", "failure"),
    [("legacy", "internal"), ("legacy", "silent"), ("standard", "limit"), ("standard", "silent")],
)
def test_a_ready_client_sends_once_what_is_to_be_sent_once(
    loopback: Any,
    session: Session,
    make_config: Callable[..., Any],
    *,
    mode: Any,
    failure: str,
) -> None:
    retries, url = Config(retries={"mode": mode}), loopback.url
    idp = session.client("cognito-idp", endpoint_url=url, config=retries)
    identity = session.client("cognito-identity", endpoint_url=url, config=retries)
    for call in (each for each in CALLS if each.attempts == ONCE):
        loopback.requests.clear()
        loopback.answers, loopback.default = list(call.before), FAILURES[failure]
        config = CognitoClientConfig(
            **make_config(endpoint_url=url, **call.config).model_dump(),
            identity_pool_id=IDENTITY_POOL,
            identity_endpoint_url=url,
        )

        with pytest.raises(CognitoError):
            call.make(CognitoClient(config, client=idp, identity_client=identity))

        assert operations(loopback).count(call.operation) == ONCE, call


def test_a_ready_client_is_left_as_it_was_to_others(loopback: Any, session: Session) -> None:
    client = session.client(
        "cognito-idp", endpoint_url=loopback.url, config=Config(retries={"mode": "standard"})
    )
    for _ in range(3):  # one for each request, as somebody may do it
        idp = CognitoIdp(
            CognitoIdpConfig(user_pool_id="eu-west-1_AbCdEfGhI", client_id="c"), client=client
        )
    loopback.default = FAILURES["internal"]
    with pytest.raises(CognitoError):
        idp.login_user("ada", PASSWORD)
    loopback.requests.clear()

    with pytest.raises(ClientError):
        client.forgot_password(ClientId="c", Username="ada")

    assert operations(loopback) == ["ForgotPassword"] * RETRIED


def test_a_call_within_a_call_changes_nothing_of_it(loopback: Any, session: Session) -> None:
    """The credentials of one may come from another, as those of ``boto3_session`` do."""
    config = CognitoIdpConfig(
        user_pool_id="eu-west-1_AbCdEfGhI", client_id="c", endpoint_url=loopback.url
    )
    inner, outer = (
        CognitoIdp(config, session=session),
        session.client(
            "cognito-idp", endpoint_url=loopback.url, config=Config(retries={"mode": "standard"})
        ),
    )
    user = (200, {"Username": "ada", "UserAttributes": []})

    def look(**_: Any) -> None:
        inner.admin_get_user("ada")

    outer.meta.events.register("before-call.cognito-idp.AdminCreateUser", look)
    loopback.answers = [user]
    loopback.default = FAILURES["internal"]

    with pytest.raises(CognitoError):
        CognitoIdp(config, client=outer).create_user("eve")

    assert operations(loopback).count("AdminCreateUser") == ONCE


def test_a_client_of_something_else_is_refused(make_config: Callable[..., Any]) -> None:
    wrong: Any = "cognito-idp"
    with pytest.raises(CognitoConfigurationError, match="boto3 client"):
        CognitoIdp(make_config(), client=wrong)


def test_the_second_attempt_may_succeed(
    make_client: Callable[..., CognitoIdp], loopback: Any
) -> None:
    user = {"Username": "ada", "UserAttributes": []}
    for lost in ("internal", "throttled", "limit", "silent"):
        loopback.answers = [FAILURES[lost], (200, user)]

        assert make_client("admin_get_user").admin_get_user("ada").username == "ada"

    assert operations(loopback) == ["AdminGetUser"] * 8


NO_USER: Final = (400, {"__type": "UserNotFoundException", "message": "User does not exist."})
NO_TOKEN: Final = (
    400,
    {"__type": "NotAuthorizedException", "message": "Access Token has been revoked"},
)
NO_DEVICE: Final = (
    400,
    {"__type": "ResourceNotFoundException", "message": "Device does not exist."},
)
NO_GROUP: Final = (400, {"__type": "ResourceNotFoundException", "message": "Group not found."})
DELETE_USER: Final = Call("delete_user", "AdminDeleteUser", RETRIED, ("ada",))
DELETE_OWN_USER: Final = Call("delete_own_user", "DeleteUser", RETRIED, (TOKENS,))
SIGN_OUT: Final = Call("sign_out", "GlobalSignOut", RETRIED, (TOKENS,))
FORGET_DEVICE: Final = Call("forget_device", "ForgetDevice", RETRIED, (TOKENS, DEVICE))
IS_CONFIRMED: Final = (
    400,
    {
        "__type": "NotAuthorizedException",
        "message": "User cannot be confirmed. Current status is CONFIRMED",
    },
)
CONFIRM_USER: Final = Call("confirm_user", "AdminConfirmSignUp", RETRIED, ("ada",))
DELETE_GROUP: Final = Call("delete_group", "DeleteGroup", RETRIED, ("clerks",))


@dataclass(frozen=True, slots=True)
class Done:
    """A call, and how the service says that there is nothing left for it to do."""

    call: Call
    answer: Answer
    error: type[CognitoError]

    def __str__(self) -> str:
        return self.call.method


done_already = pytest.mark.parametrize(
    "done",
    [
        Done(DELETE_USER, NO_USER, UserNotFoundError),
        Done(DELETE_OWN_USER, NO_USER, UserNotFoundError),
        Done(SIGN_OUT, NO_TOKEN, TokenVerificationError),
        Done(FORGET_DEVICE, NO_DEVICE, DeviceRefusedError),
        Done(DELETE_GROUP, NO_GROUP, GroupNotFoundError),
        Done(CONFIRM_USER, IS_CONFIRMED, CognitoError),
    ],
    ids=str,
)


class TestWhatAnAttemptBeforeHasDone:
    @done_already
    @pytest.mark.parametrize(
        "lost",
        [("internal",), ("silent",), ("internal", "throttled"), ("throttled", "silent")],
        ids="-".join,
    )
    def test_is_no_error_where_its_answer_was_lost(
        self,
        make_client: Callable[..., CognitoIdp],
        loopback: Any,
        done: Done,
        lost: tuple[str, ...],
    ) -> None:
        loopback.answers = [*(FAILURES[each] for each in lost), done.answer]

        assert done.call.make(make_client(done.call.method)) is None

        assert operations(loopback) == [done.call.operation] * (len(lost) + 1)

    @done_already
    def test_is_nothing_where_there_was_none(
        self, make_client: Callable[..., CognitoIdp], loopback: Any, done: Done
    ) -> None:
        loopback.answers = [done.answer]

        with pytest.raises(done.error):
            done.call.make(make_client(done.call.method))

        assert operations(loopback) == [done.call.operation]

    @done_already
    def test_is_nothing_where_it_was_turned_away(
        self, make_client: Callable[..., CognitoIdp], loopback: Any, done: Done
    ) -> None:
        loopback.answers = [FAILURES["throttled"], done.answer]

        with pytest.raises(done.error):
            done.call.make(make_client(done.call.method))

        assert operations(loopback) == [done.call.operation] * 2

    @done_already
    def test_is_nothing_where_it_was_never_sent(
        self, session: Session, loopback: Any, done: Done
    ) -> None:
        client = session.client(
            "cognito-idp", endpoint_url=loopback.url, config=Config(retries={"mode": "standard"})
        )
        failures = [EndpointConnectionError(endpoint_url=loopback.url)]

        def fail_once(**_: Any) -> None:
            if failures:
                raise failures.pop()

        client.meta.events.register("before-send.cognito-idp", fail_once)
        loopback.answers = [done.answer]
        config = CognitoIdpConfig(user_pool_id="eu-west-1_AbCdEfGhI", client_id="c")

        with pytest.raises(done.error):
            done.call.make(CognitoIdp(config, client=client))

        assert failures == []

    # These say nothing of what the first attempt has done.
    @pytest.mark.parametrize(
        ("call", "code", "message"),
        [
            (DELETE_USER, "AccessDeniedException", "Not allowed"),
            (DELETE_OWN_USER, "NotAuthorizedException", "Access Token has expired"),
            (SIGN_OUT, "NotAuthorizedException", "Access Token has expired"),
            (SIGN_OUT, "NotAuthorizedException", "Invalid Access Token"),
            (FORGET_DEVICE, "NotAuthorizedException", "Access Token has been revoked"),
            (DELETE_GROUP, "AccessDeniedException", "Not allowed"),
            (DELETE_GROUP, "ExpiredTokenException", "The security token is expired"),
        ],
        ids=str,
    )
    def test_is_not_told_by_another_error(
        self,
        make_client: Callable[..., CognitoIdp],
        loopback: Any,
        call: Call,
        code: str,
        message: str,
    ) -> None:
        loopback.answers = [
            FAILURES["internal"],
            (400, {"__type": code, "message": message}),
        ]

        with pytest.raises(CognitoError) as caught:
            call.make(make_client(call.method))

        assert caught.value.code == code
        assert operations(loopback) == [call.operation] * 2
