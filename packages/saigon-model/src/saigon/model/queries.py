"""What a listing is asked for, and the page that it answers with."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, Field

from saigon.model._naming import NamedGeneric
from saigon.model.pagination import QueryDataPaginationToken

__all__ = ["DataSet", "QueryDataParams", "QueryDataResult"]

ItemT = TypeVar("ItemT")

if TYPE_CHECKING:
    # A type variable's default is in Python from 3.13 on, and in every type checker.
    from typing_extensions import TypeVar as TypeVarWithDefault

    SelectionT = TypeVarWithDefault("SelectionT", default=Any)
else:
    SelectionT = TypeVar("SelectionT")


class QueryDataParams(NamedGeneric, Generic[SelectionT]):
    """One page of a listing: how much, of what, and from where on.

    The selection is repeated on each page; one that differs from that of the page token's query
    makes the token invalid.
    """

    max_count: int = Field(default=100, ge=1, le=1_000_000)
    """The most items that the page may hold."""

    selection: SelectionT | None = None
    """What is listed: the filters, as a model."""

    page_token: QueryDataPaginationToken | None = None
    """The token that the page before came with; none for the first page."""

    def url_params_dict(self) -> dict[str, str | list[str]]:
        """Return the query string's parameters, the fields of the selection beside the others.

        Values left at ``None`` are left out, lists become repeated parameters, and nested objects
        compact JSON.

        Raises:
            TypeError: The selection is not a model.
            ValueError: A field of the selection has the name of one of the page's own parameters.
        """
        page = self.model_dump(mode="json", exclude={"selection"}, exclude_none=True)
        selection = self._selection_fields()
        if clash := sorted(selection.keys() & {"max_count", "page_token"}):
            raise ValueError(f"fields of the selection that a page has itself: {clash}")
        return {name: _url_value(value) for name, value in (selection | page).items()}

    def _selection_fields(self) -> dict[str, Any]:
        if self.selection is None:
            return {}
        if not isinstance(self.selection, BaseModel):
            raise TypeError(f"expected a model, got a {type(self.selection).__name__}")
        return self.selection.model_dump(mode="json", by_alias=True, exclude_none=True)


class DataSet(NamedGeneric, Generic[ItemT]):
    """A list of items as a JSON object, so that the answer can grow more fields later."""

    data: list[ItemT]

    def __len__(self) -> int:
        """Count the items."""
        return len(self.data)

    def __iter__(self) -> Iterator[ItemT]:  # type: ignore[override]  # of items, not of fields
        """Iterate over the items."""
        return iter(self.data)


class QueryDataResult(DataSet[ItemT], Generic[ItemT]):
    """One page of a listing."""

    page_token: QueryDataPaginationToken | None = None
    """The token of the next page, ``None`` on the last one."""

    total: int | None = Field(default=None, ge=0)
    """How many items all pages hold together, where that was asked for."""


def _url_value(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [_url_text(item) for item in value]
    return _url_text(value)


def _url_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
