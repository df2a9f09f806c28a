from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import BaseModel, Field, PydanticUserError, RootModel, TypeAdapter
from typing_extensions import TypedDict

from saigon.model import BasicRestResponse, DataSet, EmptyContent
from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

ORDER = '{"orderId": 7}'


@dataclass
class Point:
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Ids(RootModel[list[int]]):
    pass


def test_a_resource_is_read_as_its_model(client: RestClientBase, server: Any, order: Any) -> None:
    server.answer(200, ORDER)
    got = client.get_resource("/orders/{id}", order, path_params={"id": 7}, params={"q": "a b"})
    assert got == order(orderId=7)
    assert server.seen[0].target == "/orders/7?q=a%20b"
    assert server.seen[0].headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("body", "expected", "result"),
    [
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", TypeAdapter(set[int]), {1, 2}),
        ('{"a": "2026-05-17"}', dict[str, date], {"a": date(2026, 5, 17)}),
        ('{"x": 1}', Point, Point(1)),
        ('{"title": "M"}', Movie, {"title": "M"}),
        ('{"kind": "dog"}', Cat | Dog, Dog(kind="dog")),
        ("[1]", Ids, Ids([1])),
        ('{"data": [{"x": 1}]}', DataSet[Point], DataSet[Point](data=[Point(1)])),
        ("[1]", Annotated[list[int], Field(min_length=1)], [1]),
        ("[1]", Annotated[list[int], ["no hash"]], [1]),
        ("{}", EmptyContent, EmptyContent()),
        ("", EmptyContent, EmptyContent()),
        ("", type(None), None),
        ("null", TypeAdapter(int | None), None),
        ("", TypeAdapter(int | None), None),
        ("raw", bytes, b"raw"),
        ("raw", BasicRestResponse, BasicRestResponse(status_code=200, content="raw")),
    ],
    ids=range(17),
)
def test_any_type_that_pydantic_knows_is_a_model(
    client: RestClientBase, server: Any, body: str, expected: Any, result: Any
) -> None:
    server.answer(200, body)
    assert client.get_resource("/", expected) == result


def test_a_type_that_is_none_is_refused_before_anything_is_sent(
    client: RestClientBase, server: Any
) -> None:
    with pytest.raises(PydanticUserError):
        client.create_resource("/orders", {}, cast("type", object.__init__))
    assert not server.seen


@pytest.mark.parametrize("status", [200, 204, 205])
def test_no_body_is_empty_content_or_none(
    client: RestClientBase, server: Any, order: Any, status: int
) -> None:
    for _ in range(4):
        server.answer(status)
    assert client.get_resource("/", EmptyContent) == EmptyContent()
    assert client.get_resource("/", TypeAdapter(order | None)) is None
    assert client.request("GET", "/").data is None
    with pytest.raises(exceptions.ResponseValidationError):
        client.get_resource("/", order)


def test_head_has_headers_and_no_body(client: RestClientBase, server: Any, order: Any) -> None:
    server.answer(200, ORDER, ETag="e")
    response = client.request("HEAD", "/orders/7", TypeAdapter(order | None))
    assert (response.data, response.headers["etag"]) == (None, "e")


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        ("text/plain", "\N{EURO SIGN}".encode(), "\N{EURO SIGN}"),
        ("text/plain; charset=latin-1", b"\xfc", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"),
        ("text/plain; charset=none-such", b"a", "a"),
        ("text/plain", b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_text_is_utf_8_unless_it_says_otherwise(
    client: RestClientBase, server: Any, media_type: str, body: bytes, text: str
) -> None:
    server.answer(200, body, Content_Type=media_type)
    assert client.get_resource("/", BasicRestResponse).content == text


def test_resources_are_created_updated_patched_and_deleted(
    client: RestClientBase, server: Any, order: Any
) -> None:
    one = order(orderId=7)
    for status in (201, 200, 200, 204):
        server.answer(status, ORDER if status != 204 else "")
    assert client.create_resource("/orders", one, order).order_id == 7
    assert client.update_resource("/orders/7", one, order).order_id == 7
    assert client.patch_resource("/orders/7", one, order).order_id == 7
    client.delete_resource("/orders/7")
    assert [(seen.method, seen.body) for seen in server.seen] == [
        ("POST", b'{"orderId":7,"note":null}'),
        ("PUT", b'{"orderId":7,"note":null}'),
        ("PATCH", b'{"orderId":7}'),
        ("DELETE", b""),
    ]
    assert [seen.headers["Content-Type"] for seen in server.seen] == [
        *["application/json"] * 3,
        None,
    ]


def test_without_a_model_nothing_is_read(client: RestClientBase, server: Any) -> None:
    server.answer(200, "not json")
    assert client.request("POST", "/orders", body={"a": [1, None]}).data is None
    assert server.seen[0].body == b'{"a":[1,null]}'


def test_a_missing_resource_may_be_deleted(client: RestClientBase, server: Any) -> None:
    for body in ("", '{"message":"Not Found"}'):
        server.answer(404, body)
        client.delete_resource("/orders/7", missing_ok=True)
    server.answer(404)
    with pytest.raises(exceptions.NotFoundError):
        client.delete_resource("/orders/7")
    server.answer(409)
    with pytest.raises(exceptions.ConflictError):
        client.delete_resource("/orders/7", missing_ok=True)


def test_a_list_is_a_json_array(client: RestClientBase, server: Any, order: Any) -> None:
    server.answer(200, f"[{ORDER}, {ORDER}]")
    assert client.list_resources("/orders", order) == [order(orderId=7)] * 2
    server.answer(200, f'{{"data": [{ORDER}]}}')
    with pytest.raises(exceptions.ResponseValidationError):
        client.list_resources("/orders", order)


def test_an_answer_tells_what_surrounds_it(client: RestClientBase, server: Any, order: Any) -> None:
    server.answer(503)
    server.answer(202, ORDER, x_amzn_RequestId="id-1", ETag="e")
    response = client.request("put", "/orders/7", order, body=order(orderId=7))
    assert (response.status, response.request_id, response.attempts) == (202, "id-1", 2)
    assert (response.headers["etag"], response.data.order_id) == ("e", 7)
    assert response.elapsed > 0


def test_what_was_not_modified_is_no_error(client: RestClientBase, server: Any) -> None:
    server.answer(304, ETag="e")
    response = client.request("GET", "/orders/7", headers={"If-None-Match": "e"})
    assert (response.status, response.data) == (304, None)


def test_headers_of_a_call_come_before_those_of_the_client(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    client = make_client(headers={"X-Own": "client", "accept": "text/csv", "User-Agent": "mine"})
    client.request("POST", "/", body={}, headers={"x-own": "call", "content-type": "text/x"})
    headers = server.seen[0].headers
    assert headers.get_all("X-Own") == ["call"]
    assert headers.get_all("Content-Type") == ["text/x"]
    assert headers.get_all("Accept") == ["text/csv"]
    assert headers.get_all("User-Agent") == ["mine"]


def test_an_authorizer_replaces_the_request(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Wrapping:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            headers = {**request.headers, "Authorization": "Bearer t"}
            assert isinstance(request.body, bytes)
            return HttpRequest(
                request.method, f"{request.url}?v=1", headers, b"[%b]" % request.body
            )

    make_client(auth=Wrapping()).create_resource("/orders", {"a": 1})
    seen = server.seen[0]
    assert (seen.target, seen.headers["Authorization"]) == ("/orders?v=1", "Bearer t")
    assert (seen.body, seen.headers["Content-Length"]) == (b'[{"a":1}]', "9")
