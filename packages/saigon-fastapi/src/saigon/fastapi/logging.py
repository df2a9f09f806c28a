"""Key-values that every log line within a scope carries, on the standard ``logging``."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import Token
from types import MappingProxyType
from typing import Any, Final, TextIO

from saigon.fastapi._log_format import CONTEXT_ATTRIBUTE, TextFormatter
from saigon.fastapi._log_scope import FIELDS
from saigon.fastapi.exceptions import MissingExtraError

__all__ = [
    "asynclogcontext",
    "current_log_context",
    "enable_log_context",
    "logcontext",
    "set_log_context",
    "unset_log_context",
]


@contextmanager
def logcontext(**fields: object) -> Iterator[None]:
    """Put the fields on every log line below; an inner scope overrides and restores.

    Use it as a context manager, or as the decorator of a ``def`` function.
    """
    token = FIELDS.set({**FIELDS.get(), **fields})
    try:
        yield
    finally:
        _restore(token)


@asynccontextmanager
async def asynclogcontext(**fields: object) -> AsyncIterator[None]:
    """Do what :func:`logcontext` does, under ``async with`` or on an ``async def`` function."""
    with logcontext(**fields):
        yield


def set_log_context(**fields: object) -> None:
    """Add the fields from here to the end of the scope: of the request, task or ``logcontext``."""
    FIELDS.set({**FIELDS.get(), **fields})


def unset_log_context(*names: str) -> None:
    """Take fields off the lines from here to the end of the scope; unknown names are no error."""
    FIELDS.set({key: value for key, value in FIELDS.get().items() if key not in names})


def current_log_context() -> Mapping[str, object]:
    """Return the fields now in force."""
    return MappingProxyType(dict(FIELDS.get()))


def enable_log_context(
    *,
    json: bool = False,
    level: int | str = logging.INFO,
    handler: logging.Handler | None = None,
) -> logging.Handler:
    """Make log lines carry the context, and write them from the root logger on.

    A second call replaces the handler of the first. Other handlers and their formatters are left
    alone; they find the context as the mapping ``log_context`` on each record.

    Args:
        json: Write one JSON object a line instead of text.
        level: The root logger's level.
        handler: Where the lines go, standard error by default.

    Returns:
        The handler, for whoever wants to take it off again.

    Raises:
        MissingExtraError: JSON was asked for and ``saigon-fastapi[json]`` is not installed.
    """
    formatter = _json_formatter() if json else TextFormatter()
    handler = _StandardError() if handler is None else handler
    handler.setFormatter(formatter)
    _ContextRecordFactory.install()
    root = logging.getLogger()
    for ours in [old for old in root.handlers if getattr(old, _OURS, False)]:
        root.removeHandler(ours)
    setattr(handler, _OURS, True)
    root.addHandler(handler)
    root.setLevel(level)
    return handler


_OURS: Final = "_saigon_log_context"


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is when the line is written, not what it once was."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _json_formatter() -> logging.Formatter:
    try:
        from saigon.fastapi._log_json import ContextJsonFormatter
    except ModuleNotFoundError as exc:
        raise MissingExtraError("json", exc.name) from exc
    return ContextJsonFormatter()


def _restore(token: Token[Mapping[str, object]]) -> None:
    try:
        FIELDS.reset(token)
    except ValueError:
        # A generator that ends in another context than it began in, such as a dependency run in
        # a worker thread: the value to restore is gone with the first.
        return


class _ContextRecordFactory:
    """Stamps the context on records as they are made: a handler may format in another thread."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        setattr(record, CONTEXT_ATTRIBUTE, FIELDS.get())
        return record

    @classmethod
    def install(cls) -> None:
        make = logging.getLogRecordFactory()
        if not isinstance(make, cls):
            logging.setLogRecordFactory(cls(make))
