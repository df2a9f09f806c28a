from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from saigon.fastapi.app import create_app
from saigon.fastapi.exceptions import DuplicateOperationIdError
from saigon.fastapi.routing import use_route_names_as_operation_ids


def ids(app: FastAPI) -> dict[str, str]:
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation["operationId"]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


@pytest.fixture
def orders() -> APIRouter:
    router = APIRouter(prefix="/orders")

    @router.get("/{order_id}")
    def read_order(order_id: int) -> int:
        return order_id

    @router.post("", operation_id="placeOrder")
    def create_order() -> int:
        return 1

    return router


def test_names_are_ids_in_direct_included_and_nested_routers(orders: APIRouter) -> None:
    app, api = FastAPI(), APIRouter(prefix="/api")
    api.include_router(orders, prefix="/v1")
    app.include_router(api)

    @app.get("/ping")
    def ping() -> str:
        return "pong"

    use_route_names_as_operation_ids(app)
    assert ids(app) == {
        "GET /api/v1/orders/{order_id}": "read_order",
        "POST /api/v1/orders": "placeOrder",
        "GET /ping": "ping",
    }


def test_fastapi_offers_included_routes_with_their_whole_path(orders: APIRouter) -> None:
    """The ids rest on these route contexts; the list of ``app.routes`` is a tree."""
    app = FastAPI(openapi_url=None)
    app.include_router(orders, prefix="/v1")
    contexts = list(iter_route_contexts(app.routes))
    assert [context.path_format for context in contexts] == ["/v1/orders/{order_id}", "/v1/orders"]


def test_route_added_later_is_named_too(orders: APIRouter) -> None:
    app = FastAPI()
    use_route_names_as_operation_ids(app)
    app.include_router(orders)
    assert ids(app)["GET /orders/{order_id}"] == "read_order"


def test_router_included_twice_is_refused_with_both_routes_named(orders: APIRouter) -> None:
    app = FastAPI()
    app.include_router(orders, prefix="/v1")
    app.include_router(orders, prefix="/v2")
    with pytest.raises(
        DuplicateOperationIdError, match=r"GET /v1/orders/\{order_id\} and GET /v2/orders/"
    ):
        use_route_names_as_operation_ids(app)


def test_router_included_twice_takes_the_ids_of_the_inclusion() -> None:
    router = APIRouter()

    @router.get("/orders")
    def list_orders() -> int:
        return 1

    app = FastAPI()
    app.include_router(router)
    app.include_router(
        router, prefix="/v2", generate_unique_id_function=lambda route: f"{route.name}_v2"
    )
    use_route_names_as_operation_ids(app)
    assert ids(app) == {"GET /orders": "list_orders", "GET /v2/orders": "list_orders_v2"}


def test_route_of_several_methods_has_an_id_for_each() -> None:
    app = FastAPI()

    @app.api_route("/order", methods=["GET", "PUT"])
    def order() -> int:
        return 1

    use_route_names_as_operation_ids(app)
    assert ids(app) == {"GET /order": "order_get", "PUT /order": "order_put"}


def test_two_routes_of_one_name_are_refused() -> None:
    app = FastAPI()
    app.add_api_route("/a", lambda: 1, name="same")
    app.add_api_route("/b", lambda: 1, name="same")
    with pytest.raises(DuplicateOperationIdError, match="GET /a and GET /b"):
        use_route_names_as_operation_ids(app)


def test_hidden_routes_may_share_a_name() -> None:
    app = FastAPI()
    app.add_api_route("/a", lambda: 1, name="same")
    app.add_api_route("/b", lambda: 1, name="same", include_in_schema=False)
    use_route_names_as_operation_ids(app)


def test_another_app_with_the_same_router_keeps_its_ids(orders: APIRouter) -> None:
    named, other = FastAPI(), FastAPI()
    named.include_router(orders)
    other.include_router(orders)
    use_route_names_as_operation_ids(named)
    assert ids(named)["GET /orders/{order_id}"] == "read_order"
    assert ids(other)["GET /orders/{order_id}"] == "read_order_orders__order_id__get"


def test_line_has_the_template_of_each_inclusion(
    call: Callable[..., httpx.Response], access_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    inner, outer = APIRouter(), APIRouter(prefix="/api")

    @inner.get("/{item}")
    def read(item: int) -> int:
        return item

    outer.include_router(inner, prefix="/a")
    outer.include_router(
        inner, prefix="/b", generate_unique_id_function=lambda route: f"{route.name}_b"
    )
    app = create_app(title="Test", routers=[outer])
    for path in ("/api/a/1", "/api/b/1"):
        call(app, "GET", path)
    assert [line["route"] for line in access_lines()] == ["/api/a/{item}", "/api/b/{item}"]
