"""What API Gateway takes no request beyond, whoever signed it."""

from saigon.rest.gateway._answers.refusal import RefusedError
from saigon.rest.gateway._answers.standard import (
    BAD_TARGET,
    BEYOND_LOOPBACK,
    HEAD_TOO_LARGE,
    MAX_HEAD,
)
from saigon.rest.gateway._asgi import Scope, raw_path
from saigon.rest.gateway._production import is_beyond_loopback


def refuse_beyond_loopback(scope: Scope) -> None:
    """Refuse what came to an address that other machines reach.

    The address is that of the socket: no header changes it, as one may change the peer's.
    """
    server = scope.get("server")
    if server and is_beyond_loopback(server[0]):
        raise RefusedError(BEYOND_LOOPBACK)


def refuse_large_head(scope: Scope) -> None:
    """Refuse a request line and header values that are too long together."""
    line = f"{scope['method']} {raw_path(scope)} HTTP/{scope.get('http_version', '1.1')}"
    query = scope.get("query_string", b"")
    size = len(line) + len(query) + bool(query) + sum(len(value) for _, value in scope["headers"])
    if size > MAX_HEAD:
        raise RefusedError(HEAD_TOO_LARGE)


def refuse_odd_target(scope: Scope) -> None:
    """Refuse what the service would read as another URL than the one that was signed."""
    path, query = raw_path(scope), scope.get("query_string", b"")
    if not path.startswith("/") or not path.isascii() or not query.isascii():
        raise RefusedError(BAD_TARGET)
