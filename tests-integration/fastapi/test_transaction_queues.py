"""Requests that wait for a connection."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from saigon.fastapi.transactions import db_transaction
from saigon.fastapi.utils import create_app
from saigon.orm.connection import DbConnector, Transaction


@pytest.fixture
def narrow(sqlite_url: str) -> Iterator[Callable[[], DbConnector]]:
    """Make connectors of one connection each, which nobody waits for in vain for long."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            DbConnector(sqlite_url, pool_size=1, max_overflow=0, pool_timeout=2)
        )


async def _get_often(app: FastAPI, times: int) -> set[int]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
        answers = await asyncio.gather(*(session.get("/") for _ in range(times)))
    return {answer.status_code for answer in answers}


def test_who_joins_does_not_queue_behind_who_waits(narrow: Callable[[], DbConnector]) -> None:
    """The router's transaction is open; the endpoint's is the same."""
    connector = narrow()
    router = APIRouter(dependencies=[db_transaction(connector)])

    @router.get("/")
    async def endpoint(transaction: Annotated[Transaction, db_transaction(connector)]) -> None:
        await asyncio.sleep(0)

    assert asyncio.run(_get_often(create_app(title="Test", routers=[router]), 60)) == {200}


def test_two_connectors_have_a_queue_each(narrow: Callable[[], DbConnector]) -> None:
    first, second = narrow(), narrow()
    router = APIRouter(
        dependencies=[db_transaction(first, read_only=True), db_transaction(second, read_only=True)]
    )

    @router.get("/")
    async def endpoint() -> None:
        await asyncio.sleep(0)

    assert asyncio.run(_get_often(create_app(title="Test", routers=[router]), 60)) == {200}
