"""Both clients behind one face, and servers that show the bytes of a request."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import pytest

from saigon.rest.client import AsyncRestClient, RestClientBase, RestEvent

Asked: TypeAlias = Callable[[Any], Any]


@dataclass
class Outcome:
    """What came of a call, and of what was done for it."""

    value: Any = None
    error: Exception | None = None
    naps: list[float] = field(default_factory=list)
    events: list[RestEvent] = field(default_factory=list)


@dataclass(frozen=True)
class Twin:
    """One of the two clients; makes a call and tells what came of it."""

    kind: str
    now: datetime

    def call(self, url: str, name: str, *args: Any, client: Any = None, **kwargs: Any) -> Outcome:
        outcome = Outcome()
        options = {"clock": lambda: self.now, "hooks": [outcome.events.append], **(client or {})}

        def asked(made: Any) -> Any:
            return getattr(made, name)(*args, **kwargs)

        try:
            outcome.value = self._value(outcome, asked, url, options)
        except Exception as exc:  # noqa: BLE001  # it is what the tests are about
            outcome.error = exc
        return outcome

    def _value(self, outcome: Outcome, asked: Asked, url: str, options: Any) -> Any:
        if self.kind == "sync":
            with RestClientBase(url, sleep=outcome.naps.append, **options) as client:
                return _read(asked(client))

        async def nap(seconds: float) -> None:
            outcome.naps.append(seconds)

        async def main() -> Any:
            async with AsyncRestClient(url, sleep=nap, **options) as client:
                return await _read_async(asked(client))

        return asyncio.run(main())


def _read(value: Any) -> Any:
    if isinstance(value, AbstractContextManager):
        with value as stream:
            return b"".join(stream.iter_bytes())
    return list(value) if isinstance(value, Iterator) else value


async def _read_async(value: Any) -> Any:
    if isinstance(value, AbstractAsyncContextManager):
        async with value as stream:
            return b"".join([piece async for piece in stream.aiter_bytes()])
    return [page async for page in value] if isinstance(value, AsyncIterator) else await value


@pytest.fixture(params=["sync", "async"])
def twin(request: pytest.FixtureRequest, now: datetime) -> Twin:
    return Twin(request.param, now)


class RawServer:
    """Keeps the bytes of each request as they came, and answers with given bytes."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def target(self) -> bytes:
        """The target of the last request."""
        return self.requests[-1].split(b" ", 2)[1]

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers of the last request, by lower-case names."""
        head = self.requests[-1].partition(b"\r\n\r\n")[0]
        pairs = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
        return {name.lower(): value for name, value in pairs}

    @property
    def body(self) -> bytes:
        """The body of the last request."""
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, connection.makefile("rb") as file:
                if not self._converse(connection, file):
                    return

    def _converse(self, connection: socket.socket, file: Any) -> bool:
        """Answer what comes on one connection; False where it is the word to stop."""
        while line := file.readline():
            if line == b"stop":
                return False
            head = line
            while not head.endswith(b"\r\n\r\n"):
                head += file.readline()
            lower = head.lower()
            length = lower.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.requests.append(head + file.read(int(length or 0)))
            connection.sendall(self.answer)
        return True

    def close(self) -> None:
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"stop")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@pytest.fixture
def full_url() -> Iterator[str]:
    """An address whose queue of connections to be taken is full."""
    with closing(socket.socket()) as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = waiting.enter_context(closing(socket.socket()))
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def impostor() -> Iterator[str]:
    """An address of ``https`` where something else is spoken."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(65536)

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    thread.join()
    listener.close()


class SlowServer:
    """Answers on one connection after another by a coroutine of the test's own."""

    def __init__(self) -> None:
        self.connections = 0
        self.closed = 0

    async def serve(
        self,
        answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
        then: Callable[[str], Awaitable[Any]],
    ) -> Any:
        """Serve for as long as ``then`` takes."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    await answer(writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.closed += 1
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await then(f"http://127.0.0.1:{port}")


@pytest.fixture
def slow_server() -> SlowServer:
    return SlowServer()
