"""A call over a connection that is kept, on an event loop, by a client of ours and by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import httpx

from saigon.rest.client import AsyncRestClient
from tools.bench.answer_server import start_answer_server
from tools.bench.registry import Pair, bench, same_result
from tools.bench.sales import Sale, new_body

_ID: Final = "sale 17"
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)  # as ours by default


@bench(
    "calling-async",
    peer="httpx.AsyncClient and model_validate_json by hand",
    goal="at most 1.5",
)
@contextmanager
def get() -> Iterator[Pair]:
    """Compare reading a resource of 300 bytes into a model."""
    # Runner.run would set a signal's handler for each call.
    with start_answer_server(new_body(17)) as server, asyncio.Runner() as runner:
        run = runner.get_loop().run_until_complete
        client, session = AsyncRestClient(server.url), httpx.AsyncClient(timeout=_TIMEOUT)

        async def by_hand() -> Sale:
            response = await session.get(f"{server.url}/sales/{quote(_ID, safe='')}")
            response.raise_for_status()
            return Sale.model_validate_json(response.content)

        async def ours() -> Sale:
            return await client.get_resource("/sales/{id}", Sale, path_params={"id": _ID})

        yield same_result(Pair(ours=lambda: run(ours()), peer=lambda: run(by_hand())))
        run(session.aclose())
        run(client.aclose())
