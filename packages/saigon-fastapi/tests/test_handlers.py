import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from saigon.fastapi.app import create_app
from saigon.fastapi.exceptions import ConfigurationError
from saigon.fastapi.handlers import RequestHandler

Call = Callable[..., httpx.Response]


class NewOrder(BaseModel):
    name: str


class Order(NewOrder):
    id: int


@dataclass
class OrderOf:
    order_id: int
    name: str = ""


class PlaceOrder(RequestHandler[NewOrder, Order]):
    def __init__(self, orders: list[Order]) -> None:
        self._orders = orders

    def handle(self, request: NewOrder) -> Order:
        order = Order(id=len(self._orders), name=request.name)
        self._orders.append(order)
        return order


class ReadHTTPOrder(RequestHandler[OrderOf, Order]):
    async def handle(self, request: Annotated[OrderOf, Depends()]) -> Order:
        return Order(id=request.order_id, name=request.name)


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter(prefix="/orders")
    PlaceOrder([]).add_to(router, "POST", "", status_code=201)
    ReadHTTPOrder().add_to(router, "GET", "/{order_id}")
    return create_app(title="Test", routers=[router])


def test_handler_is_called_without_http() -> None:
    orders: list[Order] = []
    assert PlaceOrder(orders).handle(NewOrder(name="a")) == orders[0]
    assert asyncio.run(ReadHTTPOrder().handle(OrderOf(7, "b"))) == Order(id=7, name="b")


def test_body_path_and_query_are_read(call: Call, app: FastAPI) -> None:
    answer = call(app, "POST", "/orders", json={"name": "a"})
    assert (answer.status_code, answer.json()) == (201, {"name": "a", "id": 0})
    assert call(app, "GET", "/orders/7?name=b").json() == {"name": "b", "id": 7}
    assert call(app, "POST", "/orders", json={}).status_code == 422


def test_operation_has_the_name_of_the_class_and_its_models(app: FastAPI) -> None:
    operation = app.openapi()["paths"]["/orders"]["post"]
    answer = operation["responses"]["201"]["content"]["application/json"]["schema"]
    assert operation["operationId"] == "place_order"
    assert answer == {"$ref": "#/components/schemas/Order"}
    read = app.openapi()["paths"]["/orders/{order_id}"]["get"]
    assert read["operationId"] == "read_http_order"


T = TypeVar("T")


class Echo(RequestHandler[T, T], Generic[T]):
    def handle(self, request: T) -> T:
        return request


class Unannotated(RequestHandler[Any, Any]):
    def handle(self, request):  # type: ignore[no-untyped-def]  # what is tested
        return request


@pytest.mark.parametrize("handler", [Echo[int], Unannotated])
def test_request_that_is_not_told_is_refused(handler: Any) -> None:
    with pytest.raises(ConfigurationError, match="annotate"):
        handler().add_to(APIRouter(), "POST", "/")


def test_handler_is_added_to_an_app_under_a_name_of_choice() -> None:
    class Ping(RequestHandler[None, str]):
        def handle(self) -> str:  # type: ignore[override]  # it takes nothing
            return "pong"

    app = FastAPI()
    Ping().add_to(app, "GET", "/ping", name="is_alive")
    assert app.url_path_for("is_alive") == "/ping"
