"""Connections that keep to the times of a call, whatever the other side does.

``urllib3`` sends under the time for connecting, and waits for each piece of an answer anew, so
that a byte now and then would keep a call going for ever.
"""

import io
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from saigon.rest._requests.connecting import connected

# Below the minute after which AWS's load balancers close what is idle: a connection that they
# are just closing would lose the call that it is taken for.
KEEP_ALIVE: Final = 50.0

_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Times:
    """The times of one try."""

    between: float
    """Seconds to wait for bytes to come or go."""

    until: float | None
    """When the whole call ends, by ``time.monotonic``; None where it may take any time."""

    def patience(self) -> float:
        """Return the seconds to wait for the next bytes.

        Raises:
            TimeoutError: There are none left.
        """
        if self.until is None:
            return self.between
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return min(self.between, left)


_times: ContextVar[Times | None] = ContextVar("saigon_rest_times", default=None)


@contextmanager
def keeping_to(times: Times) -> Iterator[None]:
    """Have what is sent in the block, and all that comes in answer to it, keep to times."""
    token = _times.set(times)
    try:
        yield
    finally:
        _times.reset(token)


class _TimedReads(io.RawIOBase):
    """What a socket receives."""

    def __init__(self, sock: Any, raw: io.RawIOBase, times: Times) -> None:
        self._sock = sock
        self._raw = raw
        self._times = times

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._times.patience())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        times = _times.get()
        if times is not None and times.until is not None:
            raw: io.RawIOBase = self.fp.detach()
            self.fp = io.BufferedReader(_TimedReads(sock, raw, times))


class Connection(HTTPConnection):
    """A connection whose pieces keep to the times, and which is not used once it idled for long."""

    response_class = _TimedResponse
    _used = float("inf")

    def _new_conn(self) -> socket.socket:
        # By urllib3 each address of the host would have all of the time.
        try:
            return connected(self._dns_host, self.port, self.timeout, self.socket_options or ())
        except socket.gaierror as exc:
            raise NameResolutionError(self.host, self, exc) from exc
        except UnicodeError as exc:
            raise LocationParseError("the host is no name") from exc
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, f"no connection within {self.timeout:g} s") from exc
        except OSError as exc:
            raise NewConnectionError(self, f"no connection: {exc}") from exc

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used < KEEP_ALIVE and super().is_connected

    def send(self, data: Any) -> None:
        times = _times.get()
        if times is None or self.sock is None:
            super().send(data)
            return
        for piece in _pieces(data):
            self.sock.settimeout(times.patience())
            super().send(piece)

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._used = time.monotonic()
        return response


def _pieces(data: Any) -> Iterable[Any]:
    # A socket gives all of what it is handed one time to go.
    if not isinstance(data, (bytes, bytearray)) or len(data) <= _PIECE:
        return (data,)
    view = memoryview(data)
    return (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        try:
            super().connect()
        # What breaks off or is late says nothing of who the other side is, and it was told nothing.
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, "no TLS connection was made in time") from exc
        except (ConnectionError, ssl.SSLEOFError) as exc:
            raise NewConnectionError(self, f"no TLS connection was made: {exc}") from exc


class Pool(HTTPConnectionPool):
    """A pool of them."""

    ConnectionCls: Any = Connection


class TlsPool(HTTPSConnectionPool):
    """A pool of those over TLS."""

    ConnectionCls: Any = TlsConnection


_POOLS: Final = {"http": Pool, "https": TlsPool}


class KeepingAdapter(HTTPAdapter):
    """Send over such connections, through a proxy of HTTP too."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def request_url(self, request: Any, proxies: Any) -> str:
        """Return the target, with all of its slashes: before 2.34 requests leaves one of them."""
        target, path = super().request_url(request, proxies), str(request.path_url)
        return path if target.lstrip("/") == path.lstrip("/") else target

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager
