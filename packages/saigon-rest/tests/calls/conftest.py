"""Clients, and servers that do on a bare socket what a script says."""

import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel, Field

from saigon.rest.client import RestClientBase

HEAD_END = b"\r\n\r\n"


class Order(BaseModel):
    order_id: int = Field(alias="orderId")
    note: str | None = None


@pytest.fixture
def order() -> type[Order]:
    return Order


@pytest.fixture
def make_client(
    server: Any, naps: list[float], now: datetime
) -> Iterator[Callable[..., RestClientBase]]:
    """Make clients that do not sleep; of the recording server where no URL is given."""
    made = []

    def make(base_url: str = server.url, **options: Any) -> RestClientBase:
        arguments = {"sleep": naps.append, "clock": lambda: now, **options}
        client = RestClientBase(base_url, **arguments)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., RestClientBase]) -> RestClientBase:
    return make_client()


@dataclass
class Peer:
    """One connection, and what came over it."""

    sock: socket.socket
    released: threading.Event
    received: bytearray = field(default_factory=bytearray)

    def read_head(self) -> bytes:
        while HEAD_END not in self.received:
            self._receive()
        head, _, rest = bytes(self.received).partition(HEAD_END)
        self.received[:] = rest
        return head

    def read_body(self, head: bytes) -> bytes:
        if b"transfer-encoding: chunked" in head.lower():
            return self._read_chunks()
        lines = head.lower().split(b"\r\n")
        length = next((int(x[15:]) for x in lines if x.startswith(b"content-length:")), 0)
        return self._take(length)

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self.received:
                self._receive()
            size = bytes(self.received).partition(b"\r\n")[0]
            self._take(len(size) + 2)
            body += self._take(int(size, 16))
            self._take(2)
            if int(size, 16) == 0:
                return body

    def _take(self, size: int) -> bytes:
        while len(self.received) < size:
            self._receive()
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def _receive(self) -> None:
        more = self.sock.recv(65536)
        if not more:
            raise EOFError
        self.received += more


@dataclass(frozen=True)
class Request:
    """What a scripted server got."""

    head: bytes
    body: bytes
    connection: int

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    def header(self, name: str) -> str | None:
        lines = (line.decode("latin-1").partition(":") for line in self.head.split(b"\r\n")[1:])
        return next((v.strip() for n, _, v in lines if n.lower() == name.lower()), None)


Step: TypeAlias = Callable[["ScriptedServer", Peer, int], None]


class Steps:
    """What a connection can do next; each is given to ``ScriptedServer.connection``."""

    @staticmethod
    def answer(
        status: int = 200, body: bytes | str = b"", *, chunked: bool = False, **headers: str
    ) -> Step:
        """Read a request and answer it."""
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if chunked:
            named["Transfer-Encoding"] = "chunked"
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
        else:
            named.setdefault("Content-Length", str(len(data)))
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return Steps.raw(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode("latin-1") + data)

    @staticmethod
    def raw(data: bytes) -> Step:
        """Read a request and send these bytes."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            server.take_request(peer, number)
            peer.sock.sendall(data)

        return step

    @staticmethod
    def echo() -> Step:
        """Answer all requests of the connection with the targets that they ask for."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            while True:
                target = peer.read_head().split(b" ", 2)[1]
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(target)
                peer.sock.sendall(head + target)

        return step

    @staticmethod
    def hang_up() -> Step:
        """Read a request and close without a word."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            server.take_request(peer, number)
            peer.sock.shutdown(socket.SHUT_RDWR)

        return step

    @staticmethod
    def reset(*, after: str = "body") -> Step:
        """Reset the connection: ``after`` the first ``byte``, the ``head`` or the ``body``."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            if after == "byte":
                peer.sock.recv(1, socket.MSG_PEEK)
            elif after == "head":
                server.requests.append(Request(peer.read_head(), b"", number))
            elif after == "body":
                server.take_request(peer, number)
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.sock.close()

        return step

    @staticmethod
    def close_when(event: threading.Event) -> Step:
        """Close without reading, once something is so."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            event.wait()
            peer.sock.shutdown(socket.SHUT_RDWR)

        return step

    @staticmethod
    def stall(*, read: bool = True) -> Step:
        """Say no more, until the test is over."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            if read:
                server.take_request(peer, number)
            peer.released.wait()

        return step

    @staticmethod
    def trickle(beginning: bytes, drop: bytes, pause: float = 0.005) -> Step:
        """Read a request, begin, and let a drop fall now and then, until the test is over."""

        def step(server: "ScriptedServer", peer: Peer, number: int) -> None:
            server.take_request(peer, number)
            peer.sock.sendall(beginning)
            while not peer.released.wait(pause):
                peer.sock.sendall(drop)

        return step


class ScriptedServer:
    """Each connection follows its script, then answers 200 to whatever comes."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.ended = threading.Semaphore(0)
        self._scripts: list[tuple[Step, ...]] = []
        self._released = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def connection(self, *steps: Step) -> None:
        """Add the script of one more connection."""
        self._scripts.append(steps)

    def take_request(self, peer: Peer, number: int) -> None:
        head = peer.read_head()
        self.requests.append(Request(head, peer.read_body(head), number))

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            steps = self._scripts.pop(0) if self._scripts else ()
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._follow, args=(sock, steps, self.connections))
            self._threads.append(thread)
            thread.start()

    def _follow(self, sock: socket.socket, steps: tuple[Step, ...], number: int) -> None:
        peer = Peer(sock, self._released)
        with sock, suppress(OSError, EOFError):
            for step in steps:
                step(self, peer, number)
            while sock.fileno() >= 0:
                Steps.answer()(self, peer, number)
        self.ended.release()

    def disconnect(self) -> None:
        """Close all connections, whatever they are at."""
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.disconnect()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def make_scripted() -> Iterator[Callable[[], ScriptedServer]]:
    made = []

    def make() -> ScriptedServer:
        made.append(ScriptedServer())
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def scripted(make_scripted: Callable[[], ScriptedServer]) -> ScriptedServer:
    return make_scripted()


@pytest.fixture
def steps() -> type[Steps]:
    return Steps


@pytest.fixture
def caller(make_client: Callable[..., RestClientBase], scripted: ScriptedServer) -> RestClientBase:
    """A client of the scripted server."""
    return make_client(scripted.url)


@pytest.fixture
def deaf_url() -> Iterator[str]:
    """An address where no connection is accepted, nor refused."""
    with socket.socket() as listener, socket.socket() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def secrets_in() -> Callable[[BaseException], str]:
    """Give all that an error tells: its text, its repr, its attributes but bodies, its causes."""

    def text(error: BaseException) -> str:
        told, seen = [], set()
        waiting: list[BaseException | None] = [error]
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            told += [str(one), repr(one), repr(one.args)]
            told += [repr(v) for k, v in vars(one).items() if k not in {"body", "last"}]
            waiting += [one.__cause__, one.__context__]
        return "\n".join(told)

    return text


@pytest.fixture
def peak_of() -> Callable[[Callable[[], object]], int]:
    """Give the most bytes that Python held at once during a call, beyond those before it."""

    def peak(call: Callable[[], object]) -> int:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return peak
