"""The fields of one log line: the context's and the record's own."""

import logging
from collections.abc import Mapping
from itertools import islice
from typing import Final

from saigon.fastapi._logs.shown import PLAIN, is_secret_word, shown

LINE_LIMIT: Final = 16_000
"""The longest line, in bytes: log collectors cut, or drop, lines beyond 16 kB."""

CONTEXT_ATTRIBUTE: Final = "log_context"

_STANDARD: Final = tuple(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
_LATER: Final = ("message", "asctime", CONTEXT_ATTRIBUTE)
_NOTHING: Final[Mapping[str, object]] = {}


def record_fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the context and, over it, the extras of one record, as they may be logged."""
    fields = {**vars(record).get(CONTEXT_ATTRIBUTE, _NOTHING), **_extras(vars(record))}
    if PLAIN.issuperset(map(type, fields.values())) and not any(map(is_secret_word, fields)):
        return fields
    return {str(key): shown(key, value) for key, value in fields.items()}


def _extras(attributes: Mapping[str, object]) -> dict[str, object]:
    if next(iter(attributes)) != _STANDARD[0]:
        left_out = {*_STANDARD, *_LATER}
        return {key: value for key, value in attributes.items() if key not in left_out}
    # They stand behind what every record begins with.
    extras = dict(islice(attributes.items(), len(_STANDARD), None))
    for name in _LATER:
        extras.pop(name, None)
    return extras
