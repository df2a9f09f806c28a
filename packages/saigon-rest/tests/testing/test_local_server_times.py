import asyncio
import threading
from typing import Any

import pytest

from saigon.rest.testing import LocalServer


class Stuck:
    """An app that does not get beyond one event of its life, until it is let go."""

    def __init__(self, event: str) -> None:
        self.event = event
        self.let_go = threading.Event()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        for event in ("startup", "shutdown"):
            await receive()
            if event == self.event:
                await asyncio.to_thread(self.let_go.wait)
            await send({"type": f"lifespan.{event}.complete"})


def end_of(app: Stuck) -> None:
    app.let_go.set()
    for thread in threading.enumerate():
        if thread.name == "saigon-local-server":
            thread.join(5)


def test_an_app_that_does_not_start_is_given_up() -> None:
    app = Stuck("startup")
    server = LocalServer(app, timeout=0.05)
    try:
        with pytest.raises(TimeoutError, match=r"not started within 0\.05 s"):
            server.start()
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.url
        server.stop()  # does nothing
    finally:
        end_of(app)


def test_an_app_that_does_not_end_is_given_up() -> None:
    app = Stuck("shutdown")
    server = LocalServer(app, timeout=0.05)
    try:
        server.start()
        with pytest.raises(TimeoutError, match=r"not ended within 0\.05 s"):
            server.stop()
        server.stop()  # does nothing
    finally:
        end_of(app)
