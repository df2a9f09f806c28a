"""Log lines as text, and what both forms of line share: the fields, their caps, what is hidden."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Final

from pydantic import SecretBytes, SecretStr

from saigon.fastapi._text import one_line

LINE_LIMIT: Final = 16_000
"""The longest line, in bytes: log collectors cut, or drop, lines beyond 16 kB."""

CONTEXT_ATTRIBUTE: Final = "log_context"
STANDARD_ATTRIBUTES: Final = frozenset(
    {
        *vars(logging.LogRecord("", 0, "", 0, "", (), None)),
        *("asctime", "message", "taskName", CONTEXT_ATTRIBUTE),
    }
)
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
    fields = dict(getattr(record, CONTEXT_ATTRIBUTE, {}))
    extras = {key: value for key, value in vars(record).items() if key not in STANDARD_ATTRIBUTES}
    return {str(key): shown(key, value) for key, value in (fields | extras).items()}


def shown(key: object, value: object, depth: int = _DEPTH) -> object:
    """Return a field's value as it may be logged: secrets hidden in what it holds too."""
    if _names_secret(key) or isinstance(value, SecretStr | SecretBytes):
        return _HIDDEN
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return {str(name): shown(name, inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown_item(item, depth - 1) for item in value]
    # JSON has no such number.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _shown_item(item: object, depth: int) -> object:
    # A pair may be a header, as an ASGI scope holds them.
    if isinstance(item, tuple) and len(item) == _PAIR:
        return [shown("", item[0], depth), shown(item[0], item[1], depth)]
    return shown("", item, depth)


def _names_secret(key: object) -> bool:
    text = key.decode("latin-1") if isinstance(key, bytes) else str(key)
    return text.lower().replace("-", "_") in _SECRET_NAMES


class TextFormatter(logging.Formatter):
    """Writes time, level, logger and message, then the fields as ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and below it the traceback where there is one."""
        line = self._head(record).encode(errors="replace")
        trace = self._trace(record).encode(errors="replace")
        if len(line) + len(trace) > LINE_LIMIT:
            # The end of a traceback says what happened.
            line = line[: LINE_LIMIT // 2] + _CUT
            trace = trace[-(LINE_LIMIT // 2 - len(_CUT)) :]
        return (line + trace).decode(errors="ignore")

    def _head(self, record: logging.LogRecord) -> str:
        words = [
            self.formatTime(record),
            record.levelname,
            record.name,
            one_line(record.getMessage()),
            *(
                f"{one_line(key)}={_pair_value(value)}"
                for key, value in record_fields(record).items()
                if value is not None
            ),
        ]
        return " ".join(words)

    def _trace(self, record: logging.LogRecord) -> str:
        parts = []
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        # Indented, so that a line of an error's text cannot pass for a record.
        lines = "\n".join(parts).split("\n") if parts else []
        return "".join("\n  " + one_line(line) for line in lines)


_CUT: Final = b" ...[cut]... "


def _pair_value(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() and text.isprintable() and " " not in text else json.dumps(text)
