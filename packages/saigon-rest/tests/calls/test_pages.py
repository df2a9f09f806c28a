from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.model import QueryDataParams, QueryDataResult
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

ITEM = '{"orderId": 7}'


class Status(BaseModel):
    status: str


@pytest.fixture
def page(server: Any) -> Callable[..., None]:
    """Have the server answer with a page."""

    def answer(token: str | None, data: str = ITEM) -> None:
        next_page = f', "page_token": "{token}"' if token else ""
        server.answer(200, f'{{"data": [{data}]{next_page}}}')

    return answer


@pytest.mark.parametrize(
    "params",
    [
        QueryDataParams[Status](max_count=2, selection=Status(status="open")),
        Status(status="open"),
        {"status": "open"},
    ],
    ids=["query", "model", "mapping"],
)
def test_pages_are_read_by_their_token(
    client: RestClientBase, server: Any, page: Callable[..., None], order: Any, params: Any
) -> None:
    page("next+1/=&%2B\N{LATIN SMALL LETTER U WITH DIAERESIS}")
    page(None)
    pages = list(client.paginate("/orders", order, params=params))
    assert [[item.order_id for item in one] for one in pages] == [[7], [7]]
    assert isinstance(pages[0], QueryDataResult)
    first, second = (set(seen.target.partition("?")[2].split("&")) for seen in server.seen)
    assert "status=open" in first
    assert second - first == {"page_token=next%2B1%2F%3D%26%252B%C3%BC"}


def test_reading_begins_at_the_page_that_was_asked_for(
    client: RestClientBase, server: Any, page: Callable[..., None], order: Any
) -> None:
    page("c")
    page(None)
    params = {"page_token": "b"}
    assert len(list(client.paginate("/orders", order, params=params))) == 2
    assert [seen.target for seen in server.seen] == [
        "/orders?page_token=b",
        "/orders?page_token=c",
    ]
    assert params == {"page_token": "b"}


def test_a_page_is_read_only_when_it_is_asked_for(
    client: RestClientBase, server: Any, page: Callable[..., None], order: Any
) -> None:
    for token in "abc":
        page(token)
    pages = client.paginate("/orders", order)
    assert not server.seen
    assert len(list(islice(pages, 2))) == 2
    assert len(server.seen) == 2


def test_a_page_without_items_is_not_the_last(
    client: RestClientBase, page: Callable[..., None], order: Any
) -> None:
    page("a", data="")
    page(None)
    assert [len(one) for one in client.paginate("/orders", order)] == [0, 1]


def test_a_page_tells_the_total(client: RestClientBase, server: Any, order: Any) -> None:
    server.answer(200, '{"data": [], "total": 5}')
    assert next(client.paginate("/orders", order)).total == 5


@pytest.mark.parametrize("tokens", ["aa", "aba", "abcb"])
def test_pages_that_lead_back_end_the_loop(
    client: RestClientBase, server: Any, page: Callable[..., None], order: Any, tokens: str
) -> None:
    for token in tokens * 3:
        page(token)
    with pytest.raises(exceptions.PaginationError, match="pages of /orders lead back") as caught:
        list(client.paginate("/orders?key=hidden", order))
    assert "hidden" not in str(caught.value)
    assert len(server.seen) == len(tokens)


def test_a_page_is_tried_again_alone(
    client: RestClientBase, server: Any, page: Callable[..., None], order: Any
) -> None:
    page("a")
    server.answer(503)
    page(None)
    assert len(list(client.paginate("/orders", order))) == 2
    assert [seen.target for seen in server.seen] == ["/orders", *["/orders?page_token=a"] * 2]
