"""The rules by which a request's identity headers are believed."""

import hmac
import ipaddress
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic import SecretStr
from starlette.types import Scope

from saigon.fastapi._logs.shown import hide_name
from saigon.fastapi._request.client_address import canonical_address, forwarded_entries
from saigon.fastapi._request.header_names import require_header_name
from saigon.fastapi._request.raw_headers import find_headers, header_values, raw_name
from saigon.fastapi.exceptions import ConfigurationError


class TrustRule(Protocol):
    """Tells whether a request came through the gateway that fills the identity header."""

    def check(self) -> None:
        """Refuse surroundings in which the rule would not hold.

        Raises:
            ConfigurationError: The rule would believe anyone.
        """
        ...

    def trusts(self, scope: Scope) -> bool:
        """Tell whether this request's identity header may be believed."""
        ...


@dataclass(frozen=True)
class GatewaySecret:
    """Believes a request that carries a secret which only the gateway knows.

    API Gateway sets such a header by a static value in the integration's request parameters, and
    overwrites the caller's.
    """

    header: str
    """The header that the gateway sets."""

    provider: Callable[[], SecretStr | Sequence[SecretStr]] = field(repr=False)
    """Returns the secret, or while it rotates both secrets, that are now valid.

    White space around a secret does not count: no header could bring it.

    Called for each request on the event loop, so it answers from memory.
    """

    def __post_init__(self) -> None:
        require_header_name(self.header)
        hide_name(self.header)

    def check(self) -> None:
        """Accept any surroundings: the secret is the request's own."""

    def trusts(self, scope: Scope) -> bool:
        """Tell whether the header came once, with one of the secrets; in constant time."""
        values = header_values(scope, self.header)
        if len(values) != 1:
            return False
        secrets = self.provider()
        candidates = [secrets] if isinstance(secrets, SecretStr) else secrets
        # Every candidate is compared, so that the time does not tell which one was nearer.
        matches = [_same(values[0], candidate) for candidate in candidates]
        return any(matches)


def _same(value: bytes, secret: SecretStr) -> bool:
    expected = secret.get_secret_value().strip().encode()
    return bool(expected) and hmac.compare_digest(value, expected)


@dataclass(frozen=True)
class PeerNetworks:
    """Believes a request whose TCP connection comes from one of the networks.

    Only right where nobody but the gateway can connect from there. A peer that a server took out
    of ``X-Forwarded-For`` is never believed.
    """

    networks: Sequence[str]
    """In CIDR notation, such as ``10.0.3.0/24``."""

    _parsed: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        try:
            parsed = tuple(ipaddress.ip_network(network) for network in self.networks)
        except ValueError as exc:
            raise ConfigurationError(f"expected networks in CIDR notation: {exc}") from exc
        if not parsed or any(network.prefixlen == 0 for network in parsed):
            raise ConfigurationError("expected at least one network, and none that holds everyone")
        if any(getattr(network.network_address, "ipv4_mapped", None) for network in parsed):
            raise ConfigurationError("expected networks of IPv4 as such, not mapped into IPv6")
        object.__setattr__(self, "_parsed", parsed)

    def check(self) -> None:
        """Refuse a uvicorn that takes the peer's address from a header of anyone's.

        Raises:
            ConfigurationError: ``FORWARDED_ALLOW_IPS`` is ``*``.
        """
        allowed = os.environ.get("FORWARDED_ALLOW_IPS", "").split(",")
        if "*" in [entry.strip() for entry in allowed]:
            raise ConfigurationError(
                "peer networks cannot be trusted while FORWARDED_ALLOW_IPS=* lets every caller "
                "write its own address; name the proxies there, or trust a GatewaySecret"
            )

    def trusts(self, scope: Scope) -> bool:
        """Tell whether the peer is in one of the networks and was not taken from a header."""
        peer = scope.get("client")
        address = canonical_address(str(peer[0])) if peer else None
        if address is None or _was_forwarded(scope, address):
            return False
        return any(ipaddress.ip_address(address) in network for network in self._parsed)


_FORWARDING: Final = ("Forwarded", "X-Forwarded-For")


def _was_forwarded(scope: Scope, address: str) -> bool:
    # A server that puts an entry of such a header in the peer's place leaves the header where it
    # was; a peer that stands in there as well may be one that the caller wrote.
    found = find_headers(scope, [raw_name(header) for header in _FORWARDING])
    return any(
        address == canonical_address(entry)
        for header in _FORWARDING
        for entry in forwarded_entries(found, header)
    )
