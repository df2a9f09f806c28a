"""Connect to a host, however many addresses it has, within one time for them all."""

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Final

_SHORTEST: Final = 0.001


def connected(host: str, port: int, seconds: float | None, options: Iterable[Any]) -> socket.socket:
    """Connect to one of a host's addresses, tried in turn.

    Returns:
        The socket; its timeout is what is left of the seconds, None where there is no end.

    Raises:
        OSError: The host has no address, or none of them could be connected to in time.
        UnicodeError: The host cannot be one.
    """
    began = time.monotonic()

    def left() -> float | None:
        return seconds and max(seconds - (time.monotonic() - began), _SHORTEST)

    error = OSError("the host has no address")
    for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            return _connected_to(found, left, options)
        except OSError as exc:
            error = exc
    raise error


def _connected_to(
    found: Any, left: Callable[[], float | None], options: Iterable[Any]
) -> socket.socket:
    family, kind, protocol, _, address = found
    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(family, kind, protocol))
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(left())
        sock.connect(address)
        sock.settimeout(left())
        stack.pop_all()
        return sock
