"""MySQL and MariaDB through aiomysql, which lacks some of what PyMySQL has."""

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, event

__all__ = ["aiomysql_args", "prepare_aiomysql"]

_TLS_OPTIONS: Final = frozenset(
    {"ssl", "ssl_ca", "ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"}
)
_NO_SUCH_OPTIONS: Final = frozenset({"read_timeout", "write_timeout"})


def aiomysql_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return PyMySQL's options as aiomysql's."""
    hidden = _TLS_OPTIONS | _NO_SUCH_OPTIONS
    tls = {key: value for key, value in args.items() if key in _TLS_OPTIONS}
    rest = {key: value for key, value in args.items() if key not in hidden}
    return {**rest, "ssl": _context(tls)}


def _context(tls: Mapping[str, Any]) -> ssl.SSLContext | None:
    if not tls or tls.get("ssl_disabled"):
        return None
    context = ssl.create_default_context(cafile=tls.get("ssl_ca"))
    context.check_hostname = bool(tls.get("ssl_verify_identity"))
    if not tls.get("ssl_verify_cert"):
        context.verify_mode = ssl.CERT_NONE
    return context


def prepare_aiomysql(engine: Engine) -> None:
    """Make an engine's connections write aware datetimes in UTC."""
    event.listen(engine, "connect", _on_connect)


def _on_connect(_dbapi_connection: Any, record: Any) -> None:
    driver = record.driver_connection
    plain: Callable[[Any], str] = driver.escape

    def escape(value: Any) -> str:
        is_aware = isinstance(value, datetime) and value.tzinfo is not None
        return plain(value.astimezone(UTC) if is_aware else value)

    driver.escape = escape
