"""Values as they may be logged: secrets hidden, whatever they stand in, and all of it bounded."""

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr

ItemT = TypeVar("ItemT")

PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""The types of most values."""

_HIDDEN: Final = "**********"
_CUT: Final = "..."
_DEPTH: Final = 5  # levels of a field that are shown
_BREADTH: Final = 100  # items of one level
_ITEMS: Final = 2000  # of all levels
_LONGEST_NUMBER: Final = 10**4000  # Python reads no more than 4300 digits
_LONGEST_NAME: Final = 64
_PAIR: Final = 2
_SECRET_ENDINGS: Final = (
    *("accesskey", "apikey", "authorization", "cookie", "credential", "passphrase", "passwd"),
    *("password", "privatekey", "secret", "secretkey", "signature", "token"),
)
_own_secrets: Final[set[str]] = set()


def hide_name(name: str) -> None:
    """Hide from now on what stands under this name too."""
    _own_secrets.add(_folded(name))
    is_secret_word.cache_clear()


def shown(key: object, value: object) -> object:
    """Return a field's value as it may be logged: plain values, lists and mappings of such."""
    try:
        return _Showing().field(key, value, _DEPTH)
    except Exception:  # noqa: BLE001  # a value of anyone's
        return f"<{type(value).__name__} that cannot be shown>"


class _Showing:
    """Shows one field, and so many items in all."""

    def __init__(self) -> None:
        self._left = _ITEMS

    def field(self, key: object, value: object, depth: int) -> object:
        if is_secret_name(key):
            return _HIDDEN
        if value is None or type(value) is str or type(value) is bool:
            return value
        return self._value(value, depth)

    def _value(self, value: object, depth: int) -> object:
        if isinstance(value, SecretStr | SecretBytes):
            return _HIDDEN
        if isinstance(value, Enum):
            return self.field("", value.value, depth)
        if isinstance(value, int | float):
            return _shown_number(value)
        members = _members(value)
        if members is not None:
            return self._mapping(members, depth - 1) if depth else _CUT
        if isinstance(value, list | tuple | deque | AbstractSet):
            return self._items(value, depth - 1) if depth else _CUT
        return value.isoformat() if isinstance(value, date | time) else str(value)

    def _mapping(self, members: Mapping[Any, object], depth: int) -> dict[str, object]:
        return {
            str(name): self.field(name, inner, depth) for name, inner in self._few(members.items())
        }

    def _items(self, items: Collection[object], depth: int) -> list[object]:
        if isinstance(items, list | tuple) and len(items) == _PAIR:
            name, value = items  # perhaps of a header, as an ASGI scope holds them
            return [self.field("", name, depth), self.field(name, value, depth)]
        return [self.field("", item, depth) for item in self._few(items)]

    def _few(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        for item in islice(items, _BREADTH):
            if self._left <= 0:
                return
            self._left -= 1
            yield item


def _members(value: object) -> Mapping[Any, object] | None:
    """Return the members of a value by their names, where they have names."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return {**vars(value), **(value.model_extra or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    names = getattr(value, "_fields", None) if isinstance(value, tuple) else None
    return None if names is None else {name: getattr(value, name) for name in names}


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
    # A value may stand in a name's place: what is long, or no text, is not kept.
    is_word = isinstance(text, str) and len(text) <= _LONGEST_NAME
    return is_secret_word(text) if is_word else _is_secret(text)


def _is_secret(name: object) -> bool:
    try:
        folded = _folded(str(name))
    except Exception:  # noqa: BLE001  # a value of anyone's
        return False
    return folded.endswith(_SECRET_ENDINGS) or folded in _own_secrets


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").removesuffix("s")


is_secret_word: Final = lru_cache(maxsize=1024)(_is_secret)
"""The same for the names of a record's fields, of which there are few, and by far quicker."""
