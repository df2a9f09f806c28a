"""Dependencies that read a page and a range of time from the query string."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BeforeValidator, ValidationError

from saigon.fastapi.exceptions import ConfigurationError
from saigon.model.queries import QueryDataParams
from saigon.model.ranges import TimeRange

__all__ = [
    "query_date_range",
    "query_pagination_params",
    "validate_query_date_range",
    "validate_query_pagination_params",
]

_MAX_TOKEN: Final = 2048
_MAX_COUNT: Final = 1_000_000  # of QueryDataParams
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)"
    r"(?:([Zz])|([ +-])((?:[01]\d|2[0-3]):[0-5]\d))",
    re.ASCII,
)


def query_pagination_params(
    *, default: int = 100, maximum: int = 1000
) -> Callable[..., Awaitable[QueryDataParams[Any]]]:
    """Make a dependency that reads ``max_count`` and ``page_token``.

    A count below one is answered with 422, one above the maximum is lowered to it.

    Args:
        default: The count where the request names none.
        maximum: The most items a page may hold, up to a million.

    Raises:
        ConfigurationError: The limits contradict each other.
    """
    if not 1 <= default <= maximum <= _MAX_COUNT:
        raise ConfigurationError(
            f"expected 1 <= default <= maximum <= {_MAX_COUNT}, got {default} and {maximum}"
        )

    async def read(
        max_count: Annotated[
            int, Query(ge=1, description=f"The most items of the page, {maximum} at most.")
        ] = default,
        page_token: Annotated[
            str | None,
            Query(min_length=1, max_length=_MAX_TOKEN, description="From the page before."),
        ] = None,
    ) -> QueryDataParams[Any]:
        return QueryDataParams(max_count=min(max_count, maximum), page_token=page_token)

    return read


validate_query_pagination_params: Final = query_pagination_params()
"""The dependency with a default of 100 items and at most 1000."""


def _instant(value: Any) -> datetime:
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a date and time with its UTC offset")
    local, _zulu, sign, offset = match.groups()
    # In a query string an unescaped + is a space.
    zone = "+00:00" if offset is None else sign.replace(" ", "+") + offset
    return datetime.fromisoformat(local.upper() + zone)


_Instant = Annotated[AwareDatetime | None, BeforeValidator(_instant)]


def query_date_range(*, max_span: timedelta | None = None) -> Callable[..., Awaitable[TimeRange]]:
    """Make a dependency that reads ``start_time`` and ``end_time``, half-open, either one open.

    Both are RFC 3339 date-times with an offset, and without leap seconds. ``+00:00`` is understood
    where the ``+`` was sent unescaped. What is not such a time, and a start after the end, is
    answered with 422.

    Args:
        max_span: The longest range; with it both ends are needed.
    """

    async def read(
        start_time: Annotated[_Instant, Query(description="The first instant.")] = None,
        end_time: Annotated[_Instant, Query(description="The instant after the last.")] = None,
    ) -> TimeRange:
        try:
            bounds = {"start_time": start_time, "end_time": end_time}
            time_range = TimeRange.model_validate(bounds)
        except ValidationError as exc:
            place = [str(step) for step in exc.errors(include_context=False)[0]["loc"]]
            message = "the start lies after the end, or out of the calendar"
            raise _not_valid(message, *place) from exc
        if max_span is not None and (time_range.length is None or time_range.length > max_span):
            raise _not_valid(f"expected both ends, at most {max_span} apart")
        return time_range

    return read


def _not_valid(message: str, place: str = "start_time") -> RequestValidationError:
    return RequestValidationError([{"type": "time_range", "loc": ("query", place), "msg": message}])


validate_query_date_range: Final = query_date_range()
"""The dependency without a longest range."""
