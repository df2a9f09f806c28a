from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from saigon.fastapi.app import create_app
from saigon.fastapi.pagination import (
    query_date_range,
    query_pagination_params,
    validate_query_date_range,
    validate_query_pagination_params,
)
from saigon.model.queries import QueryDataParams
from saigon.model.ranges import TimeRange

Get = Callable[[str], httpx.Response]


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter()

    @router.get("/page")
    def page(
        params: Annotated[QueryDataParams[Any], Depends(validate_query_pagination_params)],
    ) -> dict[str, Any]:
        return params.model_dump()

    @router.get("/small")
    def small(
        params: Annotated[
            QueryDataParams[Any], Depends(query_pagination_params(default=2, maximum=5))
        ],
    ) -> dict[str, Any]:
        return params.model_dump()

    @router.get("/range")
    async def time_range(
        value: Annotated[TimeRange, Depends(validate_query_date_range)],
    ) -> TimeRange:
        return value

    @router.get("/day")
    async def day(
        value: Annotated[TimeRange, Depends(query_date_range(max_span=timedelta(days=1)))],
    ) -> TimeRange:
        return value

    return create_app(title="Test", routers=[router])


@pytest.fixture
def get(call: Callable[..., httpx.Response], app: FastAPI) -> Get:
    return lambda url: call(app, "GET", url)


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("/page", 100),
        ("/page?max_count=1", 1),
        ("/page?max_count=1000000000", 1000),
        ("/small", 2),
        ("/small?max_count=6", 5),
    ],
)
def test_count_is_capped(get: Get, url: str, count: int) -> None:
    assert get(url).json()["max_count"] == count


def test_token_is_passed_on(get: Get) -> None:
    assert get("/page?page_token=abc").json()["page_token"] == "abc"


@pytest.mark.parametrize(
    "query",
    [
        *("max_count=0", "max_count=-1", "max_count=x", "max_count=NaN"),
        *("page_token=", "page_token=a&page_token=", "page_token=" + "x" * 3000),
    ],
)
def test_impossible_page_is_422(get: Get, query: str) -> None:
    assert get("/page?" + query).status_code == 422


@pytest.mark.parametrize(("default", "maximum"), [(0, 5), (6, 5), (1, 1_000_001)])
def test_impossible_limits_are_refused(default: int, maximum: int) -> None:
    with pytest.raises(ValueError, match="expected 1 <= default <= maximum"):
        query_pagination_params(default=default, maximum=maximum)


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ("2025-01-31T12:00:00Z", "2025-01-31T12:00:00Z"),
        ("2025-01-31T12:00:00%2B00:00", "2025-01-31T12:00:00Z"),
        ("2025-01-31T12:00:00+00:00", "2025-01-31T12:00:00Z"),
        ("2025-01-31t12:00:00z", "2025-01-31T12:00:00Z"),
        ("2025-01-31 12:00:00+02:00", "2025-01-31T10:00:00Z"),
        ("2025-01-31T12:00:00.5-02:00", "2025-01-31T14:00:00.500000Z"),
        ("2025-01-31T12:00+00:00", "2025-01-31T12:00:00Z"),
        ("2025-01-31T12:00:00.123456789Z", "2025-01-31T12:00:00.123456Z"),
    ],
)
def test_instants_are_understood(get: Get, sent: str, understood: str) -> None:
    answer = get(f"/range?start_time={sent}")
    assert answer.json() == {"start_time": understood, "end_time": None}


@pytest.mark.parametrize(
    "sent",
    [
        "1",
        "1700000000",
        "2025-01-31",
        "2025-01-31T12:00:00",
        "now",
        "",
        "2025-13-01T00:00:00Z",
        "0001-01-01T00:00:00%2B14:00",
        "2025-01-31T12:00:00%2B99:00",
        "2025-01-31T12:00:00%2B14:60",
        "2025-01-31T12:00:00%2B24:00",
        "2025-01-31T12:00:60Z",
        "2025-01-31T12:00:00Zgarbage",
        "2025-01-31T12:00:00Z%0A",
        "\u0662025-01-31T12:00:00Z",
        "infinity",
    ],
)
def test_what_is_no_instant_is_422(get: Get, sent: str) -> None:
    assert get(f"/range?start_time={sent}").status_code == 422


def test_range_may_be_open(get: Get) -> None:
    assert get("/range").json() == {"start_time": None, "end_time": None}


def test_start_after_the_end_is_422(get: Get) -> None:
    url = "/range?start_time=2025-01-02T00:00:00Z&end_time=2025-01-01T00:00:00Z"
    (error,) = get(url).json()["errors"]
    assert error["loc"] == ["query", "start_time"]


def test_end_out_of_the_calendar_is_told_as_the_end(get: Get) -> None:
    (error,) = get("/range?end_time=9999-12-31T23:59:59-01:00").json()["errors"]
    assert error["loc"] == ["query", "end_time"]


def test_span_is_limited(get: Get) -> None:
    start = "/day?start_time=2025-01-01T00:00:00Z"
    assert get(f"{start}&end_time=2025-01-02T00:00:00Z").status_code == 200
    assert get(f"{start}&end_time=2025-01-02T00:00:01Z").status_code == 422
    assert get(start).status_code == 422


def test_parameters_are_documented(app: FastAPI) -> None:
    parameters = app.openapi()["paths"]["/range"]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == ["start_time", "end_time"]
    schema = parameters[0]["schema"]["anyOf"][0]
    assert schema == {"type": "string", "format": "date-time"}
