"""The canonical form of a request, computed alike by the signer and by the local gateway.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
EMPTY_HASH: Final = hashlib.sha256(b"").hexdigest()

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]*")
# What most requests hold: nothing to escape.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*")
_PLAIN_QUERY: Final = re.compile(
    rf"{_PLAIN.pattern}={_PLAIN.pattern}(?:&{_PLAIN.pattern}={_PLAIN.pattern})*"
)

# S3 takes an object's key as it stands: escaped once, "//" and ".." being ordinary names in it.
_PATH_AS_IT_STANDS: Final = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})


def escape(value: str | bytes) -> str:
    """Escape everything but the unreserved characters of RFC 3986, section 2.3."""
    data = value.encode() if isinstance(value, str) else value
    return quote_from_bytes(data, safe="")


def _escaped_anew(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else escape(unquote_to_bytes(value))


def wire_query(query: str) -> str:
    """Rewrite a query so that each name and value is escaped in the one canonical way.

    A ``+`` is read as HTML forms and ``requests`` mean it, as a space; the order stays, because
    the order of a repeated name may carry meaning.
    """
    if _PLAIN_QUERY.fullmatch(query):
        return query
    return "&".join(
        f"{_escaped_anew(name)}={_escaped_anew(value)}"
        for name, value in _pairs(query.replace("+", " "))
    )


def canonical_query(query: str) -> str:
    """Escape and sort a query as it was received; here a ``+`` is a plus sign."""
    if _PLAIN_QUERY.fullmatch(query):
        return "&".join(sorted(query.split("&"), key=_name_and_value)) if "&" in query else query
    pairs = [(_escaped_anew(name), _escaped_anew(value)) for name, value in _pairs(query)]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _name_and_value(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if pair:
            yield name, value


def wire_path(path: str, service: str) -> str:
    """Escape each segment of a path once and, but for S3, take out what the signature ignores."""
    escaped = path if _PLAIN_PATH.fullmatch(path) else "/".join(map(_escaped_anew, path.split("/")))
    if service in _PATH_AS_IT_STANDS:
        return escaped or "/"
    resolved = without_dot_segments(escaped)
    # A dot segment at the end leads to a folder (RFC 3986, 5.2.4); the signed form forgets that.
    return f"{resolved}/" if escaped.endswith(("/.", "/..")) and resolved != "/" else resolved


def canonical_path(path: str, service: str) -> str:
    """Give the path to sign for a path on the wire, escaped once more for all but S3."""
    if service in _PATH_AS_IT_STANDS:
        return path or "/"
    resolved = without_dot_segments(path)
    if _PLAIN_PATH.fullmatch(resolved):
        return resolved
    return quote_from_bytes(resolved.encode(), safe="/")


def without_dot_segments(path: str) -> str:
    """Resolve ``.`` and ``..`` and fold ``//``, as AWS does before it compares signatures."""
    if "//" not in path and "/." not in path and path.startswith("/"):
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + trailing


def fold(value: str) -> str:
    """Strip a header's value and fold each run of white space in it to one space."""
    # Spaces and tabs alone: to str.split a no-break space, which is another value, is one too.
    if "\t" in value or "  " in value:
        value = " ".join(filter(None, value.replace("\t", " ").split(" ")))
    return value.strip(" ")


def canonical_request(
    method: str, path: str, query: str, headers: Sequence[tuple[str, str]], payload_hash: str
) -> str:
    """Join the canonical parts.

    Args:
        method: The HTTP method.
        path: The path from ``canonical_path``.
        query: The query from ``canonical_query``.
        headers: Lower-case names with folded values, sorted by name.
        payload_hash: Hexadecimal SHA-256 of the body.
    """
    lines = "".join(f"{name}:{value}\n" for name, value in headers)
    return f"{method}\n{path}\n{query}\n{lines}\n{signed_names(headers)}\n{payload_hash}"


def signed_names(headers: Iterable[tuple[str, str]]) -> str:
    """Name the signed headers as the Authorization header lists them."""
    return ";".join(name for name, _ in headers)


def credential_scope(timestamp: str, region: str, service: str) -> str:
    """Name the day, region and service that a derived key is good for."""
    return f"{timestamp[:8]}/{region}/{service}/{TERMINATOR}"


def signature(key: bytes, timestamp: str, scope: str, request: str) -> str:
    """Sign a canonical request with a derived key; hexadecimal."""
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Derive the key of one day, region and service from a secret access key."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
