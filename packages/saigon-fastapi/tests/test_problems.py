import asyncio
import inspect
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import (
    APIRouter,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    WebSocket,
)
from pydantic import AfterValidator, BaseModel, SecretStr, ValidationError, ValidationInfo
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router

from saigon.fastapi._validation_errors import FIXED_MESSAGE
from saigon.fastapi.app import create_app
from saigon.fastapi.problems import install_problem_handlers, validation_error_exception_handler
from saigon.model.pagination import InvalidPaginationToken
from saigon.model.problems import ProblemDetails
from saigon.orm.exceptions import DbErrorKind, DbExecutionError

Call = Callable[..., httpx.Response]


def _refuse(value: SecretStr) -> SecretStr:
    raise ValueError(f"{value.get_secret_value()} is no good password")


def _advise(value: str) -> str:
    raise ValueError("names start with a letter")


def _compare(value: str, info: ValidationInfo) -> str:
    raise ValueError(f"{value} is not {info.data.get('password')}")


def _compare_all(value: str, info: ValidationInfo) -> str:
    raise ValueError(f"not allowed beside {info.data}")


class NewPassword(BaseModel):
    password: str
    repeated: Annotated[str, AfterValidator(_compare)]


class Login(BaseModel):
    name: str
    age: int = 0
    password: SecretStr | None = None
    refused: Annotated[SecretStr, AfterValidator(_refuse)] | None = None
    advised: Annotated[str, AfterValidator(_advise)] | None = None
    tags: dict[str, int] = {}
    numbers: list[int] = []
    ratio: float = 0.0


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter()

    @router.post("/login")
    def login(login: Login) -> dict[str, str]:
        return {"name": login.name}

    @router.post("/password")
    def password(new: NewPassword) -> None:
        raise AssertionError

    @router.post("/passwords")
    def passwords(all_of: dict[str, list[NewPassword]]) -> None:
        raise AssertionError

    @router.get("/raise/{kind}")
    async def fail(kind: str) -> None:
        errors: dict[str, Exception] = {
            "404": HTTPException(404, "no such order"),
            "401": HTTPException(401, headers={"WWW-Authenticate": "Bearer"}),
            "409": HTTPException(409, detail={"field": "sku"}),
            "418": HTTPException(418, detail="\ud800" * 10_000),
            "nul": HTTPException(418, detail="\x00" * 10_000),
            "wide": HTTPException(418, detail="\U0001f600" * 10_000),
            "500": HTTPException(500, "hunter2"),
            "304": HTTPException(304),
            "token": InvalidPaginationToken(),
        }
        raise errors[kind]

    @router.get("/inside")
    def inside() -> None:
        Login.model_validate({"name": 1})

    return create_app(title="Test", routers=[router])


def problem(answer: httpx.Response, status: int) -> ProblemDetails:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = ProblemDetails.model_validate_json(answer.content)
    assert document.status == status
    assert document.request_id == answer.headers["x-request-id"]
    return document


HUGE = "A" * 1_000_000
HOSTILE: dict[str, bytes] = {
    "nan": b'{"name": NaN, "age": NaN, "numbers": [Infinity]}',
    "surrogate value": b'{"name": "\\ud800", "age": "\\udfff"}',
    "surrogate key": b'{"name": "x", "tags": {"\\ud800": "y"}}',
    "huge": json.dumps({"name": [HUGE], "age": HUGE, "tags": {HUGE: "x"}}).encode(),
    "many": json.dumps({"name": 1, "numbers": ["\u20ac" * 30] * 10_000}).encode(),
    "many keys": json.dumps(
        {"name": "x", "tags": {"\u20ac" * 60 + str(i): "y" for i in range(99)}},
        ensure_ascii=False,
    ).encode(),
    "deep": b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not json": b'{"name": ',
    "not utf-8": b'{"name": "\xff\xfe"}',
    "null": b"null",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_body_is_a_small_problem(call: Call, app: FastAPI, body: bytes) -> None:
    answer = call(app, "POST", "/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    problem(answer, answer.status_code)
    assert len(answer.content) < 8000


@pytest.mark.parametrize(
    "secret", ["hunter2", "correct horse battery staple", '"quoted\\n\u20ac"', "x"]
)
def test_secret_is_not_echoed_by_a_validator(call: Call, app: FastAPI, secret: str) -> None:
    body = {"name": "n", "refused": secret, "password": {"nested": secret}}
    answer = call(app, "POST", "/login", json=body)
    errors = problem(answer, 422).errors or []
    assert {str(error.loc[1]) for error in errors} == {"password", "refused"}
    assert all(secret not in error.msg for error in errors if "refused" in error.loc)


def test_secret_is_not_echoed_by_the_validator_of_the_next_field(call: Call, app: FastAPI) -> None:
    new = {"password": "correct horse battery staple", "repeated": ""}
    for path, body in (("/password", new), ("/passwords", {"a": [new]})):
        (error,) = problem(call(app, "POST", path, json=body), 422).errors or []
        assert error.loc[-1] == "repeated"
        assert error.msg == FIXED_MESSAGE


def test_message_of_a_validator_is_kept_where_it_quotes_nothing(call: Call, app: FastAPI) -> None:
    answer = call(app, "POST", "/login", json={"name": "n", "advised": "7up"})
    (error,) = problem(answer, 422).errors or []
    assert error.msg == "Value error, names start with a letter"
    assert error.loc == ["body", "advised"]


def test_count_is_told_where_not_all_are_listed(call: Call, app: FastAPI) -> None:
    answer = call(app, "POST", "/login", json={"name": "n", "numbers": ["x"] * 60})
    document = problem(answer, 422)
    assert document.detail is not None
    assert document.detail.startswith("60 values are not valid; the first ")
    assert 20 <= len(document.errors or []) <= 50


def test_error_of_the_service_is_500_and_stays_inside(call: Call, app: FastAPI) -> None:
    answer = call(app, "GET", "/inside")
    assert problem(answer, 500).errors is None


def test_http_exceptions_are_problems(call: Call, app: FastAPI) -> None:
    assert problem(call(app, "GET", "/raise/404"), 404).detail == "no such order"
    unauthorized = call(app, "GET", "/raise/401")
    assert problem(unauthorized, 401).title == "Unauthorized"
    assert unauthorized.headers["www-authenticate"] == "Bearer"
    assert problem(call(app, "GET", "/raise/409"), 409).detail == '{"field": "sku"}'
    assert problem(call(app, "GET", "/nowhere"), 404).title == "Not Found"
    wrong_method = call(app, "DELETE", "/login")
    assert problem(wrong_method, 405).title == "Method Not Allowed"
    assert wrong_method.headers["allow"] == "POST"


@pytest.mark.parametrize("kind", ["418", "nul", "wide"])
def test_detail_is_capped_and_encodable(call: Call, app: FastAPI, kind: str) -> None:
    assert len(call(app, "GET", f"/raise/{kind}").content) < 8000


def test_detail_of_a_500_stays_inside(call: Call, app: FastAPI) -> None:
    assert "hunter2" not in call(app, "GET", "/raise/500").text


def test_status_without_a_body_has_none(call: Call, app: FastAPI) -> None:
    assert call(app, "GET", "/raise/304").content == b""


def test_page_token_that_is_not_valid_is_400(call: Call, app: FastAPI) -> None:
    assert problem(call(app, "GET", "/raise/token"), 400).detail == "the page token is not valid"


def test_app_without_the_middleware_has_problems_without_an_id(call: Call) -> None:
    app = FastAPI()
    install_problem_handlers(app)
    answer = call(app, "GET", "/nowhere")
    assert ProblemDetails.model_validate_json(answer.content).request_id is None


def test_handlers_work_without_saigon_orm(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.setitem(sys.modules, "saigon.orm.exceptions", None)
    assert call(create_app(title="Test"), "GET", "/nowhere").status_code == 404


def test_handler_stands_alone(call: Call) -> None:
    app = FastAPI(exception_handlers={422: validation_error_exception_handler})

    @app.get("/")
    def endpoint(number: int) -> int:
        return number

    assert call(app, "GET", "/?number=x").status_code == 422


def test_websocket_with_bad_parameters_is_closed_without_an_echo(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any]
) -> None:
    router = APIRouter()

    @router.websocket("/{number}")
    async def endpoint(number: int) -> None:
        raise AssertionError

    app = create_app(title="Test", routers=[router])
    scope = http_scope | {"type": "websocket", "path": "/hunter2", "subprotocols": []}
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    assert sent[0]["type"] == "websocket.close"
    assert sent[0]["code"] == 1008
    assert "hunter2" not in str(sent)


def test_error_of_a_dependency_is_the_services_own(call: Call) -> None:
    router = APIRouter()

    def broken() -> None:
        Login.model_validate({})

    @router.get("/", dependencies=[Depends(broken)])
    def endpoint() -> None:
        raise AssertionError

    assert call(create_app(title="Test", routers=[router]), "GET", "/").status_code == 500


def test_validation_error_is_not_a_request_validation_error() -> None:
    with pytest.raises(ValidationError):
        Login.model_validate({})
    assert inspect.iscoroutinefunction(validation_error_exception_handler)


@pytest.mark.parametrize("prefix", ["", "/v1", "/mounted"])
def test_wrong_method_is_told_all_that_are_allowed(call: Call, prefix: str) -> None:
    first, second, inner = APIRouter(), APIRouter(prefix="/orders"), APIRouter()

    @first.get("/orders/{order_id}")
    def read_order(order_id: int) -> None: ...

    @second.put("/{order_id}")
    def put_order(order_id: int) -> None: ...

    @second.delete("/{order_id}")
    def delete_order(order_id: int) -> None:
        raise HTTPException(405, headers={"Allow": "GET"})

    inner.include_router(first)
    inner.include_router(second)
    outer = APIRouter(prefix="/v1")
    outer.include_router(inner)
    app = create_app(title="Test", routers=[outer] if prefix == "/v1" else [inner])
    if prefix == "/mounted":
        mounted, app = app, create_app(title="Outer")
        app.mount("/mounted", mounted)
    answer = call(app, "PATCH", f"{prefix}/orders/7")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PUT")
    assert answer.headers["content-type"] == "application/problem+json"
    own = call(app, "DELETE", f"{prefix}/orders/7")
    assert own.headers["allow"] == "GET", "what an endpoint says stands"


class Beside(BaseModel):
    password: str = ""
    pin: int = 0
    again: Annotated[str, AfterValidator(_compare_all)] = ""


@pytest.mark.parametrize("where", ["query", "header", "cookie"])
def test_secret_beside_a_field_is_not_echoed_wherever_it_comes(call: Call, where: str) -> None:
    router = APIRouter()

    @router.get("/query")
    def query(given: Annotated[Beside, Query()]) -> None: ...

    @router.get("/header")
    def header(given: Annotated[Beside, Header()]) -> None: ...

    @router.get("/cookie")
    def cookie(given: Annotated[Beside, Cookie()]) -> None: ...

    given = {"password": "hunter2", "pin": "471147", "again": "x"}
    sent: dict[str, dict[str, Any]] = {
        "query": {"params": given},
        "header": {"headers": given},
        "cookie": {"headers": {"cookie": "; ".join(f"{k}={v}" for k, v in given.items())}},
    }
    answer = call(create_app(title="Test", routers=[router]), "GET", f"/{where}", **sent[where])
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert "471147" not in answer.text


@pytest.mark.parametrize("status", [600, 99, -1, 102])
def test_status_that_no_server_sends_is_a_crash(call: Call, status: int) -> None:
    assert problem(call(raising(HTTPException(status, "x")), "GET", "/"), 500).status == 500


@pytest.mark.parametrize("status", [204, 205, 304])
def test_status_without_a_body_keeps_its_headers(call: Call, status: int) -> None:
    answer = call(raising(HTTPException(status, headers={"X-Name": "x"})), "GET", "/")
    assert (answer.status_code, answer.content, answer.headers["x-name"]) == (status, b"", "x")


def test_status_without_a_phrase_has_a_title(call: Call) -> None:
    assert problem(call(raising(HTTPException(499, "x")), "GET", "/"), 499).title == "Error"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ({("a", 1): 2}, None),
        (CIRCLE, None),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, '{"at": "2026-01-01 00:00:00+00:00"}'),
        ("Bad Request", None),
    ],
    ids=["keys", "circle", "no JSON", "the title again"],
)
def test_detail_of_any_shape_is_a_problem(call: Call, detail: Any, shown: str | None) -> None:
    assert problem(call(raising(HTTPException(400, detail)), "GET", "/"), 400).detail == shown


def test_detail_of_a_500_is_logged(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    call(raising(HTTPException(500, "the disk is full")), "GET", "/")
    assert "answered with 500: the disk is full" in caplog.messages


ALL_KINDS: list[tuple[DbErrorKind, int]] = [
    *(("unique", 409), ("foreign_key", 409)),
    *(("serialization", 503), ("deadlock", 503), ("timeout", 503), ("connection", 503)),
    *(("not_null", 500), ("check", 500), ("read_only", 500), ("auth", 500), ("other", 500)),
]


@pytest.mark.parametrize(("kind", "status"), ALL_KINDS)
def test_errors_of_the_database_are_problems(call: Call, kind: DbErrorKind, status: int) -> None:
    error = DbExecutionError("orders_pkey", kind=kind, retryable=status == 503)
    answer = call(raising(error), "GET", "/")
    assert problem(answer, status).status == status
    assert "orders_pkey" not in answer.text
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)


def test_whatever_may_be_tried_again_is_503(call: Call) -> None:
    assert (
        call(raising(DbExecutionError("x", kind="other", retryable=True)), "GET", "/").status_code
        == 503
    )


def raising(error: Exception) -> FastAPI:
    router = APIRouter()

    @router.get("/")
    def fail() -> None:
        raise error

    return create_app(title="Test", routers=[router])


def test_router_that_is_mounted_keeps_the_methods_of_its_own() -> None:
    async def endpoint(request: Request) -> PlainTextResponse:
        return PlainTextResponse("")

    app = create_app(title="Test")
    app.mount("/r", Router([Route("/a", endpoint, methods=["GET"])]))

    @app.post("/a")
    def another() -> None: ...

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            return await session.delete("/r/a")

    answer = asyncio.run(main())
    assert (answer.status_code, {*answer.headers["allow"].split(", ")}) == (405, {"GET", "HEAD"})


def test_wrong_method_that_a_websocket_tells_of_is_no_crash(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any]
) -> None:
    router = APIRouter()

    @router.websocket("/ws")
    async def refuse(websocket: WebSocket) -> None:
        raise HTTPException(405, headers={"Allow": "GET"})

    scope = http_scope | {"type": "websocket", "path": "/ws", "subprotocols": []}
    del scope["method"]
    app = create_app(title="Test", routers=[router])
    sent = converse(app, scope, [{"type": "websocket.connect"}])
    assert sent[0]["status"] == 405
