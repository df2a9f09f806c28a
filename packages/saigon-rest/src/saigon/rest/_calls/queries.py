"""Values as URLs hold them, and queries without a raw character that means something."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from saigon.model import QueryDataParams
from saigon.rest._canonical import escape
from saigon.rest.exceptions import InvalidRequestError

Scalar: TypeAlias = str | int | float | Decimal | UUID | date | time | Enum
QueryParams: TypeAlias = (
    Mapping[str, Scalar | Sequence[Scalar] | None] | BaseModel | QueryDataParams[Any]
)
"""A query: None values are left out, a sequence repeats its name."""

_WRITTEN_AS_TEXT: Final = (str, int, float, Decimal, UUID)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def scalar_text(value: object) -> str:
    """Write a value as services read it: enums by value, dates in ISO 8601, booleans as JSON.

    Raises:
        InvalidRequestError: It is of a type whose text says something else, such as a secret.
    """
    if isinstance(value, Enum):
        return scalar_text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _WRITTEN_AS_TEXT):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise InvalidRequestError(
        f"a {type(value).__name__} has no place in a URL; expected text, a number, a date, ..."
    )


def encode_query(params: QueryParams | None) -> str:
    """Write a query in which every reserved character is escaped, None left out.

    Raises:
        InvalidRequestError: A value is of a type that has no place in a URL, or no text.
    """
    if params is None:
        return ""
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in _pairs(params))


def as_mapping(params: QueryParams | None) -> Mapping[str, Any]:
    """Give the parameters of a query by their names."""
    if params is None:
        return {}
    if isinstance(params, QueryDataParams):
        return params.url_params_dict()
    if isinstance(params, BaseModel):
        return params.model_dump(mode="json", by_alias=True, exclude_none=True)
    return params


def with_token(params: QueryParams | None, token: str) -> QueryParams:
    """Ask for the page that a token names."""
    return {**as_mapping(params), "page_token": token}


def _pairs(params: QueryParams) -> Iterable[tuple[str, str]]:
    for name, value in as_mapping(params).items():
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        for item in values:
            if item is not None:
                yield name, scalar_text(item)


def _escaped(text: str) -> str:
    if _SURROGATE.search(text):
        raise InvalidRequestError("the query holds half a character, which has no bytes")
    return escape(text)
