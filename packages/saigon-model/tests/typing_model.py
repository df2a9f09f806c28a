"""What type checkers make of the public types; checked and not run."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar, assert_type

from pydantic import BaseModel, SecretStr

from saigon.model import (
    DataSet,
    FloatRange,
    IntRange,
    PaginationTokenCodec,
    ProblemDetails,
    QueryDataParams,
    QueryDataResult,
    Range,
    TimeRange,
    UIntRange,
)
from saigon.model.http import CognitoProvider
from saigon.model.interface import (
    CredentialsProvider,
    DbLogin,
    HttpRequest,
    RequestAuthorizer,
    SecretVault,
)
from saigon.model.pagination import PageValue

ModelT = TypeVar("ModelT", bound=BaseModel)


class Order(BaseModel):
    order_id: int


def ranges(period: TimeRange, count: IntRange, size: UIntRange, share: FloatRange) -> None:
    assert_type(period.start, datetime | None)
    assert_type(count.end, int | None)
    assert_type(size.end, int | None)
    assert_type(share.start, float | None)
    assert_type(Range[Decimal](start=Decimal(1)).start, Decimal | None)
    assert_type(Range(start="a", end="b"), Range[str])
    assert_type(period.intersect(TimeRange()), TimeRange | None)
    assert_type(TimeRange.last(timedelta(days=1)), TimeRange)
    assert_type(1 in count, bool)


def pages(orders: QueryDataResult[Order], numbers: DataSet[int]) -> None:
    assert_type(orders.data, list[Order])
    assert_type(iter(orders), Iterator[Order])
    assert_type(orders.page_token, str | None)
    assert_type(orders.total, int | None)
    assert_type(next(iter(numbers)), int)
    assert_type(len(numbers), int)


def params(of_time: QueryDataParams[TimeRange]) -> None:
    assert_type(of_time.selection, TimeRange | None)
    assert_type(of_time.url_params_dict(), dict[str, str | list[str]])
    assert_type(QueryDataParams(), QueryDataParams[Any])


def tokens(codec: PaginationTokenCodec) -> None:
    assert_type(PaginationTokenCodec(["text", b"bytes", SecretStr("secret")]), PaginationTokenCodec)
    assert_type(codec.encode([1, "a", Decimal(1)], query="q"), str)
    assert_type(codec.decode("token", query="q"), tuple[PageValue, ...])
    codec.encode([None], query="q")  # type: ignore[list-item]  # a null has no place in an order


def problems(content: bytes) -> None:
    assert_type(ProblemDetails.parse(content), ProblemDetails | None)
    assert_type(CognitoProvider.parse(""), CognitoProvider)


class Seams:
    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        raise NotImplementedError

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        raise NotImplementedError

    def authorize(self, request: HttpRequest) -> HttpRequest:
        raise NotImplementedError


def seams(all_of_them: Seams) -> None:
    vault: SecretVault = all_of_them
    provider: CredentialsProvider = all_of_them
    authorizer: RequestAuthorizer = all_of_them
    assert_type(vault.get_secret(Order, "orders"), Order)
    assert_type(provider.get_credentials(refresh=True).password, SecretStr)
    assert_type(authorizer.authorize(HttpRequest("GET", "https://example.com")), HttpRequest)


class Forgetful:
    def get_credentials(self) -> DbLogin:
        raise NotImplementedError


def a_provider_has_to_refresh(forgetful: Forgetful) -> None:
    _: CredentialsProvider = forgetful  # type: ignore[assignment]  # the fault under test
