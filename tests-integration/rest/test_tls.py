"""Calls over TLS, of both clients: who is trusted, and what is told to the others."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeAlias

import httpx
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from saigon.rest.client import AsyncRestClient, RestClientBase, RetryPolicy
from saigon.rest.exceptions import (
    ConnectError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
AT_ONCE = RetryPolicy(base_delay=0)

Converse: TypeAlias = Callable[["TlsServer", ssl.SSLSocket], None]
Call: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Certificate:
    """A certificate that vouches for itself, with its key, in a file each."""

    certificate: Path
    key: Path


def new_certificate(folder: Path, *names: x509.GeneralName) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    names = (x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost"))
    return new_certificate(tmp_path_factory.mktemp("own"), *names)


@pytest.fixture(scope="module")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return new_certificate(tmp_path_factory.mktemp("other"), x509.DNSName("other.example"))


def answering(server: "TlsServer", sock: ssl.SSLSocket) -> None:
    """Answer each request of a connection."""
    while server.receive(sock):
        sock.sendall(OK)


def trickling(server: "TlsServer", sock: ssl.SSLSocket) -> None:
    """Begin to answer, and let a byte fall now and then."""
    server.receive(sock)
    sock.sendall(ENDLESS)
    while not server.over.wait(0.01):
        sock.sendall(b"x")


@dataclass
class TlsServer:
    """Answers over TLS on loopback, and keeps what it was told."""

    certificate: Certificate
    converse: Converse | None
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate.certificate, self.certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def receive(self, sock: ssl.SSLSocket) -> bytes:
        data = sock.recv(65536)
        self.received += data
        return data

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with closing(sock), suppress(OSError):
            sock.settimeout(10)
            if self.converse is None:
                sock.recv(65536)
                return
            with self._context.wrap_socket(sock, server_side=True) as wrapped:
                self.converse(self, wrapped)


@pytest.fixture
def serve() -> Iterator[Callable[..., TlsServer]]:
    """Start servers; one that is to say nothing hangs up in the handshake."""
    with ExitStack() as running:

        def start(certificate: Certificate, converse: Converse | None = answering) -> TlsServer:
            return running.enter_context(TlsServer(certificate, converse))

        yield start


def call_sync(url: str, *args: Any, trusting: Path | None = None, **options: Any) -> Any:
    with requests.Session() as session:
        session.verify = str(trusting)
        own = {} if trusting is None else {"session": session}
        with RestClientBase(url, retry=AT_ONCE, **own) as client:  # type: ignore[arg-type]  # the session alone
            return client.request(*args, **options)


def call_async(url: str, *args: Any, trusting: Path | None = None, **options: Any) -> Any:
    async def main() -> Any:
        context = ssl.create_default_context(cafile=trusting)
        async with httpx.AsyncClient(verify=context) as own:
            given = None if trusting is None else own
            async with AsyncRestClient(url, retry=AT_ONCE, client=given) as client:
                return await client.request(*args, **options)

    return asyncio.run(main())


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    made: Call = request.param
    return made


def test_a_bundle_of_the_environment_is_trusted(
    call: Call, serve: Any, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
    server = serve(certificate)
    assert call(server.url, "GET", "/").status == 200
    assert call(server.url.replace("127.0.0.1", "localhost"), "GET", "/").status == 200


def test_so_is_what_the_client_that_was_handed_in_trusts(
    call: Call, serve: Any, certificate: Certificate
) -> None:
    server = serve(certificate)
    assert call(server.url, "GET", "/", trusting=certificate.certificate).status == 200


@pytest.mark.parametrize("trusted", [False, True], ids=["not trusted", "of another name"])
def test_who_cannot_show_who_it_is_is_told_nothing_and_not_asked_again(  # noqa: PLR0917  # fixtures
    call: Call,
    serve: Any,
    certificate: Certificate,
    other_certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
) -> None:
    trusting = other_certificate if trusted else certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusting.certificate))
    server = serve(other_certificate)
    with pytest.raises(TlsError, match="certificate") as caught:
        call(server.url, "GET", "/orders?token=hidden", headers={"Authorization": "hidden"})
    assert (caught.value.attempts, server.connections) == (1, 1)
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"
    assert not server.received


def test_total_timeout_holds_over_tls(
    call: Call, serve: Any, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
    server = serve(certificate, trickling)
    began = time.monotonic()
    with pytest.raises(RequestTimeoutError, match="whole call"):
        call(server.url, "GET", "/", total_timeout=0.3)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("times", [{"timeout": 0.1}, {"total_timeout": 0.1}], ids=["each", "all"])
def test_a_handshake_that_is_not_answered_is_no_connection(call: Call, times: Any) -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ConnectError) as caught:
            call(url, "POST", "/orders", **times)
    assert caught.value.attempts == (4 if "timeout" in times else 1)
    assert time.monotonic() - began < 3


def test_a_handshake_that_breaks_off_is_no_connection(
    call: Call, serve: Any, certificate: Certificate
) -> None:
    server = serve(certificate, None)
    with pytest.raises(ConnectError) as caught:
        call(server.url, "POST", "/orders")
    assert (caught.value.attempts, server.connections) == (4, 4)


def test_what_breaks_off_after_it_may_have_been_heard(
    call: Call, serve: Any, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
    server = serve(certificate, lambda server, sock: server.receive(sock))
    with pytest.raises(TransportError) as caught:
        call(server.url, "POST", "/orders")
    assert (type(caught.value), caught.value.attempts) == (TransportError, 1)
    assert server.received.startswith(b"POST /orders HTTP/1.1\r\n")


def test_one_connection_carries_many_calls(
    serve: Any, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
    server = serve(certificate)
    with RestClientBase(server.url) as client:
        for _ in range(10):
            client.request("GET", "/", total_timeout=5)
    assert server.connections == 1


class Proxy:
    """Makes one tunnel after the other, or answers otherwise; keeps what it was asked."""

    def __init__(self, answer: bytes) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with closing(sock), suppress(OSError):
            self.asked.append(sock.recv(65536))
            sock.sendall(self._answer)
            if b" 200 " in self._answer:
                host, _, port = self.asked[-1].split(b" ")[1].partition(b":")
                with socket.create_connection((host.decode(), int(port))) as there:
                    back = threading.Thread(target=_pass_on, args=(there, sock))
                    back.start()
                    _pass_on(sock, there)
                    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxied(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bytes], Proxy]]:
    """Have all calls go by a proxy that answers so."""
    with ExitStack() as running:

        def start(answer: bytes) -> Proxy:
            proxy = running.enter_context(closing(Proxy(answer)))
            for name in ("http_proxy", "all_proxy", "no_proxy", "NO_PROXY", "https_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@{proxy.address}")
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.certificate))
            return proxy

        yield start


def test_a_proxy_makes_a_tunnel_and_sees_nothing_of_the_call(
    call: Call, serve: Any, certificate: Certificate, proxied: Any
) -> None:
    proxy, server = proxied(b"HTTP/1.1 200 Established\r\n\r\n"), serve(certificate)
    assert call(server.url, "GET", "/orders", total_timeout=5).status == 200
    (asked,) = proxy.asked
    assert asked.startswith(f"CONNECT {server.url[8:]} HTTP/1.".encode())
    assert b"Proxy-Authorization: Basic " in asked
    assert b"Proxy-Authorization" not in server.received


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 407 No\r\n\r\n"], ids=["hangs up", "407"])
def test_a_tunnel_that_is_not_made_leads_nowhere(
    call: Call, serve: Any, certificate: Certificate, proxied: Any, answer: bytes
) -> None:
    proxy, server = proxied(answer), serve(certificate)
    with pytest.raises(TransportError) as caught:
        call(server.url, "POST", "/orders?token=hidden")
    assert len(proxy.asked) == caught.value.attempts
    assert not server.connections
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_total_timeout_holds_for_a_proxy_that_does_not_answer(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(TransportError, match="whole call"):
            call("https://api.invalid", "GET", "/", total_timeout=0.2)
    assert time.monotonic() - began < 2
