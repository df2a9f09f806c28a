"""What a listing is asked for, and the page that it answers with."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import AliasChoices, BaseModel, Field, RootModel

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
        compact JSON, which a server reads into a field of type ``Json[…]``.

        Raises:
            TypeError: The selection is not a model with fields.
            ValueError: A field of the selection has the name of one of the page's own parameters.
        """
        page = self.model_dump(mode="json", by_alias=True, exclude={"selection"}, exclude_none=True)
        selection = _query_fields(self.selection)
        own = type(self).model_fields.keys() - {"selection"} | page.keys()
        if clash := sorted(selection.keys() & own):
            raise ValueError(f"fields of the selection that a page has itself: {clash}")
        return {name: _url_value(value) for name, value in (selection | page).items()}


def _query_fields(selection: Any) -> dict[str, Any]:
    """Return the fields by the names under which the server reads them."""
    if selection is None:
        return {}
    if not isinstance(selection, BaseModel) or isinstance(selection, RootModel):
        raise TypeError(f"expected a model with fields, got a {type(selection).__name__}")
    # By round trip: what is computed from other fields, the server computes itself.
    values = selection.model_dump(mode="json", by_alias=True, exclude_none=True, round_trip=True)
    names = dict(_read_names(selection))
    return {names.get(name, name): value for name, value in values.items()}


def _read_names(model: BaseModel) -> Iterator[tuple[str, str]]:
    for name, field in type(model).model_fields.items():
        alias = field.validation_alias
        first = alias.choices[0] if isinstance(alias, AliasChoices) else alias
        if isinstance(first, str):
            yield field.serialization_alias or name, first


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
