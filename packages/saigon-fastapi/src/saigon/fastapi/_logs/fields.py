"""The fields of one log line: the context's and the record's own, with what is secret hidden."""

import logging
import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from pydantic import SecretBytes, SecretStr

LINE_LIMIT: Final = 16_000
"""The longest line, in bytes: log collectors cut, or drop, lines beyond 16 kB."""

CONTEXT_ATTRIBUTE: Final = "log_context"
STANDARD_ATTRIBUTES: Final = tuple(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
"""What every record begins with."""

PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""The types of most values."""

_EXACT: Final = PLAIN - {float}
_LATER: Final = ("message", "asctime", CONTEXT_ATTRIBUTE)
_NOTHING: Final[Mapping[str, object]] = {}
_HIDDEN: Final = "**********"
_DEPTH: Final = 5  # levels of a field that are shown
_PAIR: Final = 2
_SECRET_NAMES: Final = frozenset(
    {
        *("access_token", "api_key", "authorization", "cookie", "id_token", "password"),
        *("proxy_authorization", "refresh_token", "secret", "set_cookie", "token"),
        "x_amz_security_token",
    }
)


def record_fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the context and, over it, the extras of one record; secrets hidden."""
    fields = {**vars(record).get(CONTEXT_ATTRIBUTE, _NOTHING), **_extras(vars(record))}
    if PLAIN.issuperset(map(type, fields.values())) and not any(map(_is_secret_name, fields)):
        return fields
    return {key: shown(key, value) for key, value in fields.items()}


def _extras(attributes: Mapping[str, object]) -> dict[str, object]:
    if next(iter(attributes)) != STANDARD_ATTRIBUTES[0]:
        left_out = {*STANDARD_ATTRIBUTES, *_LATER}
        return {key: value for key, value in attributes.items() if key not in left_out}
    # They stand behind what every record begins with.
    extras = dict(islice(attributes.items(), len(STANDARD_ATTRIBUTES), None))
    for name in _LATER:
        extras.pop(name, None)
    return extras


def shown(key: object, value: object, depth: int = _DEPTH) -> object:
    """Return a field's value as it may be logged: secrets hidden in what it holds too."""
    if _names_secret(key):
        return _HIDDEN
    return value if type(value) in _EXACT else _shown_value(value, depth)


def _shown_value(value: object, depth: int) -> object:
    if isinstance(value, SecretStr | SecretBytes):
        return _HIDDEN
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return {str(name): shown(name, inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown_item(item, depth - 1) for item in value]
    return _finite(value) if isinstance(value, float) else value


def _finite(value: float) -> float | str:
    """Return a word for what is no number in JSON, as pydantic writes it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shown_item(item: object, depth: int) -> object:
    # A pair may be a header, as an ASGI scope holds them.
    if isinstance(item, tuple) and len(item) == _PAIR:
        return [shown("", item[0], depth), shown(item[0], item[1], depth)]
    return shown("", item, depth)


def _names_secret(key: object) -> bool:
    return _is_secret_name(key.decode("latin-1") if isinstance(key, bytes) else str(key))


@lru_cache(maxsize=1024)
def _is_secret_name(text: str) -> bool:
    return text.lower().replace("-", "_") in _SECRET_NAMES
