"""A selection and a page as a client writes them and a FastAPI service reads them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Query
from pydantic import AliasChoices, AwareDatetime, BaseModel, Field, Json

from saigon.fastapi.utils import query_date_range, validate_query_pagination_params
from saigon.model import IntRange, QueryDataParams, TimeRange

Page = Annotated[QueryDataParams[Any], Depends(validate_query_pagination_params)]


class Status(Enum):
    NEW = "new & old"


class Selection(BaseModel):
    status: list[Status] = []
    text: str | None = None
    since: AwareDatetime | None = None
    price: Decimal | None = None
    amount: Json[IntRange] | None = None
    paid: bool | None = None
    aliased: int = Field(default=0, alias="theAliased")
    renamed: int = Field(default=0, validation_alias="readAs", serialization_alias="writtenAs")
    either: int = Field(default=0, validation_alias=AliasChoices("one", "other"))


def app_that_keeps(seen: list[Any]) -> FastAPI:
    app = FastAPI()

    @app.get("/orders")
    def orders(page: Page, selection: Annotated[Selection, Query()]) -> None:
        seen.append(page.model_copy(update={"selection": selection}))

    @app.get("/times")
    def times(page: Page, period: Annotated[TimeRange, Depends(query_date_range())]) -> None:
        seen.append(page.model_copy(update={"selection": period}))

    return app


def test_a_service_reads_what_a_client_asked_for(call: Callable[..., httpx.Response]) -> None:
    seen: list[Any] = []
    params = QueryDataParams[Selection](
        max_count=7,
        page_token="a.b-c_d.e",
        selection=Selection.model_validate(
            {
                "status": [Status.NEW, Status.NEW],
                "text": "100 % + ü & = ? # /\n",
                "since": datetime(2026, 1, 1, 0, 0, 0, 1, timezone(timedelta(hours=5, minutes=45))),
                "price": Decimal("1.10"),
                "amount": '{"start":1,"end":null}',
                "paid": False,
                "theAliased": 4,
                "readAs": 5,
                "one": 6,
            }
        ),
    )
    answer = call(app_that_keeps(seen), "GET", "/orders", params=params.url_params_dict())
    assert answer.status_code == 200, answer.text
    assert seen[0].selection == params.selection
    assert seen[0].model_dump(warnings=False) == params.model_dump()


def test_a_service_reads_a_range_of_time(call: Callable[..., httpx.Response]) -> None:
    seen: list[Any] = []
    period = TimeRange.last(timedelta(days=1), now=datetime(2026, 1, 1, 0, 0, 0, 1, UTC))
    params = QueryDataParams[TimeRange](selection=period)
    answer = call(app_that_keeps(seen), "GET", "/times", params=params.url_params_dict())
    assert answer.status_code == 200, answer.text
    assert seen[0].selection == period
