"""Many tasks, cancelled ones, and event loops that come and go."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from saigon.rest.client import AsyncRestClient, RetryPolicy
from saigon.rest.exceptions import ConnectError, InvalidRequestError, NotFoundError, TransportError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ONCE = RetryPolicy(attempts=1)
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


async def at_once(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def half(writer: asyncio.StreamWriter) -> None:
    writer.write(LONG)


async def never(writer: asyncio.StreamWriter) -> None:
    """Leave the call without an answer."""


def test_a_hundred_tasks_share_a_bounded_pool(slow_server: Any) -> None:
    most = 0

    async def counting(writer: asyncio.StreamWriter) -> None:
        nonlocal most
        most = max(most, slow_server.connections - slow_server.closed)
        await asyncio.sleep(0)
        writer.write(OK)

    async def call(url: str) -> int:
        async with AsyncRestClient(url) as client, asyncio.TaskGroup() as group:
            calls = [group.create_task(client.request("GET", "/")) for _ in range(100)]
        return sum(call.result().attempts for call in calls)

    assert asyncio.run(slow_server.serve(counting, call)) == 100
    assert 2 <= most <= 32
    assert slow_server.connections <= 32


def test_one_connection_carries_many_calls(slow_server: Any) -> None:
    async def call(url: str) -> None:
        async with AsyncRestClient(url) as client:
            for _ in range(100):
                await client.request("GET", "/")

    asyncio.run(slow_server.serve(at_once, call))
    assert slow_server.connections == 1


@pytest.mark.parametrize("answer", [never, half], ids=["before the head", "within the body"])
def test_a_cancelled_call_gives_its_connection_back(slow_server: Any, answer: Any) -> None:
    async def call(url: str) -> int:
        own = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
        async with own, AsyncRestClient(url, client=own) as client:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await client.request("GET", "/")
            return int(slow_server.connections)

    # Each took the one connection there may be, so that the one before was let go.
    assert asyncio.run(slow_server.serve(answer, call)) == 3


async def in_pieces(writer: asyncio.StreamWriter) -> None:
    for part in (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\n", b"{", b"}"):
        writer.write(part)
        await asyncio.sleep(0)


async def read_stream(client: AsyncRestClient) -> None:
    async with client.stream("/", total_timeout=5) as stream:
        async for _ in stream.aiter_bytes(1):
            pass


@pytest.mark.parametrize(
    "begin",
    [lambda client: client.request("GET", "/"), read_stream],
    ids=["call", "stream"],
)
def test_a_call_gives_its_connection_back_wherever_it_is_cancelled(
    slow_server: Any, begin: Callable[[AsyncRestClient], Any]
) -> None:
    async def cancelled(client: AsyncRestClient, steps: int) -> bool:
        task: asyncio.Future[Any] = asyncio.ensure_future(begin(client))
        for _ in range(steps):
            await asyncio.sleep(0)
        ended = task.done()
        task.cancel()
        await asyncio.wait([task])
        return ended

    async def call(url: str) -> int:
        own = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
        steps = 0
        async with own, AsyncRestClient(url, client=own, retry=ONCE) as client:
            while not await cancelled(client, steps):
                # On the one connection that there may be.
                await client.request("GET", "/", timeout=1)
                steps += 1
        return steps

    assert asyncio.run(slow_server.serve(in_pieces, call)) > 5


def test_a_hook_that_ends_a_task_gives_its_connection_back(slow_server: Any) -> None:
    def end(_event: Any) -> None:
        raise asyncio.CancelledError

    async def call(url: str) -> None:
        own = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
        async with own:
            ending = AsyncRestClient(url, client=own, hooks=[end])
            with pytest.raises(asyncio.CancelledError):
                await ending.stream("/").__aenter__()
            await AsyncRestClient(url, client=own, retry=ONCE).request("GET", "/", timeout=1)

    asyncio.run(slow_server.serve(at_once, call))


def test_a_task_group_that_fails_cancels_its_calls(slow_server: Any) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise KeyError

    async def call(url: str) -> int:
        calls: list[asyncio.Task[Any]] = []
        events: list[Any] = []
        async with AsyncRestClient(url, hooks=[events.append]) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    calls = [group.create_task(client.request("GET", "/")) for _ in range(5)]
                    group.create_task(fail())
            except* KeyError:
                assert all(call.cancelled() for call in calls)
        assert len(calls) == 5
        return len(events)

    assert asyncio.run(slow_server.serve(never, call)) == 0


def test_a_cancelled_wait_sends_nothing_more(server: Any) -> None:
    async def main() -> None:
        napping = asyncio.Event()

        async def nap(_seconds: float) -> None:
            napping.set()
            await asyncio.Event().wait()

        server.answer(503)
        async with AsyncRestClient(server.url, sleep=nap) as client:
            task = asyncio.create_task(client.request("GET", "/"))
            await napping.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert len(server.seen) == 1


def test_a_pool_without_a_free_connection_is_a_connection_never_made(slow_server: Any) -> None:
    async def call(url: str) -> None:
        own = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
        retry = RetryPolicy(attempts=1)
        client = AsyncRestClient(url, client=own, retry=retry)
        async with own, client, client.stream("/held"):
            with pytest.raises(ConnectError, match="no connection of the pool became free"):
                await client.create_resource("/", {}, timeout=0.02)

    asyncio.run(slow_server.serve(half, call))


def test_a_stream_that_is_left_early_gives_its_connection_back(slow_server: Any) -> None:
    async def some(writer: asyncio.StreamWriter) -> None:
        writer.write(LONG + b"x" * 10)

    async def call(url: str) -> None:
        own = httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
        async with own, AsyncRestClient(url, client=own) as client:
            for _ in range(3):
                async with client.stream("/") as stream:
                    async for piece in stream.aiter_bytes():
                        assert piece == b"x" * 10
                        break

    asyncio.run(slow_server.serve(some, call))
    assert slow_server.connections == 3


def test_a_client_belongs_to_one_event_loop(server: Any) -> None:
    client = AsyncRestClient(server.url)

    async def use() -> None:
        await client.request("GET", "/")

    async def use_and_close() -> None:
        await use()
        await client.aclose()

    asyncio.run(use_and_close())
    other = AsyncRestClient(server.url)

    async def use_other() -> None:
        with pytest.raises(InvalidRequestError, match="another event loop"):
            await other.request("GET", "/")
        with pytest.raises(InvalidRequestError, match="another event loop"):
            await other.aclose()

    async def begin_other(then: Callable[[], Any]) -> None:
        await other.request("GET", "/")
        await asyncio.to_thread(lambda: asyncio.run(then()))
        with pytest.raises(InvalidRequestError, match="is closed"):
            await other.request("GET", "/")
        await other.aclose()

    asyncio.run(begin_other(use_other))
    assert len(server.seen) == 2


def test_a_closed_client_calls_no_more(server: Any) -> None:
    async def main() -> None:
        async with AsyncRestClient(server.url) as client:
            pass
        await client.aclose()
        with pytest.raises(InvalidRequestError, match="is closed"):
            await client.request("GET", "/")
        with pytest.raises(InvalidRequestError, match="is closed"):
            async with client:
                pass

    asyncio.run(main())
    assert not server.seen


def test_closing_ends_the_calls_under_way(slow_server: Any) -> None:
    asked = asyncio.Event()

    async def tell(_writer: asyncio.StreamWriter) -> None:
        asked.set()

    async def call(url: str) -> None:
        client = AsyncRestClient(url, retry=RetryPolicy(attempts=1))
        begun = asyncio.create_task(client.request("GET", "/"))
        await asked.wait()
        await client.aclose()
        with pytest.raises(TransportError):
            await begun

    asyncio.run(slow_server.serve(tell, call))


def test_an_error_of_one_task_is_that_tasks_own(server: Any) -> None:
    async def main() -> list[Any]:
        async with AsyncRestClient(server.url) as client:
            one = await asyncio.gather(client.request("GET", "/a"), return_exceptions=True)
            server.answer(404)
            two = await asyncio.gather(client.request("GET", "/b"), return_exceptions=True)
            return [*one, *two]

    well, missing = asyncio.run(main())
    assert well.status == 200
    assert isinstance(missing, NotFoundError)
