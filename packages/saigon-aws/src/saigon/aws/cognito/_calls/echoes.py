"""Find secrets in what a service says back, also where it has rewritten them."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

_MIN_LENGTH: Final = 3
# So much of a secret is given away only with the secret. Eight letters are a common word at most,
# and one of those is in Cognito's own messages.
_WINDOW: Final = 8
_OWN_WORD: Final = "password"


def is_echoed(message: str, values: Iterable[str]) -> bool:
    """Tell whether a message holds one of the values, or a part of it, in any usual spelling."""
    lowered = message.casefold()
    return any(
        part in lowered
        for value in values
        for spelling in _spellings(value)
        for part in _parts(spelling.casefold())
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


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield repr(value)[1:-1]
    yield quote(value, safe="", errors="replace")
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield base64.b64encode(value.encode(errors="replace")).decode()


def _parts(text: str) -> Iterator[str]:
    if len(text) <= _WINDOW:
        if len(text) >= _MIN_LENGTH:
            yield text
        return
    for start in range(len(text) - _WINDOW + 1):
        part = text[start : start + _WINDOW]
        if part != _OWN_WORD:
            yield part
