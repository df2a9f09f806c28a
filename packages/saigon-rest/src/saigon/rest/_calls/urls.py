"""URLs of one origin: path parameters that cannot leave their segment."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

import requests

from saigon.rest._calls.queries import QueryParams, Scalar, encode_query, scalar_text
from saigon.rest._canonical import escape
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

PathParams: TypeAlias = Mapping[str, Scalar]
"""What stands for the ``{name}`` of a path."""

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_DOTS: Final = frozenset({".", ".."})
# Controls, which some parsers drop and others keep, and halves of characters, which have no bytes.
_NO_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_A_BASE_URL: Final = re.compile(rf"[ \\@?#{{}}]|{_NO_TEXT.pattern}")


def parse_base_url(base_url: str) -> str:
    """Check a base URL and return it without a trailing slash, its host in ASCII.

    Raises:
        ConfigurationError: It is not ``http(s)://host`` or ``http(s)://host/path``: it has a user,
            a query, a fragment, or a path with an empty, ``.`` or ``..`` segment.
    """
    if _NOT_IN_A_BASE_URL.search(base_url):
        raise ConfigurationError(
            "a base URL carries no user, query, fragment, space, backslash or {name}"
        )
    trimmed = base_url.rstrip("/")
    try:
        scheme, host, _ = origin(trimmed)
        if scheme not in _DEFAULT_PORTS or not host:
            raise ConfigurationError("expected a base URL such as https://api.example.com/prod")
        _refuse_bad_segments(urlsplit(trimmed).path.split("/"))
    except InvalidRequestError as exc:
        raise ConfigurationError(f"the base URL is malformed: {exc}") from None
    return trimmed if trimmed.isascii() else _with_host(trimmed, host)


def _with_host(url: str, host: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host in ASCII, and port, the scheme's own port written out.

    Raises:
        InvalidRequestError: The host or the port cannot be one.
    """
    parts = _split(url)
    if parts is None:
        raise InvalidRequestError("a URL has a host or a port that cannot be one")
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, host if host.isascii() else _ascii_host(host), port


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # fails here or nowhere
    except ValueError:
        return None
    return parts


def _ascii_host(host: str) -> str:
    # As requests writes it on the wire.
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(f"http://{host}/", None)
    except requests.RequestException:
        prepared.url = None
    if prepared.url is None:
        raise InvalidRequestError("a URL has a host that cannot be one")
    return urlsplit(prepared.url).hostname or ""


def without_query(url: str) -> str:
    """Return what of a URL may stand in a log: no user, no query, no fragment."""
    if "?" not in url and "#" not in url and "@" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def build_url(
    base_url: str, path: str, path_params: PathParams | None, params: QueryParams | None
) -> str:
    """Join the base URL, a path with its parameters filled in, and a query.

    Raises:
        InvalidRequestError: The path leads out of the base URL's origin or has an empty, ``.``
            or ``..`` segment, or a parameter is missing, unknown, or no segment of a path.
    """
    located = _locate(base_url, fill_path(path, path_params or {}))
    query = encode_query(params)
    if not query:
        return located
    return f"{located}{'&' if '?' in located else '?'}{query}"


def _locate(base_url: str, path: str) -> str:
    if "#" in path or "\\" in path:
        raise InvalidRequestError("a path holds no '#' and no backslash; quote it or use {name}")
    if _NO_TEXT.search(path):
        raise InvalidRequestError("a path holds no control character")
    before_query = path.partition("?")[0]
    if "{" in before_query or "}" in before_query:
        raise InvalidRequestError("a path holds no brace but around a name, as in {order_id}")
    if "://" in before_query:
        return _of_same_origin(base_url, path)
    _refuse_bad_segments(before_query.split("/"))
    return f"{base_url}/{path.removeprefix('/')}" if path else base_url


def _of_same_origin(base_url: str, url: str) -> str:
    if origin(url) != origin(base_url):
        raise InvalidRequestError(f"the URL leads away from {base_url}")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidRequestError("a URL carries no user")
    _refuse_bad_segments(parts.path.split("/"))
    return url


def _refuse_bad_segments(segments: Sequence[str]) -> None:
    inner = segments[1:-1] if segments[0] == "" else segments[:-1]
    if "" in inner:
        raise InvalidRequestError("the path has an empty segment ('//'); is a parameter empty?")
    if any(map(_is_dots, segments)):
        raise InvalidRequestError("the path has a '.' or '..' segment")


def _is_dots(segment: str) -> bool:
    # Some servers take what follows a semicolon for no part of the segment.
    return segment[:1] in {".", "%"} and (
        segment.lower().replace("%2e", ".").partition(";")[0] in _DOTS
    )


def fill_path(template: str, path_params: PathParams) -> str:
    """Put quoted parameters in the place of ``{name}``.

    Raises:
        InvalidRequestError: A parameter is missing, unknown, or no segment of a path.
    """
    if not path_params and "{" not in template:
        return template
    names = set(_PLACEHOLDER.findall(template))
    if names != set(path_params):
        raise InvalidRequestError(
            f"the path asks for the parameters {sorted(names)}, given were {sorted(path_params)}"
        )
    return _PLACEHOLDER.sub(lambda match: _path_value(match[1], path_params[match[1]]), template)


def _path_value(name: str, value: object) -> str:
    if value is None:
        raise InvalidRequestError(f"the path parameter {name!r} is None")
    text = scalar_text(value)
    # Also where a server decodes once too often, or strips what it decoded.
    meant = unquote(text).strip()
    if not meant or meant in _DOTS:
        raise InvalidRequestError(f"the path parameter {name!r} is blank, '.' or '..'")
    if _NO_TEXT.search(text):
        raise InvalidRequestError(f"the path parameter {name!r} holds a control character")
    return escape(text)


def redirect_target(url: str, location: str) -> str | None:
    """Return where a redirect leads, or None if that is another origin or nowhere."""
    location = _as_utf8(location)
    if "\\" in location or _NO_TEXT.search(location):
        return None
    try:
        target = urljoin(url, location)
        same = origin(target) == origin(url)
    except ValueError:
        return None
    return target if same and "@" not in urlsplit(target).netloc else None


def _as_utf8(location: str) -> str:
    # Headers are read as Latin-1; servers that do not escape a path write UTF-8.
    try:
        return location.encode("latin-1").decode()
    except UnicodeError:
        return location
