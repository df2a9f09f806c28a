"""What type checkers make of the public names; checked, not run."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, assert_type

if TYPE_CHECKING:
    from pydantic import BaseModel, TypeAdapter

    from saigon.model import QueryDataResult
    from saigon.rest.client import AsyncRestClient, AsyncRestStream, RestClientBase, RestResponse

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

    async def ask() -> int:
        return 1

    async def async_calls(client: AsyncRestClient) -> None:
        adapter: TypeAdapter[int | None] = TypeAdapter(int | None)
        assert_type(await client.get_resource("/", Order), Order)
        assert_type(await client.get_resource("/", dict[str, int]), dict[str, int])
        assert_type(await client.get_resource("/", adapter), int | None)
        assert_type(await client.list_resources("/", Order), list[Order])
        assert_type(client.paginate("/", Order), AsyncIterator[QueryDataResult[Order]])
        assert_type(await client.create_resource("/", {}, Order), Order)
        assert_type(await client.update_resource("/", {}, Order), Order)
        assert_type(await client.patch_resource("/", {}, Order), Order)
        assert_type(await client.delete_resource("/", Order), Order | None)
        assert_type(await client.request("GET", "/", Order), RestResponse[Order])
        assert_type(await client.request("GET", "/"), RestResponse[None])
        assert_type(await client.wait_for_condition(lambda: 1, 1), int)
        assert_type(await client.wait_for_condition(ask, 1), int)
        assert_type(
            await client.wait_for_condition(lambda: client.get_resource("/", Order), 1), Order
        )
        assert_type(await client.download_to("/", "file"), int)
        async with client.stream("/") as stream:
            assert_type(stream, AsyncRestStream)
            assert_type(stream.aiter_bytes(), AsyncIterator[bytes])


def test_the_types_are_checked_by_mypy() -> None:
    assert not TYPE_CHECKING
