"""Pydantic models shared by the Saigon packages: queries, pages, ranges, problems."""

from saigon.model.base import BaseModelNoExtra, BasicRestResponse, EmptyContent
from saigon.model.environment import Environment
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
