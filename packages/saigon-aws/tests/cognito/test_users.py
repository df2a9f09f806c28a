from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from saigon.aws.cognito import CognitoIdp
from saigon.aws.cognito.exceptions import (
    ChallengeRequiredError,
    CognitoConnectionError,
    CognitoError,
    GroupNotFoundError,
    InvalidInputError,
    PasswordPolicyError,
    UserDisabledError,
    UserExistsError,
    UserNotFoundError,
)
from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool

PASSWORD = "Passw0rd!x"
Hooked = tuple[CognitoIdp, Any]


def fails(error: BaseException) -> Any:
    def handler(**_: Any) -> None:
        raise error

    return handler


def lost() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="http://127.0.0.1")


@pytest.fixture
def group(aws: LocalAws, aws_user_pool: LocalUserPool) -> str:
    aws.client("cognito-idp").create_group(
        UserPoolId=aws_user_pool.user_pool_id, GroupName="clerks"
    )
    return "clerks"


class TestCreateUser:
    def test_a_user_has_password_attributes_and_groups(self, idp: CognitoIdp, group: str) -> None:
        started = datetime.now(UTC)

        user = idp.create_user(
            "ada", PASSWORD, attributes={"email": "ada@example.com"}, groups=[group, group]
        )

        assert user.status == "CONFIRMED"
        assert user.attributes["email"] == "ada@example.com"
        assert user.created_at is not None
        assert user.created_at >= started - timedelta(seconds=1)
        assert user.created_at.tzinfo is UTC
        assert user == idp.admin_get_user("ada").model_copy(
            update={"modified_at": user.modified_at}
        )
        tokens = idp.login_user("ada", PASSWORD)
        assert tokens.sub == user.sub
        assert idp.verify_id_token(tokens).groups == (group,)

    def test_a_password_is_taken_exactly_as_it_is(self, idp: CognitoIdp) -> None:
        password = "Pä ss0rd!e\u0301ß "
        idp.create_user("ada", password)

        assert idp.login_user("ada", password).username == "ada"
        with pytest.raises(CognitoError):
            idp.login_user("ada", password.strip())

    def test_a_temporary_password_has_to_be_changed(self, idp: CognitoIdp) -> None:
        user = idp.create_user("ada", PASSWORD, temporary=True)

        assert user.status == "FORCE_CHANGE_PASSWORD"
        with pytest.raises(ChallengeRequiredError) as caught:
            idp.login_user("ada", PASSWORD)
        assert caught.value.challenge.name == "NEW_PASSWORD_REQUIRED"
        assert idp.login_user("ada", PASSWORD, new_password="N3w!Passw0rd").username == "ada"

    def test_an_invitation_is_sent_only_when_asked_for(self, hooked: Hooked) -> None:
        idp, events = hooked
        sent: list[dict[str, Any]] = []
        events.register(
            "provide-client-params.cognito-idp.AdminCreateUser",
            lambda params, **_: sent.append(params),
        )

        idp.create_user("ada", PASSWORD)
        idp.create_user("eve", notify_user=True)

        assert sent[0]["MessageAction"] == "SUPPRESS"
        assert "TemporaryPassword" not in sent[0]
        assert "MessageAction" not in sent[1]

    def test_an_invitation_with_a_password_it_does_not_carry_is_refused(
        self, idp: CognitoIdp
    ) -> None:
        with pytest.raises(InvalidInputError, match="notify_user"):
            idp.create_user("ada", PASSWORD, notify_user=True)

    def test_a_user_who_exists_is_left_untouched(self, idp: CognitoIdp, group: str) -> None:
        idp.create_user("ada", PASSWORD)
        before = idp.admin_get_user("ada")

        with pytest.raises(UserExistsError):
            idp.create_user("ada", "An0ther!pass", groups=[group])
        found = idp.create_user("ada", "An0ther!pass", groups=[group], exist_ok=True)

        assert found == before == idp.admin_get_user("ada")
        assert idp.verify_id_token(idp.login_user("ada", PASSWORD)).groups == ()

    def test_a_weak_password_leaves_no_user_behind(self, idp: CognitoIdp) -> None:
        with pytest.raises(PasswordPolicyError):
            idp.create_user("ada", "weak")

        assert list(idp.list_users()) == []

    def test_an_unknown_group_leaves_no_user_behind(self, idp: CognitoIdp) -> None:
        with pytest.raises(GroupNotFoundError):
            idp.create_user("ada", PASSWORD, groups=["nobody"])

        assert list(idp.list_users()) == []

    @pytest.mark.parametrize("operation", ["AdminSetUserPassword", "AdminAddUserToGroup"])
    @pytest.mark.parametrize("when", ["before-call", "after-call"])
    @pytest.mark.parametrize("failure", [lost(), KeyboardInterrupt()])
    def test_no_step_that_fails_leaves_a_user_behind(
        self, hooked: Hooked, group: str, operation: str, when: str, failure: BaseException
    ) -> None:
        idp, events = hooked
        events.register(f"{when}.cognito-idp.{operation}", fails(failure))
        expected = CognitoConnectionError if isinstance(failure, Exception) else type(failure)

        with pytest.raises(expected) as caught:
            idp.create_user("ada", PASSWORD, groups=[group])

        assert list(idp.list_users()) == []
        assert not getattr(caught.value, "__notes__", [])

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("CodeDeliveryFailureException", "Something failed"),
            ("InvalidLambdaResponseException", "CustomMessage gave an invalid response"),
            ("UnexpectedLambdaException", "CustomMessage failed with error"),
            ("UserLambdaValidationException", "CustomMessage failed with error No."),
        ],
    )
    def test_an_invitation_that_fails_leaves_no_user_behind(
        self, hooked: Hooked, code: str, message: str
    ) -> None:
        idp, events = hooked
        answer: Any = {"Error": {"Code": code, "Message": message}}
        error = ClientError(answer, "AdminCreateUser")
        events.register("after-call.cognito-idp.AdminCreateUser", fails(error))

        with pytest.raises(CognitoError) as caught:
            idp.create_user("ada", notify_user=True)

        assert caught.value.code == code
        assert list(idp.list_users()) == []

    @pytest.mark.parametrize("code", ["UserLambdaValidationException", "UnexpectedLambdaException"])
    def test_a_trigger_that_refuses_removes_nobody(
        self, scripted: Any, loopback: Any, code: str
    ) -> None:
        # It does so before a user is made: one of this name is somebody else's.
        loopback.default = (400, {"__type": code, "message": "PreSignUp failed with error No."})

        with pytest.raises(CognitoError, match="PreSignUp"):
            scripted().create_user("ada")

        assert [each["operation"] for each in loopback.requests] == ["AdminCreateUser"]

    @pytest.mark.parametrize(
        ("username", "attributes", "mediums"),
        [
            ("ada", {"email": "ada@example.com"}, ["EMAIL"]),
            ("ada", {"phone_number": "+491234567"}, ["SMS"]),
            ("ada", {"email": "ada@example.com", "phone_number": "+49123"}, ["EMAIL", "SMS"]),
            ("ada@example.com", {}, ["EMAIL"]),
            ("ada@example.com", {"phone_number": "+49123"}, ["EMAIL", "SMS"]),
            ("+491234567", {}, None),
        ],
        ids=["email", "telephone", "both", "name", "name-and-telephone", "number"],
    )
    def test_an_invitation_goes_where_the_user_can_be_reached(
        self, scripted: Any, loopback: Any, username: str, attributes: Any, mediums: Any
    ) -> None:
        loopback.default = (200, {"User": {"Username": username}})

        scripted().create_user(username, attributes=attributes, notify_user=True)

        assert loopback.requests[0].get("DesiredDeliveryMediums") == mediums

    @pytest.mark.parametrize("flag", ["notify_user", "temporary"])
    def test_text_is_no_choice(self, scripted: Any, loopback: Any, flag: str) -> None:
        with pytest.raises(InvalidInputError, match=flag):
            scripted().create_user("ada", **{flag: "false"})

        assert loopback.requests == []

    @pytest.mark.parametrize("answer", [{}, {"User": {}}, {"User": {"Username": None}}], ids=str)
    def test_an_answer_without_the_user_is_as_good_as_lost(
        self, hooked: Hooked, answer: dict[str, Any]
    ) -> None:
        idp, events = hooked

        def emptied(parsed: dict[str, Any], **_: Any) -> None:
            parsed.clear()
            parsed.update(answer)

        events.register("after-call.cognito-idp.AdminCreateUser", emptied)

        assert idp.create_user("ada", PASSWORD).username == "ada"
        assert idp.login_user("ada", PASSWORD).username == "ada"

    def test_a_removal_that_fails_too_is_told_with_the_first_error(self, hooked: Hooked) -> None:
        idp, events = hooked
        events.register("before-call.cognito-idp.AdminDeleteUser", fails(lost()))

        with pytest.raises(PasswordPolicyError) as caught:
            idp.create_user("ada", "weak")

        assert "could not be removed" in caught.value.__notes__[0]

    def test_a_user_whose_answer_was_lost_is_adopted(self, hooked: Hooked, group: str) -> None:
        idp, events = hooked
        events.register("after-call.cognito-idp.AdminCreateUser", fails(lost()))

        user = idp.create_user("ada", PASSWORD, groups=[group])

        assert user.username == "ada"
        assert idp.verify_id_token(idp.login_user("ada", PASSWORD)).groups == (group,)

    @pytest.mark.parametrize("when", ["before-call", "after-call"])
    def test_an_interrupted_creation_leaves_no_user_behind(self, hooked: Hooked, when: str) -> None:
        idp, events = hooked
        events.register(f"{when}.cognito-idp.AdminCreateUser", fails(KeyboardInterrupt()))

        with pytest.raises(KeyboardInterrupt):
            idp.create_user("ada", PASSWORD)

        assert list(idp.list_users()) == []

    def test_an_interrupted_creation_leaves_another_user_alone(self, hooked: Hooked) -> None:
        idp, events = hooked
        idp.create_user("ada", PASSWORD)
        events.register("before-call.cognito-idp.AdminCreateUser", fails(KeyboardInterrupt()))

        with pytest.raises(KeyboardInterrupt):
            idp.create_user("ada", PASSWORD)

        assert idp.admin_get_user("ada").status == "CONFIRMED"

    def test_an_alias_of_another_user_is_told(self, scripted: Any, loopback: Any) -> None:
        loopback.answers = [(400, {"__type": "AliasExistsException"})]
        loopback.default = (400, {"__type": "UserNotFoundException"})

        with pytest.raises(UserExistsError):
            scripted().create_user("ada", exist_ok=True)

    @pytest.mark.parametrize("date", ["yesterday", "Mon, 01 Jan 2024 00:00:00 -0000"])
    def test_a_date_that_cannot_be_read_tells_nothing(
        self, scripted: Any, loopback: Any, date: str
    ) -> None:
        found = {
            "Username": "ada",
            "UserStatus": "FORCE_CHANGE_PASSWORD",
            "UserCreateDate": (datetime.now(UTC) + timedelta(seconds=5)).timestamp(),
        }
        loopback.answers = [None, (200, found)]
        loopback.headers = {"Date": date}

        assert scripted().create_user("ada").username == "ada"

    def test_a_user_who_was_never_made_is_an_error(self, hooked: Hooked) -> None:
        idp, events = hooked
        error = EndpointConnectionError(endpoint_url="http://127.0.0.1")
        events.register("before-call.cognito-idp.AdminCreateUser", fails(error))

        with pytest.raises(CognitoConnectionError) as caught:
            idp.create_user("ada", PASSWORD)

        assert caught.value.operation == "AdminCreateUser"
        assert caught.value.retryable

    def test_a_confirmed_user_is_not_adopted(self, hooked: Hooked) -> None:
        idp, events = hooked
        idp.create_user("ada", PASSWORD)
        before = idp.admin_get_user("ada")
        events.register("before-call.cognito-idp.AdminCreateUser", fails(lost()))

        with pytest.raises(CognitoConnectionError):
            idp.create_user("ada", "An0ther!pass")

        assert idp.admin_get_user("ada") == before

    @pytest.mark.parametrize(
        ("age", "status", "clock_ahead", "adopted"),
        [
            (timedelta(), "FORCE_CHANGE_PASSWORD", timedelta(), True),
            (timedelta(), "FORCE_CHANGE_PASSWORD", timedelta(hours=-1), True),
            (timedelta(), "FORCE_CHANGE_PASSWORD", timedelta(hours=1), True),
            (timedelta(seconds=2.5), "FORCE_CHANGE_PASSWORD", timedelta(), False),
            (timedelta(seconds=30), "FORCE_CHANGE_PASSWORD", timedelta(), False),
            (timedelta(minutes=59), "FORCE_CHANGE_PASSWORD", timedelta(hours=1), False),
            (timedelta(), "CONFIRMED", timedelta(), False),
        ],
    )
    def test_only_a_user_of_this_call_is_adopted(
        self,
        scripted: Any,
        loopback: Any,
        *,
        age: timedelta,
        status: str,
        clock_ahead: timedelta,
        adopted: bool,
    ) -> None:
        service_time = datetime.now(UTC) + clock_ahead
        found = {
            "Username": "ada",
            "UserAttributes": [{"Name": "sub", "Value": "5f1c"}],
            "UserStatus": status,
            "UserCreateDate": (service_time - age).timestamp(),
        }
        loopback.answers = [None, (200, found)]
        loopback.headers = {"Date": format_datetime(service_time, usegmt=True)}

        if adopted:
            assert scripted().create_user("ada").sub == "5f1c"
        else:
            with pytest.raises(CognitoConnectionError):
                scripted().create_user("ada")

        # An existing user is never removed.
        operations = [request["operation"] for request in loopback.requests]
        assert operations == ["AdminCreateUser", "AdminGetUser"]

    def test_a_user_that_cannot_be_read_is_not_taken_over(
        self, scripted: Any, loopback: Any
    ) -> None:
        loopback.answers = [None, (200, {"Username": 7})]

        with pytest.raises(CognitoConnectionError) as caught:
            scripted().create_user("ada")

        assert caught.value.operation == "AdminCreateUser"
        assert "cannot be said" in caught.value.__notes__[0]

    def test_creation_is_sent_once(self, scripted: Any, loopback: Any) -> None:
        with pytest.raises(CognitoError) as caught:
            scripted().create_user("ada", PASSWORD)

        operations = [request["operation"] for request in loopback.requests]
        assert operations.count("AdminCreateUser") == 1
        assert caught.value.operation == "AdminCreateUser"

    def test_a_name_by_e_mail_becomes_the_pools_own(self, aws: LocalAws) -> None:
        pool = aws.create_user_pool(UsernameAttributes=["email"])
        idp = CognitoIdp(pool.config(), session=aws.session())

        user = idp.create_user("ada@example.com", PASSWORD)

        assert user.username == user.sub
        assert idp.login_user("ada@example.com", PASSWORD).username == user.username


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "   "}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "a\n"}, "username"),
        ({"username": "a" * 129}, "username"),
        ({"username": None}, "username"),
        ({"username": b"ada"}, "username"),
        ({"username": "ada", "password": ""}, "password"),
        ({"username": "ada", "password": "s3cret" * 50}, "password"),
        ({"username": "ada", "password": 7}, "password"),
        ({"username": "ada", "password": "s3cret\ud800"}, "password"),
        ({"username": "ada", "groups": "clerks"}, "groups"),
        ({"username": "ada", "groups": [""]}, "groups"),
        ({"username": "ada", "groups": 7}, "groups"),
        ({"username": "ada", "attributes": {"": "x"}}, "attributes"),
        ({"username": "ada", "attributes": {"name": 7}}, "attributes[name]"),
        ({"username": "ada", "attributes": {"name": "s3cret\ud800"}}, "attributes[name]"),
        ({"username": "ada", "attributes": {"name": "s3cret" * 500}}, "attributes[name]"),
        ({"username": "ada", "attributes": ["name"]}, "attributes"),
    ],
)
def test_bad_input_is_refused_before_any_request(
    scripted: Any, loopback: Any, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scripted().create_user(**arguments)

    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)
    assert loopback.requests == []


def test_a_deleted_user_is_gone(idp: CognitoIdp, aws_user: LocalUser) -> None:
    idp.delete_user(aws_user.username)

    with pytest.raises(UserNotFoundError):
        idp.admin_get_user(aws_user.username)
    with pytest.raises(UserNotFoundError):
        idp.delete_user(aws_user.username)
    idp.delete_user(aws_user.username, missing_ok=True)


def test_a_password_can_be_set(idp: CognitoIdp, aws_user: LocalUser) -> None:
    idp.set_user_password(aws_user.username, "N3w!Passw0rd")
    assert idp.login_user(aws_user.username, "N3w!Passw0rd").sub == aws_user.sub

    idp.set_user_password(aws_user.username, "T3mp!Passw0rd", permanent=False)
    with pytest.raises(ChallengeRequiredError):
        idp.login_user(aws_user.username, "T3mp!Passw0rd")


def test_a_disabled_user_cannot_sign_in(idp: CognitoIdp, aws_user: LocalUser) -> None:
    idp.disable_user(aws_user.username)
    with pytest.raises(UserDisabledError):
        idp.login_user(aws_user.username, aws_user.password)

    idp.enable_user(aws_user.username)
    assert idp.login_user(aws_user.username, aws_user.password).sub == aws_user.sub


class TestListUsers:
    def test_it_goes_past_the_page(self, aws: LocalAws, aws_user_pool: LocalUserPool) -> None:
        idp = CognitoIdp(aws_user_pool.config(), session=aws.session())
        client = aws.client("cognito-idp")
        names = {f"user-{number}" for number in range(65)}
        for name in names:
            client.admin_create_user(
                UserPoolId=aws_user_pool.user_pool_id, Username=name, MessageAction="SUPPRESS"
            )

        assert {user.username for user in idp.list_users()} == names
        assert len(list(idp.list_users(page_size=7))) == 65

    def test_a_page_that_leads_to_itself_is_an_error(self, scripted: Any, loopback: Any) -> None:
        loopback.default = (200, {"Users": [{"Username": "ada"}], "PaginationToken": "again"})

        with pytest.raises(CognitoConnectionError, match="again"):
            list(scripted().list_users())

        assert len(loopback.requests) == 2

    def test_it_filters(self, idp: CognitoIdp) -> None:
        for name in ("ada", "adam", "eve"):
            idp.create_user(name, attributes={"email": f"{name}@example.com"})

        assert [u.username for u in idp.list_users("username", equals="ada")] == ["ada"]
        found = {u.username for u in idp.list_users("email", starts_with="ada")}
        assert found == {"ada", "adam"}

    def test_the_value_is_quoted(self, scripted: Any, loopback: Any) -> None:
        loopback.default = (200, {"Users": []})

        assert list(scripted().list_users("name", equals='a" or \\b')) == []

        # moto does not unquote, so what is sent is looked at.
        assert loopback.requests[0]["Filter"] == 'name = "a\\" or \\\\b"'

    def test_a_page_tells_what_the_next_one_is_asked_for_with(self, idp: CognitoIdp) -> None:
        names = {f"user-{number}" for number in range(5)}
        for name in names:
            idp.create_user(name)
        found: list[str] = []

        page = idp.list_users_page(limit=2)
        while page.pagination_token is not None:
            assert len(page.users) == 2
            found += [user.username for user in page.users]
            page = idp.list_users_page(limit=2, pagination_token=page.pagination_token)

        assert {*found, *(user.username for user in page.users)} == names

    def test_a_page_is_filtered(self, idp: CognitoIdp) -> None:
        for name in ("ada", "adam", "eve"):
            idp.create_user(name)

        page = idp.list_users_page("username", starts_with="ada")

        assert {user.username for user in page.users} == {"ada", "adam"}
        assert page.pagination_token is None

    @pytest.mark.parametrize(
        "arguments",
        [
            {"limit": 0},
            {"limit": 61},
            {"limit": "60"},
            {"pagination_token": ""},
            {"pagination_token": "two words"},
            {"pagination_token": 7},
            {"attribute": "email"},
        ],
        ids=str,
    )
    def test_bad_input_for_a_page_is_refused_at_once(
        self, scripted: Any, loopback: Any, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInputError):
            scripted().list_users_page(**arguments)

        assert loopback.requests == []

    @pytest.mark.parametrize(
        "arguments",
        [
            {"page_size": 0},
            {"page_size": 61},
            {"page_size": True},
            {"page_size": "60"},
            {"attribute": "email"},
            {"attribute": "email", "equals": "a", "starts_with": "a"},
            {"equals": "a"},
            {"attribute": 'email = "x" or name', "equals": "a"},
            {"attribute": "email", "equals": 7},
            {"attribute": "email", "equals": "x" * 250},
            {"attribute": "email", "starts_with": "\ud800"},
        ],
    )
    def test_bad_input_is_refused_at_once(
        self, scripted: Any, loopback: Any, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInputError):
            scripted().list_users(**arguments)

        assert loopback.requests == []


def test_reading_is_tried_again(scripted: Any, loopback: Any) -> None:
    answer = {"Username": "ada", "UserAttributes": [{"Name": "sub", "Value": "5f1c"}]}
    loopback.answers = [(500, {"__type": "InternalErrorException"}), (200, answer)]

    assert scripted().admin_get_user("ada").sub == "5f1c"
    assert len(loopback.requests) == 2
