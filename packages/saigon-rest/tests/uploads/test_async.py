"""Uploads from an event loop: the same requests, and a loop that is not held up."""

import asyncio
import io
import threading
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saigon.rest.client import AsyncRestClient
from saigon.rest.exceptions import (
    ConnectError,
    FileChangedError,
    ForbiddenError,
    InvalidRequestError,
    PresignedUrlError,
)

Use = Callable[[AsyncRestClient], Awaitable[Any]]
Told = list[tuple[int, int | None]]


@pytest.fixture
def using(server: Any, naps: list[float], now: datetime) -> Callable[[Use], Any]:
    async def nap(seconds: float) -> None:
        naps.append(seconds)

    def run(use: Use) -> Any:
        async def main() -> Any:
            async with AsyncRestClient(
                server.url,
                headers={"Authorization": "of this client"},
                sleep=nap,
                clock=lambda: now,
            ) as client:
                return await use(client)

        return asyncio.run(main())

    return run


def test_a_file_is_put_with_its_length_and_no_credentials(
    using: Any, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(503)
    server.answer(200, ETag='"e"', x_amz_request_id="id")
    upload = using(lambda client: client.upload_file_to_url(put_url(), file))
    for seen in server.seen:
        assert (seen.method, seen.body) == ("PUT", b"a,b\n1,2\n")
        assert seen.headers["Content-Length"] == "8"
        assert {"Authorization", "Transfer-Encoding", "Content-Type"}.isdisjoint(seen.headers)
        assert seen.target == put_url().removeprefix(server.url)
    assert (upload.status, upload.etag, upload.request_id, upload.attempts) == (200, '"e"', "id", 2)


def test_an_empty_file_has_a_length(using: Any, server: Any, put_url: Callable[..., str]) -> None:
    using(lambda client: client.upload_file_to_url(put_url(), io.BytesIO()))
    assert server.seen[0].headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in server.seen[0].headers


def test_a_form_is_posted_with_its_length(  # noqa: PLR0917  # fixtures
    using: Any,
    server: Any,
    form_url: str,
    form: Callable[..., Any],
    parts: Callable[[Any], Any],
    file: Path,
) -> None:
    server.answer(204, ETag='"e"')
    upload = using(lambda client: client.upload_file_to_form(form_url, form(), file))
    seen = server.seen[0]
    assert (seen.method, seen.headers["Content-Length"]) == ("POST", str(len(seen.body)))
    assert parts(seen)[-1].get_payload(decode=True) == b"a,b\n1,2\n"
    assert parts(seen)[-1].get_filename() == "report.csv"
    assert (upload.status, upload.etag) == (204, '"e"')


def test_a_url_that_would_be_refused_is_not_called(
    using: Any, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    with pytest.raises(PresignedUrlError) as caught:
        using(lambda client: client.upload_file_to_url(put_url("content-type;host"), file))
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"
    assert not server.seen


def test_a_refusal_of_s3_tells_its_code_and_not_the_url(
    using: Any, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(403, "<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(ForbiddenError) as caught:
        using(lambda client: client.upload_file_to_url(put_url(), file))
    assert caught.value.code == "AccessDenied"
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_a_dead_address_does_not_tell_the_url(
    using: Any, dead_url: str, put_url: Callable[..., str], file: Path
) -> None:
    with pytest.raises(ConnectError) as caught:
        using(lambda client: client.upload_file_to_url(put_url(at=dead_url), file))
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_a_file_is_read_off_the_loop_and_told_of_in_it(
    using: Any, put_url: Callable[..., str], told: Told
) -> None:
    reading, telling = set(), set()

    class Source(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if size:
                reading.add(threading.get_ident())
            return super().read(size)

    def progress(done: int, length: int | None) -> None:
        telling.add(threading.get_ident())
        told.append((done, length))

    source = Source(bytes(3_000_000))
    using(lambda client: client.upload_file_to_url(put_url(), source, progress=progress))
    assert threading.get_ident() not in reading
    assert telling == {threading.get_ident()}
    assert told[0] == (0, 3_000_000)
    assert told[-1] == (3_000_000, 3_000_000)
    assert told == sorted(told)
    assert len(told) > 2


@pytest.mark.parametrize("at", [0, 8])
@pytest.mark.parametrize(
    "error",
    [KeyError("stop"), BrokenPipeError("stop"), TimeoutError("stop")],
    ids=lambda error: type(error).__name__,
)
def test_what_progress_raises_ends_the_upload(
    using: Any, put_url: Callable[..., str], file: Path, at: int, error: Exception
) -> None:
    def stop(done: int, _length: int | None) -> None:
        if done == at:
            raise error

    async def use(client: AsyncRestClient) -> None:
        with pytest.raises(type(error)) as caught:
            await client.upload_file_to_url(put_url(), file, progress=stop)
        assert caught.value is error
        assert (await client.upload_file_to_url(put_url(), file)).attempts == 1

    using(use)


def test_a_file_that_became_shorter_says_so(
    using: Any, put_url: Callable[..., str], file: Path
) -> None:
    def shorten(_done: int, _length: int | None) -> None:
        file.write_bytes(b"")

    with pytest.raises(FileChangedError):
        using(lambda client: client.upload_file_to_url(put_url(), file, progress=shorten))


def test_a_cancelled_upload_closes_its_file(
    wire: Any, using: Any, put_url: Callable[..., str], file: Path
) -> None:
    asked, over = threading.Event(), threading.Event()

    def hold(_connection: Any, _head: bytes) -> None:
        asked.set()
        over.wait(5)

    url = put_url(at=wire(hold).url)

    async def use(client: AsyncRestClient) -> None:
        task = asyncio.create_task(client.upload_file_to_url(url, file))
        assert await asyncio.to_thread(asked.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        over.set()

    using(use)


@pytest.mark.parametrize("before", [0, 1], ids=["the first", "another"])
def test_nothing_is_uploaded_by_a_closed_client(
    using: Any, server: Any, put_url: Callable[..., str], file: Path, before: int
) -> None:
    async def use(client: AsyncRestClient) -> None:
        for _ in range(before):
            await client.upload_file_to_url(put_url(), file)
        await client.aclose()
        with pytest.raises(InvalidRequestError, match="is closed"):
            await client.upload_file_to_url(put_url(), file)

    using(use)
    assert len(server.seen) == before


def test_a_large_file_takes_little_memory(
    using: Any, server: Any, put_url: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    length = 0

    def discard(handler: Any) -> None:
        nonlocal length
        left = int(handler.headers["Content-Length"])
        while left:
            chunk = len(handler.rfile.read(min(left, 65536)))
            left, length = left - chunk, length + chunk
        handler.send_response_only(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.respond = discard

    async def use(client: AsyncRestClient) -> int:
        tracemalloc.start()
        await client.upload_file_to_url(put_url(), path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert using(use) < 10_000_000
    assert length == 40_000_000
