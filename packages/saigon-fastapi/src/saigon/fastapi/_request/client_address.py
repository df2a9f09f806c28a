"""Where a request came from, seen through proxies that are known by their number."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from starlette.types import Scope

from saigon.fastapi._request.raw_headers import Found, raw_name
from saigon.fastapi.exceptions import ConfigurationError

ForwardingHeader: TypeAlias = Literal["Forwarded", "X-Forwarded-For"]

_LONGEST: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")


@dataclass(frozen=True)
class ProxyHops:
    """How many proxies of one's own stand before the service, and in which header they write."""

    count: int
    """Each one appends the address that it saw; what stands before those was sent by anyone."""

    header: ForwardingHeader = "X-Forwarded-For"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigurationError(f"expected at least one proxy, got {self.count}")
        if self.header not in get_args(ForwardingHeader):
            raise ConfigurationError(
                f"expected one of {', '.join(get_args(ForwardingHeader))}, got {self.header!r}"
            )


def client_address(scope: Scope, found: Found, hops: ProxyHops | None) -> str | None:
    """Return the client's address: the peer's, or the one that the outermost own proxy saw.

    Args:
        scope: The request.
        found: Its headers; the one that the proxies write in among them.
        hops: The proxies.
    """
    if hops is not None:
        entries = forwarded_entries(found, hops.header)
        if len(entries) >= hops.count:
            return canonical_address(entries[-hops.count])
    peer = scope.get("client")
    return canonical_address(peer[0]) if peer and peer[0] else None


def forwarded_entries(found: Found, header: ForwardingHeader) -> list[str]:
    """Return what each proxy saw, in the words that it wrote."""
    text = b",".join(found.get(raw_name(header), ())).decode("latin-1")
    if header == "X-Forwarded-For":
        return [entry.strip() for entry in text.split(",") if entry.strip()]
    return [_for_parameter(element) for element in _split(text, ",") if element.strip()]


def _for_parameter(element: str) -> str:
    # https://www.rfc-editor.org/rfc/rfc7239#section-4
    for pair in _split(element, ";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quoted strings.

    From the end, where one's own proxies write: a quote that a caller has left open before them
    swallows nothing of theirs.
    """
    parts, end, quoted = [], len(text), False
    for place in range(len(text) - 1, -1, -1):
        if text[place] == '"' and not _is_escaped(text, place):
            quoted = not quoted
        elif text[place] == separator and not quoted:
            parts.append(text[place + 1 : end])
            end = place
    return [text[:end], *reversed(parts)]


def _is_escaped(text: str, place: int) -> bool:
    before = place
    while before > 0 and text[before - 1] == "\\":
        before -= 1
    return (place - before) % 2 == 1


def canonical_address(text: str) -> str | None:
    """Return an IP address in its one form, ``None`` where it is none.

    Without a port, without the zone of an IPv6 address, which may be any text, and as IPv4 where
    a socket for both has mapped it into IPv6.
    """
    host = _without_port(text).partition("%")[0]
    return _canonical(host) if len(host) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _canonical(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _without_port(text: str) -> str:
    """Return the host of ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
