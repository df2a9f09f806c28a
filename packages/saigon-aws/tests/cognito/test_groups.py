from typing import Any

import pytest

from saigon.aws.cognito import CognitoGroup, CognitoIdp
from saigon.aws.cognito.exceptions import (
    GroupExistsError,
    GroupNotFoundError,
    InvalidInputError,
    UserNotFoundError,
)
from saigon.aws.testing import LocalUser

ROLE = "arn:aws:iam::123456789012:role/clerk"


def test_a_group_is_made_found_and_removed(idp: CognitoIdp) -> None:
    made = idp.create_group("clerks", description="Who packs", role_arn=ROLE, precedence=0)

    assert (made.name, made.description, made.role_arn) == ("clerks", "Who packs", ROLE)
    assert made.precedence == 0
    assert list(idp.list_groups()) == [made]
    with pytest.raises(GroupExistsError):
        idp.create_group("clerks")
    idp.delete_group("clerks")
    assert list(idp.list_groups()) == []
    with pytest.raises(GroupNotFoundError):
        idp.delete_group("clerks")


def test_a_group_needs_no_more_than_a_name(idp: CognitoIdp) -> None:
    made = idp.create_group("clerks")

    assert made == CognitoGroup(
        name="clerks", created_at=made.created_at, modified_at=made.modified_at
    )


def test_groups_can_be_joined_and_left(idp: CognitoIdp, aws_user: LocalUser) -> None:
    idp.create_group("clerks")
    idp.add_user_to_group(aws_user.username, "clerks")

    assert [group.name for group in idp.list_groups_for_user(aws_user.username)] == ["clerks"]
    assert [user.sub for user in idp.list_users_in_group("clerks")] == [aws_user.sub]
    tokens = idp.login_user(aws_user.username, aws_user.password)
    assert idp.verify_access_token(tokens, groups=["clerks"]).groups == ("clerks",)

    idp.remove_user_from_group(aws_user.username, "clerks")

    assert list(idp.list_groups_for_user(aws_user.username)) == []
    assert list(idp.list_users_in_group("clerks")) == []
    tokens = idp.login_user(aws_user.username, aws_user.password)
    assert idp.verify_access_token(tokens).groups == ()


def test_who_is_missing_is_told(idp: CognitoIdp) -> None:
    with pytest.raises(GroupNotFoundError):
        list(idp.list_users_in_group("nobody"))
    with pytest.raises(UserNotFoundError):
        list(idp.list_groups_for_user("nobody"))


def test_a_group_that_is_called_a_pool_is_a_group(idp: CognitoIdp, aws_user: LocalUser) -> None:
    with pytest.raises(GroupNotFoundError):
        idp.add_user_to_group(aws_user.username, "carpool")


def test_lists_go_past_the_page(scripted: Any, loopback: Any) -> None:
    # moto gives all groups on one page.
    idp = scripted()
    lists = {
        "ListGroups": (idp.list_groups, "Groups", "GroupName"),
        "AdminListGroupsForUser": (lambda: idp.list_groups_for_user("ada"), "Groups", "GroupName"),
        "ListUsersInGroup": (lambda: idp.list_users_in_group("clerks"), "Users", "Username"),
    }
    for operation, (call, kind, name) in lists.items():
        loopback.requests.clear()
        loopback.answers = [
            (200, {kind: [{name: "one"}, {name: "two"}], "NextToken": "token-1"}),
            (200, {kind: [], "NextToken": "token-2"}),
            (200, {kind: [{name: "three"}]}),
        ]

        found = call()

        assert loopback.requests == [], "asked before anybody looked"
        assert [getattr(each, "name", None) or each.username for each in found] == [
            "one",
            "two",
            "three",
        ]
        assert [each["operation"] for each in loopback.requests] == [operation] * 3
        tokens = [each.get("NextToken") for each in loopback.requests]
        assert tokens == [None, "token-1", "token-2"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"group": ""}, "group"),
        ({"group": "two words"}, "group"),
        ({"group": "g" * 129}, "group"),
        ({"group": None}, "group"),
        ({"group": "clerks", "description": ""}, "description"),
        ({"group": "clerks", "description": "x" * 2049}, "description"),
        ({"group": "clerks", "role_arn": "clerk"}, "role_arn"),
        ({"group": "clerks", "role_arn": ROLE + "\n"}, "role_arn"),
        ({"group": "clerks", "precedence": -1}, "precedence"),
        ({"group": "clerks", "precedence": True}, "precedence"),
        ({"group": "clerks", "precedence": 1.5}, "precedence"),
    ],
)
def test_bad_input_is_refused_before_any_request(
    scripted: Any, loopback: Any, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scripted().create_group(**arguments)

    assert caught.value.field == field
    assert loopback.requests == []
