"""Values as they may be logged: secrets hidden, whatever they stand in, and all of it bounded."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import date, time
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Final

from pydantic import BaseModel, SecretBytes, SecretStr

PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""The types of most values."""

_HIDDEN: Final = "**********"
_DEPTH: Final = 5  # levels of a field that are shown
_BREADTH: Final = 100  # items of each level
_LONGEST_NUMBER: Final = 10**300
_LONGEST_NAME: Final = 64
_PAIR: Final = 2
_SECRET_ENDINGS: Final = (
    *("accesskey", "apikey", "authorization", "cookie", "credentials", "passwd", "password"),
    *("privatekey", "secret", "signature", "token"),
)
_own_secrets: Final[set[str]] = set()


def hide_name(name: str) -> None:
    """Hide from now on what stands under this name too."""
    _own_secrets.add(_folded(name))
    _is_secret.cache_clear()


def shown(key: object, value: object, depth: int = _DEPTH) -> object:
    """Return a field's value as it may be logged: plain values, lists and mappings of such."""
    if is_secret_name(key):
        return _HIDDEN
    if value is None or type(value) is str or type(value) is bool:
        return value
    try:
        return _shown_value(value, depth)
    except Exception:  # noqa: BLE001  # a value of anyone's
        return f"<{type(value).__name__} that cannot be shown>"


def _shown_value(value: object, depth: int) -> object:
    if isinstance(value, SecretStr | SecretBytes):
        return _HIDDEN
    if isinstance(value, Enum):
        return shown("", value.value, depth)
    if isinstance(value, int | float):
        return _shown_number(value)
    members = _members(value)
    if members is None:
        return value.isoformat() if isinstance(value, date | time) else str(value)
    return members(depth - 1) if depth else "..."


def _members(value: object) -> Callable[[int], object] | None:
    """Return what shows the members of a value, where it has any."""
    if isinstance(value, Mapping):
        return lambda depth: _shown_mapping(value.items(), depth)
    if isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
        return lambda depth: _shown_mapping(vars(value).items(), depth)
    if isinstance(value, list | tuple | deque | AbstractSet):
        return lambda depth: [_shown_item(item, depth) for item in islice(value, _BREADTH)]
    return None


def _shown_mapping(items: Iterable[tuple[object, object]], depth: int) -> dict[str, object]:
    return {str(name): shown(name, inner, depth) for name, inner in islice(items, _BREADTH)}


def _shown_item(item: object, depth: int) -> object:
    # A pair may be a header, as an ASGI scope holds them.
    if isinstance(item, list | tuple) and len(item) == _PAIR:
        return [shown("", item[0], depth), shown(item[0], item[1], depth)]
    return shown("", item, depth)


def _shown_number(value: float) -> float | str:
    """Return a word for what is no number in JSON, or none that its readers take."""
    if isinstance(value, int):
        return value if abs(value) < _LONGEST_NUMBER else f"<int of {value.bit_length()} bits>"
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def is_secret_name(key: object) -> bool:
    """Tell whether what stands under this name is hidden."""
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    if not isinstance(text, str):
        text = _safe_text(text)
    return _is_secret(text) if len(text) <= _LONGEST_NAME else _is_secret.__wrapped__(text)


def _safe_text(value: object) -> str:
    with suppress(Exception):
        return str(value)
    return ""


@lru_cache(maxsize=1024)
def _is_secret(text: str) -> bool:
    folded = _folded(text)
    return folded.endswith(_SECRET_ENDINGS) or folded in _own_secrets


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
