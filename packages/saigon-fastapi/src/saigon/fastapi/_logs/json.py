"""Log lines as JSON; importing this module needs the extra ``[json]``."""

import json
import logging
from typing import Any, Final

from pythonjsonlogger.json import JsonFormatter

from saigon.fastapi._log_format import LINE_LIMIT, STANDARD_ATTRIBUTES, record_fields, shown

_STEPS: Final = (2048, 512, 128)
_OWN: Final = frozenset({"timestamp", "level", "logger", "message", "exc_info", "stack_info"})
_ESSENTIAL: Final[tuple[str, ...]] = ("timestamp", "level", "logger", "message", "request_id")


class ContextJsonFormatter(JsonFormatter):
    """Writes one JSON object a line, in ASCII and never longer than 16 kB."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=sorted(STANDARD_ATTRIBUTES),
            timestamp=True,
        )

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """Add the fields; one of a name that every line has gets an underscore behind it."""
        super().add_fields(log_data, record, message_dict)
        log_data.update({key: shown(key, value) for key, value in message_dict.items()})
        for key, value in record_fields(record).items():
            log_data[f"{key}_" if key in _OWN else key] = value
        log_data.update(level=record.levelname, logger=record.name)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line, its values cut shorter and shorter until it fits."""
        line = super().jsonify_log_record(log_data)
        for limit in _STEPS:
            if len(line) <= LINE_LIMIT:
                return line
            line = super().jsonify_log_record(_cut(log_data, limit))
        if len(line) <= LINE_LIMIT:
            return line
        essential: dict[str, Any] = {key: log_data[key] for key in _ESSENTIAL if key in log_data}
        return super().jsonify_log_record(_cut(essential, _STEPS[-1]))


def _cut(log_data: dict[str, Any], limit: int) -> dict[str, Any]:
    return {key[:64]: _cut_value(value, limit) for key, value in log_data.items()} | {
        "truncated": True
    }


def _cut_value(value: object, limit: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    text = value if isinstance(value, str) else str(value)
    if len(text) <= limit:
        return text if isinstance(value, str) else _short(value)
    return text[: limit // 2] + "..." + text[-limit // 2 :]


def _short(value: object) -> object:
    return value if isinstance(value, int) else json.dumps(str(value))[1:-1]
