"""Groups of users; these operations need AWS credentials."""

from collections.abc import Iterator

from saigon.aws.cognito._calls.answers import field_of, group_from_answer, user_from_answer
from saigon.aws.cognito._calls.checks import (
    checked_name,
    checked_precedence,
    checked_role,
    checked_text,
)
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import GroupNotFoundError
from saigon.aws.cognito.models import CognitoGroup, CognitoUser


class GroupAdministration(UserPoolBase):
    """Groups, and who is in them."""

    def create_group(
        self,
        group: str,
        *,
        description: str | None = None,
        role_arn: str | None = None,
        precedence: int | None = None,
    ) -> CognitoGroup:
        """Make a group; it is sent once, because a second attempt would find the first.

        Args:
            group: The group's name.
            description: What it is for.
            role_arn: The IAM role that the identity pool may give to its members.
            precedence: Of the roles of a user's groups, that of the lowest number is preferred.

        Raises:
            GroupExistsError: The pool has a group of this name.
        """
        answer = self._api.call(
            "CreateGroup",
            once=True,
            UserPoolId=self._config.user_pool_id,
            GroupName=checked_name("group", group),
            Description=checked_text("description", description, max_length=2048),
            RoleArn=checked_role("role_arn", role_arn),
            Precedence=checked_precedence("precedence", precedence),
        )
        return group_from_answer(field_of(answer, "Group"))

    def delete_group(self, group: str) -> None:
        """Remove a group; its users stay.

        Raises:
            GroupNotFoundError: The pool has no such group.
        """
        self._api.call(
            "DeleteGroup",
            not_found=GroupNotFoundError,
            already_done="ResourceNotFoundException",
            UserPoolId=self._config.user_pool_id,
            GroupName=checked_name("group", group),
        )

    def list_groups(self) -> Iterator[CognitoGroup]:
        """Iterate over the pool's groups, however many."""
        pages = self._api.pages("ListGroups", UserPoolId=self._config.user_pool_id)
        return (group_from_answer(each) for page in pages for each in page.get("Groups", ()))

    def list_groups_for_user(self, username: str) -> Iterator[CognitoGroup]:
        """Iterate over a user's groups, however many.

        Raises:
            UserNotFoundError: There is no such user.
        """
        pages = self._api.pages(
            "AdminListGroupsForUser",
            UserPoolId=self._config.user_pool_id,
            Username=checked_name("username", username),
        )
        return (group_from_answer(each) for page in pages for each in page.get("Groups", ()))

    def list_users_in_group(self, group: str) -> Iterator[CognitoUser]:
        """Iterate over the users of a group, however many.

        Raises:
            GroupNotFoundError: The pool has no such group.
        """
        pages = self._api.pages(
            "ListUsersInGroup",
            not_found=GroupNotFoundError,
            UserPoolId=self._config.user_pool_id,
            GroupName=checked_name("group", group),
        )
        return (user_from_answer(each) for page in pages for each in page.get("Users", ()))

    def add_user_to_group(self, username: str, group: str) -> None:
        """Add a user to a group; nothing happens where the user is in it.

        Args:
            username: The user's name.
            group: The group's name.

        Raises:
            GroupNotFoundError: The pool has no such group.
            UserNotFoundError: There is no such user.
        """
        self._membership("AdminAddUserToGroup", username, group)

    def remove_user_from_group(self, username: str, group: str) -> None:
        """Take a user out of a group; nothing happens where the user is not in it.

        Args:
            username: The user's name.
            group: The group's name.

        Raises:
            GroupNotFoundError: The pool has no such group.
            UserNotFoundError: There is no such user.
        """
        self._membership("AdminRemoveUserFromGroup", username, group)

    def _membership(self, operation: str, username: str, group: str) -> None:
        self._admin(
            operation,
            username,
            not_found=GroupNotFoundError,
            GroupName=checked_name("group", group),
        )
