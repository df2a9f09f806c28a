"""Serve on this machine alone, by the one server that both the command and the tests use."""

import socket
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"

# Of uvicorn. Its access log would show queries, and a pre-signed one is a permission.
SERVER_OPTIONS: Final[dict[str, Any]] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "ws": "none",
    "timeout_graceful_shutdown": 5,
}


def listen(port: int) -> socket.socket:
    """Open a socket on loopback; answers leave it without a delay."""
    listener = socket.create_server((LOOPBACK, port))
    # asyncio sets it on sockets of its own making; without it each answer takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
