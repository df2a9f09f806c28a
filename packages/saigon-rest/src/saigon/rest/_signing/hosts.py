"""What a host name tells: a region and a service, and how it stands in a ``Host`` header."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from saigon.rest.exceptions import ConfigurationError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NOT_OF_HOSTS: Final = re.compile(r"[/?#@\s]")
_REGION: Final = r"(?P<region>[a-z]{2}(?:-[a-z0-9]+)+-[0-9]+)"
_HOSTS: Final = (
    (re.compile(rf".+\.execute-api\.{_REGION}(?:\.vpce)?\.amazonaws\.com(?:\.cn)?"), "execute-api"),
    (
        re.compile(rf".+\.execute-api\.{_REGION}\.api\.(?:aws|amazonwebservices\.com\.cn)"),
        "execute-api",
    ),
    (re.compile(rf".+\.lambda-url\.{_REGION}\.on\.aws"), "lambda"),
)


def region_and_service(host: str) -> tuple[str, str] | None:
    """Read the region and the service out of an AWS host name, or None if they are not in it.

    Args:
        host: The host with or without a port: of an API Gateway API, also behind a VPC endpoint
            or in China, or of a Lambda function URL.
    """
    name = _hostname(host)
    for pattern, service in _HOSTS:
        if match := pattern.fullmatch(name):
            return match["region"], service
    return None


def scope_of(host: str, region: str | None, service: str | None) -> tuple[str, str]:
    """Return the region and the service to sign for.

    Raises:
        ConfigurationError: They are neither in the host nor given, or are several (SigV4a), or the
            host is none.
    """
    if not host or _NOT_OF_HOSTS.search(host):
        raise ConfigurationError(
            "expected aws_host, the host that requests are signed for, without scheme or path"
        )
    known = region_and_service(host) or (None, None)
    region, service = region or known[0], service or known[1]
    if not region or not service:
        raise ConfigurationError(
            f"region and service cannot be read from the host {host!r}: "
            "give aws_region and aws_service (an API Gateway API's is 'execute-api')"
        )
    if "*" in region or "," in region:
        raise ConfigurationError("SigV4a (a signature for several regions) is not supported")
    return region, service


@lru_cache(maxsize=128)
def _hostname(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


@lru_cache(maxsize=128)
def wire_host(parts: SplitResult) -> str:
    """Return the host as clients write it into the ``Host`` header."""
    # urllib3 leaves the dot of a fully qualified name out of the Host header.
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return host
    return f"{host}:{parts.port}"


@lru_cache(maxsize=128)
def known_as(host: str, scheme: str) -> str:
    """Return one spelling for all that name the same host."""
    return host.removesuffix(f":{_DEFAULT_PORTS.get(scheme)}").rstrip(".").replace(".:", ":")
