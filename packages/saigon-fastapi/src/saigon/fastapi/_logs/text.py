"""Log lines as text."""

import json
import logging
from typing import Final

from saigon.fastapi._logs.fields import LINE_LIMIT, record_fields
from saigon.fastapi._logs.shown import shown
from saigon.fastapi._text import one_line


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
            one_line(_message(record)),
            *(
                f"{one_line(str(key))}={_pair_value(value)}"
                for key, value in record_fields(record).items()
                if value is not None
            ),
        ]
        return " ".join(words)

    def _trace(self, record: logging.LogRecord) -> str:
        parts = []
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        elif record.exc_text:  # of another process
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        # Indented, so that a line of an error's text cannot pass for a record.
        lines = "\n".join(parts).split("\n") if parts else []
        return "".join("\n  " + one_line(line) for line in lines)


_CUT: Final = b" ...[cut]... "


def _message(record: logging.LogRecord) -> str:
    message: object = record.msg
    return record.getMessage() if isinstance(message, str) else str(shown("", message))


def _pair_value(value: object) -> str:
    text = value if isinstance(value, str) else str(shown("", value))
    return text if text.isascii() and text.isprintable() and " " not in text else json.dumps(text)
