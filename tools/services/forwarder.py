"""An address of ours that leads to a server, and after a while to another one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

__all__ = ["Forwarder"]


class Forwarder:
    """A listener on the loopback that hands each connection on to the target of that moment.

    Connections that exist stay where they lead, as they do when a name is given to another server.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        """The port that new connections are handed on to."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []

    @classmethod
    @contextmanager
    def to(cls, target: int) -> Iterator[Self]:
        """Give a forwarder that is at work; close it and its connections at the end."""
        forwarder = cls(target)
        thread = threading.Thread(target=forwarder._accept, daemon=True)
        thread.start()
        try:
            yield forwarder
        finally:
            forwarder._close()
            thread.join()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    def _close(self) -> None:
        for each in (self._listener, *self._sockets):
            _end(each)
            each.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    _end(source)
    _end(target)


def _end(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
