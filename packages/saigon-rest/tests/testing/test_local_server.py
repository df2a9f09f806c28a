import socket
import threading
from typing import Any

import pytest
import requests

from saigon.rest.testing import LocalServer


class App:
    """An app that goes through two events, and fails with those that are errors."""

    def __init__(self, start: Any = "start", end: Any = "end") -> None:
        self.events = {"startup": start, "shutdown": end}
        self.seen: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for name in self.events:
                await receive()
                await self.live_through(name, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    async def live_through(self, name: str, send: Any) -> None:
        event = self.events[name]
        self.seen.append(event)
        failed = isinstance(event, Exception)
        await send({"type": f"lifespan.{name}.{'failed' if failed else 'complete'}"})
        if failed:
            raise event


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_an_app_is_served_from_its_start_to_its_end() -> None:
    app = App()
    with LocalServer(app) as server:
        server.start()  # does nothing
        address = server.url.removeprefix("http://").split(":")
        assert requests.get(server.url, timeout=5).text == "hello"
        assert app.seen == ["start"]
    assert app.seen == ["start", "end"]
    assert "saigon-local-server" not in threads()
    with pytest.raises(ConnectionError):
        socket.create_connection((address[0], int(address[1])), timeout=5)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    server.stop()  # does nothing


def test_what_an_app_fails_to_start_with_reaches_the_caller() -> None:
    error = LookupError("no database")
    server = LocalServer(App(start=error))
    with pytest.raises(LookupError) as caught:
        server.start()
    assert caught.value is error
    assert "saigon-local-server" not in threads()


def test_what_an_app_fails_to_end_with_reaches_the_caller() -> None:
    server = LocalServer(App(end=LookupError("not closed")))
    server.start()
    with pytest.raises(LookupError, match="not closed"):
        server.stop()
    assert "saigon-local-server" not in threads()


def test_a_server_may_run_again() -> None:
    app = App()
    server = LocalServer(app)
    for _ in range(2):
        with server:
            assert requests.get(server.url, timeout=5).text == "hello"
    assert app.seen == ["start", "end"] * 2


async def plain(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "an app that knows no lifespan"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def telling(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


def test_an_app_need_not_know_of_a_lifespan() -> None:
    with LocalServer(plain) as server:
        assert requests.get(server.url, timeout=5).text == "hello"


def test_an_app_may_tell_of_its_failure_in_words() -> None:
    with pytest.raises(RuntimeError, match="no database"):
        LocalServer(telling).start()
