"""What type checkers make of the public names; checked, not run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, assert_type

if TYPE_CHECKING:
    from pydantic import BaseModel, TypeAdapter

    from saigon.model import QueryDataResult
    from saigon.rest.client import RestClientBase, RestResponse

    class Order(BaseModel):
        order_id: int

    def calls(client: RestClientBase) -> None:
        adapter: TypeAdapter[int | None] = TypeAdapter(int | None)
        assert_type(client.get_resource("/", Order), Order)
        assert_type(client.get_resource("/", dict[str, int]), dict[str, int])
        assert_type(client.get_resource("/", adapter), int | None)
        assert_type(client.list_resources("/", Order), list[Order])
        assert_type(client.paginate("/", Order), Iterator[QueryDataResult[Order]])
        assert_type(client.create_resource("/", {}, Order), Order)
        assert_type(client.delete_resource("/", Order), Order | None)
        assert_type(client.request("GET", "/", Order), RestResponse[Order])
        assert_type(client.request("GET", "/"), RestResponse[None])
        assert_type(client.wait_for_condition(lambda: 1, 1), int)


def test_the_types_are_checked_by_mypy() -> None:
    assert not TYPE_CHECKING
