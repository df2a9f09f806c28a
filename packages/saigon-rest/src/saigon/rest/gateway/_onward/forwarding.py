"""The headers that tell a service of the way that a request has come.

See Also:
    https://www.rfc-editor.org/rfc/rfc7239
    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import re
import secrets
from ipaddress import ip_address
from typing import Final

from saigon.model.http import AMZN_TRACE_ID_HEADER
from saigon.rest.gateway._answers.refusal import Flavour
from saigon.rest.gateway._onward.exchange import Exchange

TRACE_ID: Final = AMZN_TRACE_ID_HEADER.lower().encode()
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def forwarding_headers(exchange: Exchange, flavour: Flavour) -> dict[bytes, str]:
    """Return the headers that replace the caller's, which they go on from."""
    own = _of_rest(exchange) if flavour == "rest" else _of_http(exchange)
    return {**own, TRACE_ID: _trace_id(exchange)}


def _of_rest(exchange: Exchange) -> dict[bytes, str]:
    scope = exchange.scope
    server = scope.get("server") or ("", None)
    headers = {
        b"x-forwarded-for": _appended(
            exchange, b"x-forwarded-for", ", ", exchange.source_ip or "unknown"
        ),
        b"x-forwarded-proto": scope.get("scheme", "http"),
    }
    return {**headers, b"x-forwarded-port": str(server[1])} if server[1] else headers


def _of_http(exchange: Exchange) -> dict[bytes, str]:
    scope = exchange.scope
    server, host = scope.get("server"), exchange.header(b"host") or ""
    parts = [f"by={_node(server[0] if server else None)}", f"for={_node(exchange.source_ip)}"]
    if _HOST.fullmatch(host):
        parts.append(f'host="{host}"' if ":" in host else f"host={host}")
    parts.append(f"proto={scope.get('scheme', 'http')}")
    return {
        b"forwarded": _appended(exchange, b"forwarded", ",", ";".join(parts)),
        b"via": _appended(exchange, b"via", ", ", "HTTP/1.1 AmazonAPIGateway"),
    }


def _appended(exchange: Exchange, name: bytes, separator: str, value: str) -> str:
    before = exchange.header(name)
    return f"{before}{separator}{value}" if before else value


def _node(address: str | None) -> str:
    try:
        version = ip_address(address or "").version
    except ValueError:
        return "unknown"
    return f'"[{address}]"' if version == 6 else str(address)  # noqa: PLR2004  # IPv6


def _trace_id(exchange: Exchange) -> str:
    own = f"1-{int(exchange.now.timestamp()):08x}-{secrets.token_hex(12)}"
    before = exchange.header(TRACE_ID)
    return f"Self={own};{before}" if before else f"Root={own}"
