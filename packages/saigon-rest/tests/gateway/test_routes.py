from collections.abc import Mapping
from typing import Any

import pytest

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._target.routes import Routes

ROUTES = {
    "GET /health/live": "NONE",
    "ANY /{proxy+}": "AWS_IAM",
    "GET /open/{id}": "NONE",
    "GET /open/secret": "AWS_IAM",
    "ANY /assets/{path+}": "NONE",
    "POST /assets/upload": "AWS_IAM",
}


def asks_for(
    method: str, path: str, *, routes: Mapping[str, Any] | None = ROUTES, flavour: Any = "rest"
) -> str | None:
    try:
        return Routes(routes, flavour).authorization(method, path)
    except RefusedError:
        return None


@pytest.mark.parametrize("flavour", ["rest", "http"])
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/health/live", "NONE"),
        ("GET", "/health/ready", "AWS_IAM"),
        ("GET", "/health/live/", "AWS_IAM"),
        ("GET", "/open/1", "NONE"),
        ("GET", "/open/secret", "AWS_IAM"),
        ("GET", "/open/", "AWS_IAM"),
        ("GET", "/open/1/2", "AWS_IAM"),
        ("GET", "/assets/a/b.css", "NONE"),
        ("POST", "/assets/upload", "AWS_IAM"),
        ("GET", "/", None),
    ],
)
def test_the_most_exact_route_is_the_requests(
    flavour: str, method: str, path: str, expected: str | None
) -> None:
    assert asks_for(method, path, flavour=flavour) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/health/../orders",
        "/health/%2e%2e/orders",
        "/assets/../orders",
        "/assets/%2E%2e/orders",
        "/assets/..%2forders",
        "/assets//../../orders",
        "/orders/../health/live",
        "/orders/..%2Fhealth/live",
        "//health/live",
        "/health%2Flive",
        "/health/liv%65",
        "/open/..%2Fopen/secret",
    ],
)
def test_no_way_of_writing_a_path_opens_another_route(path: str) -> None:
    assert asks_for("GET", path) == "AWS_IAM"


def test_a_service_takes_a_path_decoded_and_unresolved() -> None:
    routes = {"GET /{page}": "NONE", "ANY /admin/{path+}": "AWS_IAM"}
    assert asks_for("GET", "/admin%2F..%2Fx", routes=routes) == "AWS_IAM"


def test_a_variable_may_hold_an_escaped_slash() -> None:
    routes = {"GET /files/{name}": "AWS_IAM", "GET /open/{name}": "NONE"}
    assert asks_for("GET", "/files/a%2Fb", routes=routes) == "AWS_IAM"
    assert asks_for("GET", "/open/..%2Fadmin", routes=routes) == "AWS_IAM"
    assert asks_for("GET", "/files/a/b", routes=routes) is None


@pytest.mark.parametrize(("flavour", "expected"), [("rest", None), ("http", "AWS_IAM")])
def test_in_a_rest_api_the_path_alone_chooses_the_resource(
    flavour: str, expected: str | None
) -> None:
    assert asks_for("POST", "/health/live", flavour=flavour) == expected


def test_a_method_of_its_own_is_more_exact_than_any() -> None:
    routes = {"ANY /orders": "AWS_IAM", "OPTIONS /orders": "NONE"}
    assert asks_for("OPTIONS", "/orders", routes=routes) == "NONE"
    assert asks_for("GET", "/orders", routes=routes) == "AWS_IAM"


def test_an_http_api_may_have_a_default_route() -> None:
    routes = {"GET /orders": "AWS_IAM", "$default": "NONE"}
    assert asks_for("GET", "/", routes=routes, flavour="http") == "NONE"
    assert asks_for("GET", "/orders", routes=routes, flavour="http") == "AWS_IAM"
    with pytest.raises(ConfigurationError):
        Routes({"$default": "NONE"}, "rest")


def test_without_routes_everything_asks_for_a_signature() -> None:
    assert asks_for("PURGE", "/", routes=None) == "AWS_IAM"
    assert asks_for("GET", "/", routes={}) is None


@pytest.mark.parametrize(
    "key",
    [
        "GET",
        "/orders",
        "GET orders",
        "get /orders",
        "FETCH /orders",
        "GET /{proxy+}/orders",
        "GET /{}",
        "GET /orders/{id",
        "GET /a?b",
        "GET  /orders",
    ],
)
def test_an_odd_route_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a route such as"):
        Routes({key: "NONE"}, "rest")


def test_a_route_is_there_once_and_asks_for_something_known() -> None:
    with pytest.raises(ConfigurationError, match="another route has the same"):
        Routes({"GET /a/{x}": "NONE", "GET /a/{y}": "AWS_IAM"}, "rest")
    with pytest.raises(ConfigurationError, match="expected 'AWS_IAM' or 'NONE'"):
        Routes({"GET /a": "JWT"}, "rest")  # type: ignore[dict-item]  # what is refused


@pytest.mark.parametrize(
    ("flavour", "status", "body"),
    [
        ("rest", 403, {"message": "Missing Authentication Token"}),
        ("http", 404, {"message": "Not Found"}),
    ],
)
def test_an_unknown_route_is_answered_so_even_to_who_signs(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str, status: int, body: Any
) -> None:
    gateway = make_gateway(flavour=flavour, routes={"GET /orders": "AWS_IAM"})
    assert send(gateway, sign("GET", "/orders")).status_code == 200
    response = send(gateway, sign("GET", "/nowhere"))
    assert (response.status_code, response.json(), echo.calls) == (status, body, 1)
    assert response.headers.get("x-amzn-errortype") == (
        "MissingAuthenticationTokenException" if flavour == "rest" else None
    )


@pytest.mark.parametrize("flavour", ["rest", "http"])
def test_an_open_route_needs_no_signature_and_a_signed_one_does(
    make_gateway: Any, echo: Any, sign: Any, send: Any, flavour: str
) -> None:
    gateway = make_gateway(flavour=flavour, routes=ROUTES)
    unsigned = {"Authorization": None, "X-Amz-Date": None, "X-Amz-Security-Token": None}
    assert send(gateway, sign("GET", "/health/live"), headers=unsigned).status_code == 200
    assert send(gateway, sign("GET", "/orders"), headers=unsigned).status_code == 403
    assert echo.calls == 1
