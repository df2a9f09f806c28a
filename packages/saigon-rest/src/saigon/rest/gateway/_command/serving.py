"""Serve until a signal comes, and end in order."""

import logging
import socket
import sys

import uvicorn

from saigon.rest.gateway._asgi import App
from saigon.rest.gateway._loopback import SERVER_OPTIONS


def tell(line: str) -> None:
    """Show a line on the standard error stream."""
    sys.stderr.write(f"saigon.rest.gateway: {line}\n")
    sys.stderr.flush()


def serve(app: App, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; the signal is raised once more in the end."""
    _show_the_gateways_log()
    uvicorn.Server(uvicorn.Config(app, **SERVER_OPTIONS)).run(sockets=[listener])


def _show_the_gateways_log() -> None:
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("saigon.rest.gateway").setLevel(logging.INFO)
