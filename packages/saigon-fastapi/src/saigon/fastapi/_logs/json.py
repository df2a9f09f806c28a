"""Log lines as JSON; importing this module needs the extra ``[json]``."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from pydantic_core import to_json
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from saigon.fastapi._logs.fields import LINE_LIMIT, record_fields
from saigon.fastapi._logs.shown import PLAIN, shown

_LONGEST_NUMBER: Final = 4000  # digits; Python reads no more than 4300
_STEPS: Final = (8192, 2048, 512, 128)
_HEAD: Final = frozenset({"timestamp", "level", "logger"})
_OWN: Final = _HEAD | {"message", "exc_info", "stack_info"}
_ESSENTIAL: Final = (
    *("timestamp", "level", "logger", "message", "request_id", "method", "route", "status"),
    "exc_info",
)


class ContextJsonFormatter(JsonFormatter):
    """Writes one JSON object a line, in ASCII and never longer than 16 kB."""

    def __init__(self) -> None:
        super().__init__("%(message)s")
        self._encoder = JsonEncoder(ensure_ascii=True, separators=(",", ":"))

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """Add the fields; one of a name that every line has gets an underscore behind it."""
        log_data["timestamp"] = _timestamp(record.created)
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.message
        for key, value in message_dict.items():
            log_data[f"{key}_" if key in _HEAD else str(key)] = shown(key, value)
        fields = record_fields(record)
        if not _OWN.isdisjoint(fields):
            fields = {f"{key}_" if key in _OWN else key: fields[key] for key in fields}
        log_data.update(fields)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line, its values cut shorter and shorter until it fits."""
        line = self._encoded(log_data)
        if len(line) <= LINE_LIMIT:
            return line
        for limit in _STEPS:
            line = self._encoded(_cut(log_data, limit))
            if len(line) <= LINE_LIMIT:
                return line
        essential: dict[str, Any] = {key: log_data[key] for key in _ESSENTIAL if key in log_data}
        return self._encoded(_cut(essential, _STEPS[-1]))

    def _encoded(self, log_data: dict[str, Any]) -> str:
        # Most lines are of a few plain types and in ASCII, which pydantic writes in a fifth of the
        # time; all others are python-json-logger's.
        if PLAIN.issuperset(map(type, log_data.values())):
            with suppress(ValueError):  # a half of a surrogate pair
                line = to_json(log_data, inf_nan_mode="strings")
                if line.isascii() and len(line) < _LONGEST_NUMBER:
                    return line.decode()
        return self._encoder.encode({key: shown("", value) for key, value in log_data.items()})


def _timestamp(created: float) -> str:
    second = int(created)
    return f"{_second(second)}.{int((created - second) * 1_000_000):06d}+00:00"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _cut(log_data: dict[str, Any], limit: int) -> dict[str, Any]:
    return {key[:64]: _cut_value(value, limit) for key, value in log_data.items()} | {
        "truncated": True
    }


def _cut_value(value: object, limit: int) -> object:
    if not isinstance(value, str) and type(value) in PLAIN:
        return value
    text = str(value)
    return text if len(text) <= limit else text[: limit // 2] + "..." + text[-limit // 2 :]
