"""Where the local gateway must not run."""

import os
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final

from saigon.rest.exceptions import GatewayRefusedError

_ON_AWS: Final = ("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME")


def refuse_on_aws(environ: Mapping[str, str] = os.environ) -> None:
    """Refuse to run where a real API Gateway could stand in front.

    Raises:
        GatewayRefusedError: A variable that AWS sets is set.
    """
    for name in _ON_AWS:
        if environ.get(name):
            raise GatewayRefusedError(
                f"{name} is set: the local gateway is for development and does not run on AWS"
            )


def is_beyond_loopback(host: str | None) -> bool:
    """Tell whether an address is one that other machines reach; a name is not an address."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return not address.ipv4_mapped.is_loopback
    return not address.is_loopback
