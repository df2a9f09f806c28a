from typing import Any

import pytest

from saigon.rest.exceptions import ConfigurationError


def test_the_stage_is_signed_and_becomes_the_root_path(
    make_gateway: Any, echo: Any, sign: Any, send: Any
) -> None:
    gateway = make_gateway(stage="prod")
    assert send(gateway, sign("GET", "/prod/orders")).status_code == 200
    assert (echo.scope["root_path"], echo.scope["path"]) == ("/prod", "/prod/orders")
    altered = send(gateway, sign("GET", "/orders"), url="http://127.0.0.1:8000/prod/orders")
    assert altered.headers["x-amzn-errortype"] == "InvalidSignatureException"


@pytest.mark.parametrize("path", ["/orders", "/", "/production/orders", "/test/orders", "//prod/a"])
@pytest.mark.parametrize(
    ("flavour", "status", "body"),
    [("rest", 403, {"message": "Forbidden"}), ("http", 404, {"message": "Not Found"})],
)
def test_another_stage_is_refused(  # noqa: PLR0917  # fixtures and the table's columns
    make_gateway: Any,
    echo: Any,
    sign: Any,
    send: Any,
    flavour: str,
    status: int,
    body: Any,
    path: str,
) -> None:
    response = send(make_gateway(flavour=flavour, stage="prod"), sign("GET", path))
    assert (response.status_code, response.json(), echo.calls) == (status, body, 0)
    assert response.headers.get("x-amzn-errortype") == (
        "ForbiddenException" if flavour == "rest" else None
    )


def test_routes_are_below_the_stage(make_gateway: Any, sign: Any, send: Any) -> None:
    gateway = make_gateway(stage="prod", routes={"GET /": "NONE", "GET /orders": "NONE"})
    for path in ("/prod", "/prod/", "/prod/orders"):
        assert send(gateway, sign("GET", path)).status_code == 200
    assert send(gateway, sign("GET", "/prod/prod/orders")).status_code == 403


def test_the_default_stage_has_no_name(make_gateway: Any, echo: Any, sign: Any, send: Any) -> None:
    gateway = make_gateway(flavour="http", stage="$default", mapping={"X-Stage": "$context.stage"})
    assert send(gateway, sign("GET", "/orders")).status_code == 200
    assert echo.headers("X-Stage") == ["$default"]
    assert echo.scope["root_path"] == ""


@pytest.mark.parametrize("stage", ["a/b", "", "$other", "ä", "a" * 129])
def test_an_odd_stage_is_refused(make_gateway: Any, stage: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a stage"):
        make_gateway(stage=stage)
