"""An address of ours that leads to a server, and after a while to another one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

__all__ = ["Forwarder", "Link"]


@dataclass(slots=True)
class Link:
    """One connection through a forwarder."""

    near: socket.socket
    far: socket.socket
    sent: bytearray = field(default_factory=bytearray)
    """All that the client has sent."""

    silent: bool = False
    """Take what comes and hand nothing on, not even an end."""

    def start(self) -> None:
        """Hand on what comes, both ways."""
        for way in (self._to_server, self._to_client):
            threading.Thread(target=way, daemon=True).start()

    def _to_server(self) -> None:
        with suppress(OSError):
            while data := self.near.recv(65_536):
                self.sent += data
                if not self.silent:
                    self.far.sendall(data)
        self.end()

    def _to_client(self) -> None:
        with suppress(OSError):
            while data := self.far.recv(65_536):
                if not self.silent:
                    self.near.sendall(data)
        if not self.silent:
            self.end()

    def end(self) -> None:
        """Close it for both."""
        _end(self.near)
        _end(self.far)


class Forwarder:
    """A listener on the loopback that hands each connection on to the target of that moment.

    Connections that exist stay where they lead, as they do when a name is given to another server.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        """The port that new connections are handed on to."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.links: list[Link] = []

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
                self.links.append(Link(near, far))
                self.links[-1].start()

    def silence(self) -> None:
        """Let the connections that exist stay open and say nothing more."""
        for link in self.links:
            link.silent = True

    def _close(self) -> None:
        _end(self._listener)
        self._listener.close()
        for link in self.links:
            link.end()
            link.near.close()
            link.far.close()


def _end(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
