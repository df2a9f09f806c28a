"""Log lines as text, and what both forms of line share: the fields, their caps, what is hidden."""

import json
import logging
from typing import Final

from pydantic import SecretBytes, SecretStr

from saigon.fastapi._text import one_line

LINE_LIMIT: Final = 16_000
"""The longest line, in characters: log collectors cut, or drop, lines beyond 16 kB."""

CONTEXT_ATTRIBUTE: Final = "log_context"
STANDARD_ATTRIBUTES: Final = frozenset(
    {
        *vars(logging.LogRecord("", 0, "", 0, "", (), None)),
        *("asctime", "message", "taskName", CONTEXT_ATTRIBUTE),
    }
)
_HIDDEN: Final = "**********"
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
    return {key: _shown(key, value) for key, value in (fields | extras).items()}


def _shown(key: str, value: object) -> object:
    secret = key.lower().replace("-", "_") in _SECRET_NAMES
    return _HIDDEN if secret or isinstance(value, SecretStr | SecretBytes) else value


class TextFormatter(logging.Formatter):
    """Writes time, level, logger and message, then the fields as ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and below it the traceback where there is one."""
        line = self._head(record)
        trace = self._trace(record)
        if len(line) + len(trace) <= LINE_LIMIT:
            return line + trace
        # The end of a traceback says what happened.
        line = line[: LINE_LIMIT // 2]
        tail = trace[-(LINE_LIMIT // 2 - len(_CUT)) :] if trace else ""
        return line + _CUT + tail

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
        return "".join("\n" + part for part in parts)


_CUT: Final = " ...[cut]... "


def _pair_value(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() and text.isprintable() and " " not in text else json.dumps(text)
