"""Serve until a signal comes, and end in order."""

import logging
import socket
import sys
from typing import Final

import uvicorn

from saigon.rest.gateway._asgi import App

LOOPBACK: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 5


def tell(line: str) -> None:
    """Show a line on the standard error stream."""
    sys.stderr.write(f"saigon.rest.gateway: {line}\n")
    sys.stderr.flush()


def listen(port: int) -> socket.socket:
    """Open a socket on loopback; answers leave it without a delay."""
    listener = socket.create_server((LOOPBACK, port))
    # asyncio sets it on sockets of its own making; without it each answer takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(app: App, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the signal is raised once more in the end."""
    _show_the_gateways_log()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # it would show queries, and a pre-signed one is a permission
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _show_the_gateways_log() -> None:
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("saigon.rest.gateway").setLevel(logging.INFO)
