"""What is the async client's own."""

import asyncio
import contextvars
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from saigon.model.interface import HttpRequest
from saigon.rest.client import AsyncRestClient, RestClientBase, RetryPolicy
from saigon.rest.exceptions import (
    ConfigurationError,
    InvalidRequestError,
    RedirectError,
    RestError,
    ServerError,
    TransportError,
    WaitFailedError,
    WaitTimeoutError,
)


class Order(BaseModel):
    order_id: int


def calling(client: AsyncRestClient, *args: Any, **kwargs: Any) -> Any:
    async def main() -> Any:
        async with client:
            return await client.request(*args, **kwargs)

    return asyncio.run(main())


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Tell what was asked."""
    body = (await receive())["body"].decode()
    told = [scope["method"], scope["raw_path"].decode(), scope["query_string"].decode(), body]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def test_an_app_in_this_process_is_called_by_its_transport() -> None:
    async def main() -> list[str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as own:
            client = AsyncRestClient("http://app/v1", client=own)
            return await client.create_resource(
                "/o/{id}", {"a": 1}, list[str], path_params={"id": "a/b"}, params={"q": "1 2"}
            )

    assert asyncio.run(main()) == ["POST", "/v1/o/a%2Fb", "q=1%202", '{"a":1}']


def test_a_transport_of_ready_answers_is_a_server_for_tests() -> None:
    answers = iter([httpx.Response(503), httpx.Response(200, json={"order_id": 7})])
    own = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: next(answers)))
    retry = RetryPolicy(base_delay=0)
    response = calling(AsyncRestClient("http://x", client=own, retry=retry), "GET", "/", Order)
    assert (response.data.order_id, response.attempts) == (7, 2)


def test_a_client_that_was_handed_in_stays_as_it_was_made(server: Any) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(headers={"X-Own": "1"}, auth=("u", "p")) as own:
            async with AsyncRestClient(server.url, client=own) as client:
                await client.request("GET", "/a")
                await client.request("GET", "/b")
            async with AsyncRestClient(server.url, client=own, auth=Bearer()) as client:
                await client.request("GET", "/c")
            assert not own.is_closed
            await own.aclose()
            with pytest.raises(InvalidRequestError, match="is closed"):
                await AsyncRestClient(server.url, client=own).request("GET", "/d")

    server.answer(200, Set_Cookie="session=alice")
    asyncio.run(main())
    first, second, third = server.seen
    assert first.headers["X-Own"] == "1"
    assert first.headers["Authorization"].startswith("Basic ")
    assert second.headers["Cookie"] == "session=alice"
    assert third.headers["Authorization"] == "Bearer t"


def test_no_redirect_is_followed_by_a_client_that_was_handed_in(server: Any, dead_url: str) -> None:
    server.answer(302, Location=f"{dead_url}/x")

    async def main() -> None:
        async with httpx.AsyncClient(follow_redirects=True) as own:
            with pytest.raises(RedirectError):
                await AsyncRestClient(server.url, client=own).request("GET", "/")

    asyncio.run(main())


def test_queries_are_not_logged(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client = AsyncRestClient(server.url, headers={"Authorization": "hidden"})
        calling(client, "POST", "/a?token=hidden", body={"password": "hidden"})
        asyncio.run(_by_hand(f"{server.url}/?token=shown"))
    assert "POST" in caplog.text
    assert f"{server.url}/a" in caplog.text
    assert "hidden" not in caplog.text
    assert "shown" in caplog.text


async def _by_hand(url: str) -> None:
    async with httpx.AsyncClient() as own:
        await own.get(url)


class Bearer:
    """Authorizes, and keeps the threads in which it was asked."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.users: list[str | None] = []

    def authorize(self, request: HttpRequest) -> HttpRequest:
        self.threads.append(threading.get_ident())
        self.users.append(user.get())
        headers = {**request.headers, "Authorization": "Bearer t"}
        return replace(request, headers=headers)


class Ready(Bearer):
    """Waits for nothing but for the bodies of files."""

    def may_block(self, request: HttpRequest) -> bool:
        return hasattr(request.body, "read")


user: contextvars.ContextVar[str | None] = contextvars.ContextVar("user", default=None)


@pytest.mark.parametrize(
    ("make", "body", "here"),
    [(Bearer, b"x", False), (Ready, b"x", True), (Ready, io.BytesIO(b"x"), False)],
    ids=["unknown", "ready", "a file"],
)
def test_what_may_wait_authorizes_in_a_thread_of_the_same_context(
    server: Any, make: Callable[[], Bearer], body: Any, here: bool
) -> None:
    auth = make()
    context = contextvars.copy_context()
    context.run(user.set, "alice")
    context.run(calling, AsyncRestClient(server.url, auth=auth), "PUT", "/", body=body)
    assert (auth.threads == [threading.get_ident()]) is here
    assert auth.users == ["alice"]
    assert server.seen[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    "change",
    [
        lambda request: replace(request, headers={"X-Own": "€ hidden"}),
        lambda request: replace(request, url=request.url + "/é?hidden"),
    ],
    ids=["header", "URL"],
)
def test_what_cannot_be_sent_is_refused_and_not_shown(server: Any, change: Any) -> None:
    class Wrong:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            changed: HttpRequest = change(request)
            return changed

    with pytest.raises(InvalidRequestError) as caught:
        calling(AsyncRestClient(server.url, auth=Wrong()), "GET", "/")
    assert "hidden" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert not server.seen


def test_what_does_not_authorize_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="authorize"):
        AsyncRestClient("https://x", auth=("user", "password"))  # type: ignore[arg-type]  # the test


def test_an_iterator_is_read_off_the_loop_and_sent_in_chunks(server: Any) -> None:
    threads = set()

    def parts() -> Iterator[bytes]:
        for part in (b"ab", b"", b"c"):
            threads.add(threading.get_ident())
            yield part

    calling(AsyncRestClient(server.url), "PUT", "/", body=parts())
    assert server.seen[0].body == b"abc"
    assert server.seen[0].headers["Transfer-Encoding"] == "chunked"
    assert threading.get_ident() not in threads


def test_what_a_body_raises_goes_through(server: Any) -> None:
    def parts() -> Iterator[bytes]:
        yield b"ab"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        calling(AsyncRestClient(server.url), "PUT", "/", body=parts())


def waiting(condition: Any, timeout: float, **options: Any) -> tuple[Any, list[float]]:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async def main() -> Any:
        async with AsyncRestClient("https://x", sleep=nap) as client:
            return await client.wait_for_condition(condition, timeout, **options)

    return asyncio.run(main()), naps


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine function"])
def test_waiting_ends_when_the_answer_is_right(is_async: bool) -> None:
    answers = iter(["new", "new", "done"])

    async def ask() -> str:
        return next(answers)

    value, naps = waiting(
        ask if is_async else lambda: next(answers), 60, until=lambda value: value == "done"
    )
    assert value == "done"
    assert 0.25 <= naps[0] <= 0.5 <= naps[1] <= 1.0


def test_waiting_in_vain_tells_the_last_answer() -> None:
    with pytest.raises(WaitTimeoutError) as late:
        waiting(lambda: 0, 0)
    with pytest.raises(WaitFailedError) as failed:
        waiting(lambda: "failed", 60, until=lambda _: False, fail_when=bool)
    assert (late.value.last, failed.value.last) == (0, "failed")


def test_a_page_is_read_only_when_it_is_asked_for(server: Any) -> None:
    async def main() -> None:
        async with AsyncRestClient(server.url) as client:
            async for page in client.paginate("/orders", int):
                assert page.data == []
                break

    server.answer(200, '{"data": [], "page_token": "1"}')
    asyncio.run(main())
    assert len(server.seen) == 1


def test_waits_are_those_of_the_loop(server: Any) -> None:
    async def main() -> None:
        retry = RetryPolicy(base_delay=0.001)
        async with AsyncRestClient(server.url, retry=retry) as client:
            with pytest.raises(ServerError):
                await client.request("GET", "/")

    for _ in range(4):
        server.answer(503)
    asyncio.run(main())
    assert len(server.seen) == 4


def test_the_repr_holds_no_header() -> None:
    client = AsyncRestClient("https://x/prod", headers={"Authorization": "hidden"})
    assert repr(client) == "AsyncRestClient('https://x/prod')"


def test_a_client_that_is_closed_while_a_call_waits_ends_the_call(twin: Any, server: Any) -> None:
    server.answer(503)
    clients: list[Any] = []

    async def close() -> None:
        await clients[0].aclose()

    def nap(_seconds: float) -> Any:
        return close() if twin.kind == "async" else clients[0].close()

    def call() -> None:
        clients.append(RestClientBase(server.url, sleep=nap))
        clients[0].request("GET", "/")

    async def call_async() -> None:
        clients.append(AsyncRestClient(server.url, sleep=nap))
        await clients[0].request("GET", "/")

    with pytest.raises(TransportError, match="closed meanwhile") as caught:
        asyncio.run(call_async()) if twin.kind == "async" else call()
    assert (caught.value.attempts, len(server.seen)) == (1, 1)


def test_what_httpcore_logs_holds_nothing_that_came(
    slow_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter(
        [
            b"HTTP/1.1 404 No\r\nSet-Cookie: hidden\r\nContent-Length: 6\r\n\r\nhidden",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhidden\r\n",
            b"HTTP/1.1 200 OK\r\nhidden\r\n\r\n",
        ]
    )

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async def call(url: str) -> None:
        caplog.set_level(logging.DEBUG)
        async with AsyncRestClient(url, retry=RetryPolicy(attempts=1)) as client:
            for _ in range(3):
                with pytest.raises(RestError):
                    await client.request("GET", "/?token=hidden", headers={"X-Own": "hidden"})
        caplog.set_level(logging.INFO)

    asyncio.run(slow_server.serve(answer, call))
    for event in ("headers.complete", "headers.failed", "body.failed"):
        assert f"receive_response_{event}" in caplog.text
    assert "hidden" not in caplog.text
