"""Pydantic models shared by the Saigon packages: queries, pages, ranges, problems."""

from typing import TYPE_CHECKING, Any

from saigon.model.base import BaseModelNoExtra, BasicRestResponse, EmptyContent
from saigon.model.pagination import (
    InvalidPaginationToken,
    PaginationTokenCodec,
    QueryDataPaginationToken,
)
from saigon.model.problems import PROBLEM_MEDIA_TYPE, ProblemDetails, ProblemError
from saigon.model.queries import DataSet, QueryDataParams, QueryDataResult
from saigon.model.ranges import (
    FloatRange,
    IntRange,
    Range,
    TimeRange,
    UIntRange,
    UtcDatetime,
    max_span,
)

if TYPE_CHECKING:
    from saigon.model.environment import Environment

__all__ = [
    "PROBLEM_MEDIA_TYPE",
    "BaseModelNoExtra",
    "BasicRestResponse",
    "DataSet",
    "EmptyContent",
    "Environment",
    "FloatRange",
    "IntRange",
    "InvalidPaginationToken",
    "PaginationTokenCodec",
    "ProblemDetails",
    "ProblemError",
    "QueryDataPaginationToken",
    "QueryDataParams",
    "QueryDataResult",
    "Range",
    "TimeRange",
    "UIntRange",
    "UtcDatetime",
    "max_span",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # pydantic-settings is as dear to import as all the rest, and few modules read settings.
    if name == "Environment":
        from saigon.model.environment import Environment

        return Environment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
