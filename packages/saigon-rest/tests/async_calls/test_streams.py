import asyncio
import gzip
import threading
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.model import ProblemDetails
from saigon.rest.client import AsyncRestClient
from saigon.rest.exceptions import (
    InvalidRequestError,
    NotFoundError,
    ResponseTooLargeError,
    StatusError,
    TransportError,
)

Use = Callable[[AsyncRestClient], Awaitable[Any]]


@pytest.fixture
def using(server: Any) -> Callable[[Use], Any]:
    def run(use: Use) -> Any:
        async def main() -> Any:
            async with AsyncRestClient(server.url) as client:
                return await use(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def hang_up(server: Any) -> Callable[[], None]:
    """Have the server close each connection after its answer."""
    respond = server.respond

    def hang_up_after(handler: Any) -> None:
        respond(handler)
        handler.close_connection = True

    def do() -> None:
        server.respond = hang_up_after

    return do


def test_a_stream_is_read_in_pieces(server: Any, using: Any) -> None:
    server.answer(200, b"abcdef", x_request_id="id-5", Set_Cookie="session=planted")

    async def use(client: AsyncRestClient) -> None:
        async with client.stream("/f") as stream:
            assert (stream.status, stream.length, stream.request_id) == (200, 6, "id-5")
            assert [piece async for piece in stream.aiter_bytes(4)] == [b"abcd", b"ef"]
            assert "id-5" in repr(stream)
            assert "planted" not in repr(stream)
            with pytest.raises(InvalidRequestError, match="read once"):
                await anext(stream.aiter_bytes())
        assert server.seen[0].headers["Accept"] == "*/*"

    using(use)


def test_a_piece_is_given_as_soon_as_it_is_there(slow_server: Any) -> None:
    more = asyncio.Event()

    async def in_two(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        await more.wait()
        writer.write(b"b")

    async def call(url: str) -> None:
        async with AsyncRestClient(url) as client, client.stream("/") as stream:
            pieces = stream.aiter_bytes()
            assert await anext(pieces) == b"a"
            more.set()
            assert await anext(pieces) == b"b"
            assert await anext(pieces, None) is None

    asyncio.run(slow_server.serve(in_two, call))


def test_a_stream_is_not_read_after_its_block(server: Any, using: Any) -> None:
    server.answer(200, b"abc")

    async def use(client: AsyncRestClient) -> None:
        async with client.stream("/f") as stream:
            pass
        with pytest.raises(InvalidRequestError, match="within its `async with` block"):
            await anext(stream.aiter_bytes())

    using(use)


def test_a_stream_that_breaks_off_says_so(server: Any, using: Any, hang_up: Any) -> None:
    server.answer(200, b"half", Content_Length="8", Connection="close")
    hang_up()

    async def use(client: AsyncRestClient) -> None:
        async with client.stream("/f?token=hidden") as stream:
            with pytest.raises(TransportError) as caught:
                _ = [piece async for piece in stream.aiter_bytes()]
        assert "hidden" not in f"{caught.value} {caught.value.__context__}"

    using(use)


def test_the_error_of_a_stream_has_its_problem(server: Any, using: Any) -> None:
    problem = ProblemDetails(title="Gone", detail="it is")
    server.answer(410, problem.to_json(), Content_Type="application/problem+json")

    async def use(client: AsyncRestClient) -> None:
        with pytest.raises(StatusError) as caught:
            await client.stream("/f").__aenter__()
        assert caught.value.problem == problem

    using(use)


def test_a_body_is_downloaded_whole_and_off_the_loop(
    server: Any, using: Any, tmp_path: Path
) -> None:
    server.answer(200, b"x" * 3_000_000)
    target = tmp_path / "file"
    target.write_bytes(b"old")
    told: list[tuple[int, int | None]] = []
    threads: set[int] = set()

    def progress(done: int, length: int | None) -> None:
        told.append((done, length))
        threads.add(threading.get_ident())

    async def use(client: AsyncRestClient) -> int:
        return await client.download_to("/f", target, progress=progress)

    assert using(use) == 3_000_000
    assert told[-1] == (3_000_000, 3_000_000)
    assert threads == {threading.get_ident()}
    assert target.stat().st_size == 3_000_000
    assert list(tmp_path.iterdir()) == [target]


def test_a_download_that_breaks_off_leaves_the_old_file(
    server: Any, using: Any, hang_up: Any, tmp_path: Path
) -> None:
    server.answer(200, b"half", Content_Length="8", Connection="close")
    hang_up()
    target = tmp_path / "file"
    target.write_bytes(b"old")

    async def use(client: AsyncRestClient) -> None:
        with pytest.raises(TransportError):
            await client.download_to("/f", target)

    using(use)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_compressed_download_that_is_cut_short_leaves_the_old_file(
    server: Any, using: Any, tmp_path: Path
) -> None:
    server.answer(200, gzip.compress(b"whole")[:-3], Content_Encoding="gzip")
    target = tmp_path / "file"
    target.write_bytes(b"old")

    async def use(client: AsyncRestClient) -> None:
        with pytest.raises(TransportError, match="not compressed as its Content-Encoding says"):
            await client.download_to("/f", target)

    using(use)
    assert target.read_bytes() == b"old"


def test_a_cancelled_download_leaves_the_old_file(slow_server: Any, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1_500_000)

    async def call(url: str) -> None:
        writing = asyncio.Event()
        async with AsyncRestClient(url) as client:
            task = asyncio.create_task(
                client.download_to("/f", target, progress=lambda *_: writing.set())
            )
            await writing.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(slow_server.serve(half, call))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_refused_download_writes_nothing(server: Any, using: Any, tmp_path: Path) -> None:
    server.answer(404)
    server.answer(200, b"abc")

    async def use(client: AsyncRestClient) -> None:
        with pytest.raises(NotFoundError):
            await client.download_to("/f", tmp_path / "file")
        with pytest.raises(ResponseTooLargeError):
            await client.download_to("/f", tmp_path / "file", max_bytes=2)
        with pytest.raises(FileNotFoundError):
            await client.download_to("/f", tmp_path / "missing" / "file")

    using(use)
    assert not list(tmp_path.iterdir())
    assert len(server.seen) == 2


def test_a_large_download_takes_little_memory(server: Any, using: Any, tmp_path: Path) -> None:
    server.answer(200, gzip.compress(bytes(30_000_000)), Content_Encoding="gzip")

    async def use(client: AsyncRestClient) -> int:
        tracemalloc.start()
        written = await client.download_to("/f", tmp_path / "file")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()
        return written

    assert using(use) == 30_000_000
