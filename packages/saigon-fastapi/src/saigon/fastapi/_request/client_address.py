"""Where a request came from, seen through proxies that are known by their number."""

import ipaddress
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope

from saigon.fastapi._raw_headers import header_values
from saigon.fastapi.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class ProxyHops:
    """How many proxies of one's own stand before the service, and in which header they write."""

    count: int
    """Each one appends the address that it saw; what stands before those was sent by anyone."""

    header: Literal["Forwarded", "X-Forwarded-For"] = "X-Forwarded-For"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigurationError(f"expected at least one proxy, got {self.count}")


def client_address(scope: Scope, hops: ProxyHops | None) -> str | None:
    """Return the client's address: the peer's, or the one that the outermost own proxy saw."""
    if hops is not None:
        entries = _entries(scope, hops.header)
        if len(entries) >= hops.count:
            return _address(entries[-hops.count])
    peer = scope.get("client")
    return _address(peer[0]) if peer else None


def _entries(scope: Scope, header: str) -> list[str]:
    text = b",".join(header_values(scope, header)).decode("latin-1")
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
    try:
        # Without the zone of an IPv6 address, which may be any text.
        return str(ipaddress.ip_address(without_port(text).partition("%")[0]))
    except ValueError:
        return None


def without_port(text: str) -> str:
    """Return the host of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
