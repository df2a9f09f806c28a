"""Find secrets in what a service says back, also where it has rewritten them."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

_MIN_LENGTH: Final = 3
# So much of a longer text is given away only with the text.
_WINDOW: Final = 8
# Passwords, names and attributes that say nothing; and Cognito's own messages hold them.
_COMMON: Final = frozenset({"email", "false", "password", "true", "user"})


def is_echoed(message: str, values: Iterable[str]) -> bool:
    """Tell whether a message holds one of the values, or a part of it, in any usual spelling."""
    told = message.casefold()
    windows = set(_windows(told)) - _COMMON
    return any(
        _is_in(told, windows, spelling.casefold())
        for value in values
        for spelling in _spellings(value)
    )


def texts_of(value: Any) -> Iterator[str]:
    """Give every text in the parameters of a request, but for the names of attributes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if key != "Name":
                yield from texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)


def _is_in(told: str, windows: set[str], text: str) -> bool:
    if len(text) > _WINDOW:
        return not windows.isdisjoint(_windows(text))
    if len(text) < _MIN_LENGTH or text in _COMMON:
        return False
    # As a whole: three letters of somebody's name are in many a word.
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", told) is not None


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + _WINDOW] for start in range(len(text) - _WINDOW + 1))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield html.escape(value)
    yield quote(value, safe="", errors="replace")
    yield quote_plus(value, errors="replace")
    yield base64.b64encode(value.encode(errors="replace")).decode()
