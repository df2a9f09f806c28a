"""What MySQL's drivers leave to do about sockets: TLS that is insisted on, and keepalives."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["MysqlTls", "keep_alive", "mysql_insists_on_tls"]

_CLIENT_SSL: Final = 1 << 11
_NO_TLS: Final = 2026  # CR_SSL_CONNECTION_ERROR
_VERIFY: Final = ("verify_cert", "verify_identity", "check_hostname", "verify_mode")
_YES: Final = frozenset({"true", "1", "yes", "required"})
_KEEPALIVE: Final = {
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 30_000,
}


@dataclass(frozen=True, slots=True)
class MysqlTls:
    """How a connection is encrypted, and whether it may be made without."""

    context: ssl.SSLContext | None
    required: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "MysqlTls":
        """Read PyMySQL's options, one by one or as the dictionary of a URL.

        See Also:
            https://docs.sqlalchemy.org/en/20/dialects/mysql.html#module-sqlalchemy.dialects.mysql.pymysql
        """
        asked = _asked_tls(options)
        if asked is None or isinstance(asked, ssl.SSLContext):
            return cls(asked, required=asked is not None)
        return cls(_context(asked), required=bool(asked))

    def in_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options with the context in the place of all that it was made from."""
        others = {key: value for key, value in options.items() if not key.startswith("ssl")}
        return {**others, "ssl": self.context, "ssl_disabled": self.context is None}

    def offered_by(self, connection: Any) -> bool:
        """Tell whether a server can encrypt; refuse it before the login if it must and cannot.

        The drivers' older versions would go on in plain text.
        """
        if connection.server_capabilities & _CLIENT_SSL:
            return True
        if self.required:
            from pymysql.err import OperationalError

            raise OperationalError(_NO_TLS, "the server offers no TLS")
        connection.client_flag &= ~_CLIENT_SSL
        return False


def mysql_insists_on_tls(options: Mapping[str, Any]) -> bool:
    """Tell whether a connection with PyMySQL's options would rather fail than be without TLS."""
    return bool(_asked_tls(options))


def _asked_tls(options: Mapping[str, Any]) -> ssl.SSLContext | dict[str, Any] | None:
    """Return the context, or what makes one by its names, or None where TLS is off."""
    given = {key: value for key, value in options.items() if key.startswith("ssl")}
    if str(given.pop("ssl_disabled", False)).lower() in {"true", "1"}:
        return None
    tls = given.pop("ssl", None) or {}
    if isinstance(tls, ssl.SSLContext):
        return tls
    return {**{key.removeprefix("ssl_"): value for key, value in given.items()}, **tls}


def _context(names: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # MySQL's own certificates lack what newer Pythons insist on.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    is_given = "ca" in names or "capath" in names
    is_asked = any(str(names.get(name)).lower() in _YES for name in _VERIFY)
    verifies = (is_given or is_asked) and names.get("verify_mode") != "none"
    context.check_hostname = verifies and bool(
        names.get("verify_identity", names.get("check_hostname", True))
    )
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    if is_given:
        context.load_verify_locations(names.get("ca"), names.get("capath"))
    elif verifies:  # the drivers would not
        context.load_default_certs()
    if "cipher" in names:
        context.set_ciphers(names["cipher"])
    if "cert" in names:
        context.load_cert_chain(
            names["cert"], names.get("key"), names.get("password", names.get("key_password"))
        )
    return context


def keep_alive(connected: socket.socket) -> None:
    """Let a connection notice within about 30 seconds that the peer's machine is gone."""
    if connected.family == getattr(socket, "AF_UNIX", None):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # Linux has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
