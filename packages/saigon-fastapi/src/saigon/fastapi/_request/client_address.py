"""Where a request came from, seen through proxies that are known by their number."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from starlette.types import Scope

from saigon.fastapi._request.raw_headers import Found, raw_name
from saigon.fastapi.exceptions import ConfigurationError

_LONGEST: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")


@dataclass(frozen=True)
class ProxyHops:
    """How many proxies of one's own stand before the service, and in which header they write."""

    count: int
    """Each one appends the address that it saw; what stands before those was sent by anyone."""

    header: Literal["Forwarded", "X-Forwarded-For"] = "X-Forwarded-For"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigurationError(f"expected at least one proxy, got {self.count}")


def client_address(scope: Scope, found: Found, hops: ProxyHops | None) -> str | None:
    """Return the client's address: the peer's, or the one that the outermost own proxy saw.

    Args:
        scope: The request.
        found: Its headers; the one that the proxies write in among them.
        hops: The proxies.
    """
    if hops is not None:
        entries = _entries(found, hops.header)
        if len(entries) >= hops.count:
            return _address(entries[-hops.count])
    peer = scope.get("client")
    return _address(peer[0]) if peer and peer[0] else None


def _entries(found: Found, header: str) -> list[str]:
    text = b",".join(found.get(raw_name(header), ())).decode("latin-1")
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    return [_for_parameter(entry) for entry in entries] if header == "Forwarded" else entries


def _for_parameter(element: str) -> str:
    # https://www.rfc-editor.org/rfc/rfc7239#section-4
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _address(text: str) -> str | None:
    # Without the zone of an IPv6 address, which may be any text.
    host = without_port(text).partition("%")[0]
    return _canonical(host) if len(host) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _canonical(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def without_port(text: str) -> str:
    """Return the host of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
