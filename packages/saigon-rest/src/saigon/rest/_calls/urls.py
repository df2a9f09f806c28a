"""URLs of one origin: path parameters that cannot leave their segment, queries without ``+``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from pydantic import BaseModel

from saigon.model import QueryDataParams
from saigon.rest._canonical import escape
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

Scalar: TypeAlias = str | int | float | Decimal | UUID | date | Enum
PathParams: TypeAlias = Mapping[str, Scalar]
QueryParams: TypeAlias = (
    Mapping[str, Scalar | Sequence[Scalar] | None] | BaseModel | QueryDataParams[Any]
)

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_DOTS: Final = frozenset({".", ".."})


def parse_base_url(base_url: str) -> str:
    """Check a base URL and return it without a trailing slash.

    Raises:
        ConfigurationError: It is not ``http(s)://host``, or carries a user, a query or a fragment.
    """
    try:
        scheme, host, _ = origin(base_url)
    except InvalidRequestError as exc:
        raise ConfigurationError(f"the base URL is malformed: {exc}") from None
    if scheme not in _DEFAULT_PORTS or not host:
        raise ConfigurationError("expected a base URL such as https://api.example.com/prod")
    if "@" in urlsplit(base_url).netloc or "?" in base_url or "#" in base_url:
        raise ConfigurationError("a base URL carries no user, query or fragment")
    return base_url.rstrip("/")


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, the scheme's own port written out.

    Raises:
        InvalidRequestError: The host or the port cannot be one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        raise InvalidRequestError("a URL has a host or a port that cannot be one") from None
    return parts.scheme, parts.hostname or "", port


def without_query(url: str) -> str:
    """Return what of a URL may stand in a log: no user, no query, no fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def build_url(
    base_url: str, path: str, path_params: PathParams | None, params: QueryParams | None
) -> str:
    """Join the base URL, a path with its parameters filled in, and a query.

    Raises:
        InvalidRequestError: The path leads out of the base URL's origin or has an empty, ``.``
            or ``..`` segment, or a parameter is missing, unknown, or empty, ``.`` or ``..``.
    """
    located = _locate(base_url, fill_path(path, path_params or {}))
    query = encode_query(params)
    if not query:
        return located
    return f"{located}{'&' if '?' in located else '?'}{query}"


def _locate(base_url: str, path: str) -> str:
    if "#" in path or "\\" in path:
        raise InvalidRequestError("a path holds no '#' and no backslash; quote it or use {name}")
    absolute = "://" in path.partition("?")[0]
    if absolute and origin(path) != origin(base_url):
        raise InvalidRequestError(f"the URL leads away from {base_url}")
    if absolute and "@" in urlsplit(path).netloc:
        raise InvalidRequestError("a URL carries no user")
    segments = (urlsplit(path).path if absolute else path.partition("?")[0]).split("/")
    _refuse_bad_segments(segments)
    if absolute:
        return path
    return f"{base_url}/{path.removeprefix('/')}" if path else base_url


def _refuse_bad_segments(segments: Sequence[str]) -> None:
    inner = segments[1:-1] if segments[0] == "" else segments[:-1]
    if "" in inner:
        raise InvalidRequestError("the path has an empty segment ('//'); is a parameter empty?")
    if any(segment.lower().replace("%2e", ".") in _DOTS for segment in segments):
        raise InvalidRequestError("the path has a '.' or '..' segment")


def fill_path(template: str, path_params: PathParams) -> str:
    """Put quoted parameters in the place of ``{name}``."""
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
    if not text or text in _DOTS:
        raise InvalidRequestError(f"the path parameter {name!r} is empty, '.' or '..'")
    return escape(text)


def scalar_text(value: object) -> str:
    """Write a value as services read it: enums by value, dates in ISO 8601, booleans as JSON."""
    if isinstance(value, Enum):
        return scalar_text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def encode_query(params: QueryParams | None) -> str:
    """Write a query in which every reserved character is escaped, None left out."""
    return "&".join(f"{escape(name)}={escape(value)}" for name, value in _query_pairs(params))


def _query_pairs(params: QueryParams | None) -> Iterable[tuple[str, str]]:
    for name, value in _as_mapping(params).items():
        if value is None:
            continue
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        for item in values:
            yield name, scalar_text(item)


def _as_mapping(params: QueryParams | None) -> Mapping[str, Any]:
    if params is None:
        return {}
    if isinstance(params, QueryDataParams):
        return params.url_params_dict()
    if isinstance(params, BaseModel):
        return params.model_dump(mode="json", by_alias=True, exclude_none=True)
    return params


def redirect_target(url: str, location: str) -> str | None:
    """Return where a redirect leads, or None if that is another origin or nowhere."""
    try:
        target = urljoin(url, location)
        same = origin(target) == origin(url)
    except ValueError:
        return None
    return target if same and "@" not in urlsplit(target).netloc else None
