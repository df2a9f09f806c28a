"""A server that reads a socket byte by byte, and keeps what really arrived."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import pytest
import requests

PATIENCE = 5.0


@dataclass(frozen=True)
class Arrived:
    """The bytes of a request, cut at its line breaks alone."""

    line: bytes
    lines: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.lines)


class RawServer:
    """Keeps the bytes of each request; hangs up where fewer come than were announced."""

    def __init__(self, address: str, family: socket.AddressFamily) -> None:
        self.arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self.connections: list[socket.socket] = []
        self._listener = socket.create_server((address, 0), family=family)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        port = self._listener.getsockname()[1]
        self.host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while line := stream.readline():
                connection.settimeout(PATIENCE)
                self._keep(line.removesuffix(b"\r\n"), stream)
                connection.settimeout(None)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def _keep(self, line: bytes, stream: BinaryIO) -> None:
        lines = []
        while header := stream.readline().removesuffix(b"\r\n"):
            name, _, value = header.decode("latin-1").partition(":")
            lines.append((name.lower(), value.strip(" \t")))
        body = stream.read(int(dict(lines).get("content-length", "0")))
        self.arrived.put(Arrived(line, lines, body))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="session")
def raw_server() -> Iterator[RawServer]:
    with closing(RawServer("127.0.0.1", socket.AF_INET)) as server:
        yield server


@pytest.fixture
def raw_server_at() -> Iterator[Callable[[str], RawServer]]:
    with ExitStack() as stack:

        def start(address: str) -> RawServer:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return stack.enter_context(closing(RawServer(address, family)))

        yield start


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def send(
    session: requests.Session,
    signer: Callable[..., Any],
    raw_server: RawServer,
    new_body: Callable[..., tuple[Any, bytes]],
) -> Callable[..., tuple[Arrived, bytes]]:
    """Send what was asked for; gives what arrived and the bytes that the body should be."""

    def of(asked: Any, service: str = "execute-api") -> tuple[Arrived, bytes]:
        body, expected = new_body(asked)
        session.request(
            asked.method,
            f"http://{raw_server.host}{asked.target}",
            params=asked.params,
            headers=asked.headers,
            data=body,
            auth=signer(raw_server.host, aws_region="eu-west-1", aws_service=service),
        )
        return raw_server.arrived.get(timeout=PATIENCE), expected

    return of


@pytest.fixture(scope="session")
def is_signed_right(
    botocore_authorization: Callable[..., str], new_wire: Callable[..., Any]
) -> Callable[..., bool]:
    def judge(arrived: Arrived, service: str = "execute-api") -> bool:
        method, target, _ = arrived.line.decode("ascii").split(" ")
        url = f"http://{arrived.headers['host']}{target}"
        sent = new_wire(method, url, arrived.headers, arrived.body)
        return bool(sent.authorization == botocore_authorization(sent, service=service))

    return judge


@pytest.fixture(scope="session")
def put(
    session: requests.Session, signer: Callable[..., Any], raw_server: RawServer
) -> Callable[..., Arrived]:
    auth = signer(raw_server.host, aws_region="eu-west-1", aws_service="execute-api")

    def of(target: str = "/", data: Any = None) -> Arrived:
        session.put(f"http://{raw_server.host}{target}", data=data, auth=auth)
        return raw_server.arrived.get(timeout=PATIENCE)

    return of
