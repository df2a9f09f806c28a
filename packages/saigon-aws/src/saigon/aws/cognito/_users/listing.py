"""Find the users of a pool; these operations need AWS credentials."""

from collections.abc import Iterator

from saigon.aws.cognito._calls.answers import user_from_answer
from saigon.aws.cognito._calls.checks import checked_page_size, checked_page_token
from saigon.aws.cognito._calls.forms import user_filter
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.models import CognitoUser, UserPage


class UserListing(UserPoolBase):
    """All users, or a page of them."""

    def list_users(
        self,
        attribute: str | None = None,
        *,
        equals: str | None = None,
        starts_with: str | None = None,
        page_size: int = 60,
    ) -> Iterator[CognitoUser]:
        """Iterate over the pool's users, past the 60 that the API gives at a time.

        Args:
            attribute: The standard attribute to filter by, such as ``"email"``.
            equals: The value that the attribute has.
            starts_with: What the attribute's value begins with.
            page_size: Users asked for at a time, from 1 to 60.
        """
        request = {
            "UserPoolId": self._config.user_pool_id,
            "Filter": user_filter(attribute, equals=equals, starts_with=starts_with),
            "Limit": checked_page_size("page_size", page_size),
        }
        pages = self._api.pages("ListUsers", token_name="PaginationToken", **request)  # noqa: S106  # a name
        return (user_from_answer(each) for page in pages for each in page.get("Users", ()))

    def list_users_page(
        self,
        attribute: str | None = None,
        *,
        equals: str | None = None,
        starts_with: str | None = None,
        limit: int = 60,
        pagination_token: str | None = None,
    ) -> UserPage:
        """Return some of the pool's users, and what the next page is asked for with.

        Args:
            attribute: The standard attribute to filter by, such as ``"email"``.
            equals: The value that the attribute has.
            starts_with: What the attribute's value begins with.
            limit: Users on a page, from 1 to 60; Cognito may give fewer where more follow.
            pagination_token: That of the page before, asked for with the same filter.

        Raises:
            CognitoError: The token is not of such a page.
        """
        answer = self._api.call(
            "ListUsers",
            UserPoolId=self._config.user_pool_id,
            Filter=user_filter(attribute, equals=equals, starts_with=starts_with),
            Limit=checked_page_size("limit", limit),
            PaginationToken=checked_page_token("pagination_token", pagination_token),
        )
        return UserPage(
            users=tuple(map(user_from_answer, answer.get("Users", ()))),
            pagination_token=answer.get("PaginationToken") or None,
        )
