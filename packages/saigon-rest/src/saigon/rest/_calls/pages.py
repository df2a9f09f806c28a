"""The way through the pages of a listing, which has an end."""

from typing import Any

from saigon.model import QueryDataResult
from saigon.rest.exceptions import PaginationError


class Pages:
    """The pages of one listing that were seen.

    Args:
        path: Where the listing is.
    """

    def __init__(self, path: str) -> None:
        self._path = path.partition("?")[0]
        self._seen: set[str] = set()

    def next_token(self, page: QueryDataResult[Any]) -> str | None:
        """Return the token of the page after one; None after the last.

        Raises:
            PaginationError: It is the token of a page that was there before.
        """
        token = page.page_token
        if token is None:
            return None
        if token in self._seen:
            raise PaginationError(f"the pages of {self._path} lead back to an earlier one")
        self._seen.add(token)
        return token
